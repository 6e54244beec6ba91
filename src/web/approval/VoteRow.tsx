/** The votes on something, and the buttons of those who may still vote (THR3, THR9). */
import type { ReactNode } from "react"
import type { CommandId, UserId } from "../../domain/protocol/Ids.ts"
import type { CommandInput, Vote } from "../../domain/thread/ThreadModel.ts"
import { UserBadge } from "../people/UserBadge.tsx"

interface Ballot {
  readonly id: CommandId
  readonly voters: ReadonlyArray<UserId>
  readonly votes: ReadonlyArray<Vote>
}

/** Whether a user is a voter whose vote is missing. */
export const mayVote = ({ voters, votes }: Ballot, user: UserId): boolean =>
  voters.includes(user) && votes.every(({ voter }) => voter !== user)

/** How many have voted, and who voted what. */
export const VoteCount = ({ ballot: { voters, votes }, me }: {
  readonly ballot: Ballot
  readonly me: UserId
}): ReactNode => (
  <>
    {votes.length} of {voters.length} voted
    {votes.map(({ choice, voter }) => (
      <span key={voter} className="vote">
        {" · "}
        <UserBadge author={voter} me={me} /> {verbOf(choice, voter === me)}
      </span>
    ))}
  </>
)

const verbOf = (choice: Vote["choice"], isMine: boolean): string =>
  choice === "approve" ? isMine ? "approve" : "approves" : isMine ? "deny" : "denies"

/** The buttons of a vote. */
export const VoteChoices = (
  { id, send }: { readonly id: CommandId; readonly send: (command: CommandInput) => void }
): ReactNode => (
  <>
    <button
      className="primary"
      type="button"
      onClick={() => send({ _tag: "process_approval", message_id: id, decision: "approve" })}
    >
      Approve
    </button>
    <button type="button" onClick={() => send({ _tag: "process_approval", message_id: id, decision: "deny" })}>
      Deny
    </button>
  </>
)
