/** What every rule of a thread asks first: who is it, may they see the thread, is it open, is the text fit, is the id free. */
import type { Result } from "effect"
import { type Author, type CommandId, type Instant, isUser, type UserId } from "../protocol/Ids.ts"
import { makeRejection, notFound, type Rejection } from "../protocol/Rejection.ts"
import { validateContent } from "../topic/MessageContent.ts"
import { accept, type Decision, reject } from "../topic/Topic.ts"
import type { Event, State } from "./ThreadModel.ts"

/** The numbers of a thread: whole tokens, milliseconds, runs. */
export const threadLimits = {
  /** THR2 */
  minimumStake: 1_000,
  submissionTtlMillis: 7 * 24 * 60 * 60_000,
  /** CHO9: prompts that may wait behind the running one. */
  maxQueuedPrompts: 16,
  /** THR7: invitations that may be open at once. */
  maxPendingApprovals: 16
} as const

/** What a rule makes of a command. */
export type DecisionResult = Result.Result<Decision<Event>, Rejection>

/** A command's context, once its author is known to be a user. */
export interface Actor {
  readonly id: CommandId
  readonly user: UserId
  readonly now: Instant
}

/** `Topic.accept`, of a thread. */
export const acceptEvents = (...events: ReadonlyArray<Event>): DecisionResult => accept<Event>(...events)

/** Refuses in one go. */
export const rejectWith = (code: Rejection["code"], rule: string, message: string): DecisionResult =>
  reject(makeRejection(code, rule, message))

/** Whether `author` writes here without a vote. */
export const isCoAuthor = (state: State, author: Author): boolean => isUser(author) && state.co_authors.includes(author)

/** THR10: public threads are read by everybody, the others by their co-authors and by the server. */
export const canRead = (state: State, reader: Author): boolean =>
  state.status !== "absent" && (state.visibility === "public" || !isUser(reader) || isCoAuthor(state, reader))

/** Why `user` may add nothing to the thread now. */
export const rejectIfClosed = (state: State, user: UserId): Rejection | undefined => {
  if (!canRead(state, user)) return notFound
  return state.status === "closed"
    ? makeRejection("rule_violated", "THR7", "the thread is closed: it can be read, but nothing can be added")
    : undefined
}

/** Why a text cannot stand in a thread. */
export const rejectIfInvalid = (content: string): Rejection | undefined => {
  const violation = validateContent(content)
  return violation === undefined ? undefined : makeRejection("malformed", "THR2", violation)
}

/** The answer to an id that `isKnown`. */
export const idConflict = makeRejection(
  "id_conflict",
  "SYN4",
  "this id has been used for something else in this thread"
)

/** Whether anything in the thread goes by this id: prompts, messages, submissions and gates share one space. */
export const isIdTaken = (state: State, id: CommandId): boolean =>
  state.messages.some((message) => message.id === id) || state.submissions.some((submission) => submission.id === id) ||
  state.runs.some((run) => run.prompt_id === id) || state.gates.some((gate) => gate.id === id)
