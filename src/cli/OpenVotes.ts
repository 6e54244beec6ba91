/** The votes that are open in a thread, and how a person names one. */
import type { CommandId, UserId } from "../domain/protocol/Ids.ts"
import type { PendingApproval, PlainState, PlainSubmission } from "../domain/thread/ThreadModel.ts"

/** A submission, or an invitation. */
export type OpenVote = PendingApproval | PlainSubmission

/** The open votes, oldest first. */
export const openVotes = ({ gates, submissions }: PlainState): ReadonlyArray<OpenVote> => [
  ...submissions.filter(({ status }) => status === "pending"),
  ...gates
]

/** Whether this user's vote is missing. */
export const waitsFor = ({ voters, votes }: OpenVote, user: UserId): boolean =>
  voters.includes(user) && !votes.some(({ voter }) => voter === user)

const shownLength = 8

/** The beginning of an id, as it is printed; an imported message has the id of its import, and its number. */
export const shortId = (id: CommandId): string => id.slice(0, shownLength) + (/\.\d+$/.exec(id)?.[0] ?? "")

/** The id that a person means by its beginning; without one, the only one of those that wait. Otherwise why there is none. */
export const findVote = (
  votes: ReadonlyArray<OpenVote>,
  beginning: string | undefined
): { readonly id: CommandId } | { readonly problem: string } => {
  const matches = votes.filter(({ id }) => id.startsWith(beginning ?? ""))
  const [first] = matches
  if (first !== undefined && matches.length === 1) return { id: first.id }
  return {
    problem: matches.length > 1
      ? `Several votes are open: name one by its id, ${matches.map(({ id }) => shortId(id)).join(", ")}.`
      : beginning === undefined
      ? "No vote waits for you."
      : `No vote is open with the id ${beginning}.`
  }
}
