/** A submission: its text, stake, votes and outcome (THR2, THR3, THR4). */
import type { ReactNode } from "react"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { PlainSubmission } from "../../domain/thread/ThreadModel.ts"
import { useErase } from "../erasing/EraseText.tsx"
import { formatTokens } from "../language/legacy.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { Markdown } from "../text/Markdown.tsx"
import { type ThreadTopic, useCommand } from "../topic/hooks.ts"
import { mayVote, VoteChoices, VoteCount } from "./VoteRow.tsx"

const statusLabels = {
  pending: "Submission",
  approved: "Approved",
  rejected: "Denied",
  expired: "Expired",
  cancelled: "Withdrawn"
} as const

/** A submission in the timeline. */
export const SubmissionCard = ({ me, submission, topic }: {
  readonly topic: ThreadTopic
  readonly submission: PlainSubmission
  readonly me: UserId
}): ReactNode => {
  const [send, errorMessage] = useCommand(topic)
  const { author, content, id, owner, seq, stake, status, submitted_at } = submission
  const isOpen = status === "pending"
  const consequence = isOpen ? "The submission is withdrawn, and you get its stake back." : undefined
  const erase = useErase({ topic, me, item: { seq, author, owner, text: content, noun: "submission", consequence } })
  const isMine = author === me
  const mayWithdraw = isOpen && (isMine || owner === me)
  const isVoter = isOpen && !isMine && mayVote(submission, me)
  return (
    <li className={isOpen ? "submission" : "submission resolved"} tabIndex={-1}>
      <AuthorLine author={author} owner={owner} me={me} tag={statusLabels[status]} at={submitted_at}>
        {erase.button}
      </AuthorLine>
      <Markdown text={content} />
      <p className="muted">
        Stakes {formatTokens(stake)} · <VoteCount ballot={submission} me={me} />
      </p>
      {(isVoter || mayWithdraw) && (
        <div className="row">
          {isVoter && <VoteChoices id={id} send={send} />}
          {mayWithdraw && (
            <button type="button" onClick={() => send({ _tag: "cancel_submission", message_id: id })}>Withdraw</button>
          )}
        </div>
      )}
      {erase.question}
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </li>
  )
}
