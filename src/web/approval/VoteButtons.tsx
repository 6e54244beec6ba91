/** The buttons of a voter. A vote is final, so each asks once and says what follows (THR3, THR9). */
import { type ReactNode, useState } from "react"
import type { VoteChoice } from "../../domain/thread/ThreadModel.ts"
import { Button } from "../design/Button.tsx"
import { ConfirmDialog } from "../design/ConfirmDialog.tsx"
import { useMessages } from "../language/Language.ts"
import { approvalMessages } from "./ApprovalMessages.ts"

/** Deny and Approve. `explain` says what a choice leads to, in sentences. */
export const VoteButtons = ({ explain, onVote }: {
  readonly explain: (choice: VoteChoice) => ReactNode
  readonly onVote: (choice: VoteChoice) => void
}): ReactNode => {
  const messages = useMessages(approvalMessages)
  const [isAsking, setAsking] = useState(false)
  // Kept while the dialog closes.
  const [choice, setChoice] = useState<VoteChoice>()
  const ask = (choice: VoteChoice) => {
    setChoice(choice)
    setAsking(true)
  }
  return (
    <>
      <Button onClick={() => ask("deny")}>{messages.choice.deny}</Button>
      <Button variant="go" onClick={() => ask("approve")}>{messages.choice.approve}</Button>
      {choice !== undefined && (
        <ConfirmDialog
          open={isAsking}
          onOpenChange={setAsking}
          title={messages.question(messages.choice[choice])}
          confirmLabel={messages.choice[choice]}
          cancelLabel={messages.notYet}
          danger={choice === "deny"}
          onConfirm={() => onVote(choice)}
        >
          {explain(choice)} {messages.final}
        </ConfirmDialog>
      )}
    </>
  )
}
