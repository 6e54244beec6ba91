/** An invitation that waits for the votes of the other co-authors (THR7, THR9). */
import { memo, type ReactNode } from "react"
import type { PendingApproval } from "../../domain/thread/ThreadModel.ts"
import { useClient } from "../../react/ClientContext.ts"
import { useMessages } from "../language/Language.ts"
import { shortKey } from "../language/people.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { Avatar } from "../people/Avatar.tsx"
import { UserName } from "../people/UserName.tsx"
import { useThreadCommand } from "../topic/ThreadTopic.ts"
import { approvalMessages } from "./ApprovalMessages.ts"
import { mayVote } from "./Ballot.tsx"
import style from "./InvitationCard.module.css"
import { VoteButtons } from "./VoteButtons.tsx"
import { ClosesIn, VoteCard, VoteFoot } from "./VoteCard.tsx"

/** An open invitation in the timeline. */
export const InvitationCard = memo(({ invitation }: { readonly invitation: PendingApproval }): ReactNode => {
  const { me } = useClient()
  const messages = useMessages(approvalMessages)
  const [send, errorMessage] = useThreadCommand()
  const { action: { user }, by, expires_at, id, opened_at, owner, voters, votes } = invitation
  const isMine = by === me
  const name = user === me ? undefined : shortKey(user)
  const joins = messages.joins(name)
  const staysOut = messages.staysOut(name)
  return (
    <VoteCard
      id={id}
      label={messages.invitation(isMine ? undefined : shortKey(by))}
      errorMessage={errorMessage}
    >
      <AuthorLine author={by} owner={owner} tag={messages.invites(isMine)} at={opened_at}>
        <span className={style.end}>
          <ClosesIn at={expires_at} />
        </span>
      </AuthorLine>
      <p className={style.invited}>
        {messages.invited} <Avatar author={user} size="s" /> <UserName author={user} />
      </p>
      <VoteFoot
        ballot={invitation}
        buttons={mayVote(invitation, me) && (
          <VoteButtons
            explain={(choice) => {
              if (choice === "deny") return `${staysOut}.`
              const isLast = votes.length + 1 === voters.length && votes.every((vote) => vote.choice === "approve")
              return isLast
                ? `${messages.decides}: ${joins}.`
                : `${messages.condition.approved}: ${joins}. ${messages.otherwise}: ${staysOut}.`
            }}
            onVote={(decision) => void send({ _tag: "process_approval", message_id: id, decision })}
          />
        )}
      />
    </VoteCard>
  )
})
