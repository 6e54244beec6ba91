/** A submission: its text, stake, votes and outcome (THR2, THR3, THR4). */
import { type ReactNode, useState } from "react"
import type { UserId } from "../domain/protocol/Ids.ts"
import type { Command, Submission } from "../domain/thread/ThreadModel.ts"
import { AuthorLine } from "./AuthorLine.tsx"
import { formatError, formatTokens } from "./format.ts"
import type { ThreadTopic } from "./hooks.ts"
import { PlainText } from "./PlainText.tsx"
import { UserBadge } from "./UserBadge.tsx"

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
  readonly submission: Submission
  readonly me: UserId
}): ReactNode => {
  const [errorMessage, setErrorMessage] = useState<string>()
  const { author, content, id, stake, status, submitted_at, voters, votes } = submission
  const open = status === "pending"
  const mayVote = open && voters.includes(me) && author !== me && votes.every((vote) => vote.voter !== me)
  const send = (command: Command) =>
    topic.sendPromise(command).then(
      () => setErrorMessage(undefined),
      (error: unknown) => setErrorMessage(formatError(error))
    )
  return (
    <li className={open ? "submission" : "submission resolved"}>
      <AuthorLine author={author} me={me} tag={statusLabels[status]} at={submitted_at} />
      <PlainText text={content} />
      <p className="muted">
        Stakes {formatTokens(stake)} · {votes.length} of {voters.length} voted
        {votes.map(({ choice, voter }) => (
          <span key={voter} className="vote">
            {" · "}
            <UserBadge author={voter} me={me} /> {choice === "approve" ? "approves" : "denies"}
          </span>
        ))}
      </p>
      {open && (mayVote || author === me) && (
        <div className="row">
          {mayVote && (
            <>
              <button
                className="primary"
                type="button"
                onClick={() => void send({ _tag: "process_approval", message_id: id, decision: "approve" })}
              >
                Approve
              </button>
              <button
                type="button"
                onClick={() => void send({ _tag: "process_approval", message_id: id, decision: "deny" })}
              >
                Deny
              </button>
            </>
          )}
          {author === me && (
            <button
              type="button"
              onClick={() => void send({ _tag: "cancel_submission", message_id: id })}
            >
              Withdraw
            </button>
          )}
        </div>
      )}
      {errorMessage !== undefined && <p className="error-message" role="alert">{errorMessage}</p>}
    </li>
  )
}
