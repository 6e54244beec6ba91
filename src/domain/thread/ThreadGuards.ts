/**
 * Preconditions that the commands of a thread share: the author, access, status, text and id; and the limits of a
 * thread. Does not own rules of single commands.
 */
import type { Result } from "effect"
import { type Author, type CommandId, type Instant, isUser, type UserId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import { validateContent } from "../topic/MessageContent.ts"
import type { SealedText } from "../topic/SealedText.ts"
import { accept, type Decision, reject } from "../topic/Topic.ts"
import type { Event, State } from "./ThreadModel.ts"

/** The limits of a thread, in whole tokens, milliseconds and counts (TOP11). */
export const threadLimits = {
  /** THR2: the smallest stake, and the time to vote. */
  minimumStake: 1_000,
  submissionTtlMillis: 7 * 24 * 60 * 60_000,
  /** CHO9, SEC29, TOP11: prompts in the queue behind the active run. */
  maxQueuedPrompts: 16,
  /** THR9: open invitations. */
  maxPendingApprovals: 16
} as const

/** The decision about an input to a thread. */
export type DecisionResult = Result.Result<Decision<Event>, Rejection>

/** The context of a command whose author is a user. */
export interface Actor {
  readonly id: CommandId
  readonly user: UserId
  /** The owner, if the user acts as an agent (AUT8). */
  readonly owner?: UserId | undefined
  readonly now: Instant
}

/** Accepts an input with events of a thread. */
export const acceptEvents = (...events: ReadonlyArray<Event>): DecisionResult => accept<Event>(...events)

/** Rejects an input with a rejection of these parts. */
export const rejectWith = (code: Rejection["code"], rule: string, message: string): DecisionResult =>
  reject(makeRejection(code, rule, message))

/** Whether `author` is a co-author, who publishes without a vote (THR2). */
export const isCoAuthor = (
  { co_authors }: { readonly co_authors: ReadonlyArray<Author> },
  author: Author
): boolean => isUser(author) && co_authors.includes(author)

/** THR10, SEC9: everyone reads a public thread; its co-authors and the server read any. */
export const canRead = (state: State, reader: Author): boolean =>
  state.status !== "absent" && (state.visibility === "public" || !isUser(reader) || isCoAuthor(state, reader))

/** The rejection of a command to a closed thread (THR7). */
export const rejectIfClosed = (state: State): Rejection | undefined =>
  state.status === "closed"
    ? makeRejection("rule_violated", "THR7", "the thread is closed: it can only be read")
    : undefined

/** The rejection of a text that is not valid content (THR2, SEC18), or that was erased before it was published (TOP10). */
export const rejectIfInvalid = ({ text }: SealedText): Rejection | undefined => {
  if (text === null) return makeRejection("rule_violated", "TOP10", "this text was erased: write a new one")
  const violation = validateContent(text)
  return violation === undefined ? undefined : makeRejection("malformed", "THR2", violation)
}

/** The rejection of a command whose id is in use (SYN4). */
export const idConflict = makeRejection(
  "id_conflict",
  "SYN4",
  "this id is in use in this thread: send the command with a new id"
)

/** Whether a message, submission, prompt or gate has this id; they share one namespace (SYN4). */
export const isIdTaken = (state: State, id: CommandId): boolean =>
  state.messages.some((message) => message.id === id) || state.submissions.some((submission) => submission.id === id) ||
  state.runs.some((run) => run.prompt_id === id) || state.gates.some((gate) => gate.id === id)
