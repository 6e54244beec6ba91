/** An invitation that waits for the votes of the other co-authors (THR7, THR9). */
import type { ReactNode } from "react"
import type { UserId } from "../../domain/protocol/Ids.ts"
import type { PendingApproval } from "../../domain/thread/ThreadModel.ts"
import { AuthorLine } from "../people/AuthorLine.tsx"
import { UserBadge } from "../people/UserBadge.tsx"
import { type ThreadTopic, useCommand } from "../topic/hooks.ts"
import { mayVote, VoteChoices, VoteCount } from "./VoteRow.tsx"

/** An open invitation in the timeline. */
export const ApprovalCard = ({ invitation, me, topic }: {
  readonly topic: ThreadTopic
  readonly invitation: PendingApproval
  readonly me: UserId
}): ReactNode => {
  const [send, errorMessage] = useCommand(topic)
  const { action, by, id, opened_at, owner } = invitation
  return (
    <li className="submission">
      <AuthorLine author={by} owner={owner} me={me} tag="Invitation" at={opened_at} />
      <p>
        {by === me ? "You invite" : "Invites"} <UserBadge author={action.user} me={me} /> to become a co-author.
      </p>
      <p className="muted">
        <VoteCount ballot={invitation} me={me} />
      </p>
      {mayVote(invitation, me) && (
        <div className="row">
          <VoteChoices id={id} send={send} />
        </div>
      )}
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </li>
  )
}
