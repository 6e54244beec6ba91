/** What somebody who is no co-author yet wants to say: the stake, the votes, and how it ended (THR2-THR4). */
import { type ReactNode, useState } from "react"
import type { UserId } from "../domain/Ids.ts"
import type { Command, Submission } from "../domain/kinds/ThreadModel.ts"
import type { ThreadTopic } from "./hooks.ts"
import { Prose } from "./Prose.tsx"
import { Who } from "./Who.tsx"
import { fullTime, sentence, timeOf, tokens } from "./words.ts"

const outcomes = {
  pending: "Submission",
  approved: "Approved",
  rejected: "Denied",
  expired: "Expired",
  cancelled: "Taken back"
} as const

export const SubmissionCard = ({ me, submission, topic }: {
  readonly topic: ThreadTopic
  readonly submission: Submission
  readonly me: UserId
}): ReactNode => {
  const [fault, setFault] = useState<string>()
  const { author, content, id, stake, status, submitted_at, voters, votes } = submission
  const open = status === "pending"
  const mayVote = open && voters.includes(me) && author !== me && votes.every((vote) => vote.voter !== me)
  const send = (command: Command) =>
    topic.post(command).then(() => setFault(undefined), (error: unknown) => setFault(sentence(error)))
  return (
    <li className={open ? "submission" : "submission over"}>
      <div className="by">
        <Who author={author} me={me} />
        <span className="tag">{outcomes[status]}</span>
        <time dateTime={new Date(submitted_at).toISOString()} title={fullTime(submitted_at)}>
          {timeOf(submitted_at, Date.now())}
        </time>
      </div>
      <Prose text={content} />
      <p className="quiet">
        Stakes {tokens(stake)} · {votes.length} of {voters.length} voted
        {votes.map(({ choice, voter }) => (
          <span key={voter} className="vote">
            {" · "}
            <Who author={voter} me={me} /> {choice === "approve" ? "approves" : "denies"}
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
              Take back
            </button>
          )}
        </div>
      )}
      {fault !== undefined && <p className="fault" role="alert">{fault}</p>}
    </li>
  )
}
