/** What every rule of a thread asks first: who is it, may they see the thread, is it open, is the text fit, is the id free. */
import type { Result } from "effect"
import { type Author, type CommandId, type Instant, isUser, type UserId } from "../Ids.ts"
import { notFound, reject, type Rejection } from "../Rejection.ts"
import { accept, type Decision, refuse } from "../Topic.ts"
import { contentFault } from "./Text.ts"
import type { Event, State } from "./ThreadModel.ts"

/** The numbers of a thread: whole tokens, milliseconds, runs. */
export const policy = {
  /** THR2 */
  minimumStake: 1_000,
  submissionTtl: 7 * 24 * 60 * 60_000,
  /** CHO9: prompts that may wait behind the running one. */
  queue: 16,
  /** THR7: invitations that may be open at once. */
  gates: 16
} as const

/** What a rule makes of a command. */
export type Outcome = Result.Result<Decision<Event>, Rejection>

/** A command's context, once its author is known to be a user. */
export interface By {
  readonly id: CommandId
  readonly user: UserId
  readonly now: Instant
}

/** `Topic.accept`, of a thread. */
export const accepted = (...events: ReadonlyArray<Event>): Outcome => accept<Event>(...events)

/** Refuses in one go. */
export const refused = (code: Rejection["code"], rule: string, message: string): Outcome =>
  refuse(reject(code, rule, message))

/** Whether `author` writes here without a vote. */
export const isCoAuthor = (state: State, author: Author): boolean => isUser(author) && state.co_authors.includes(author)

/** THR10: public threads are read by everybody, the others by their co-authors and by the server. */
export const canRead = (state: State, reader: Author): boolean =>
  state.status !== "absent" && (state.visibility === "public" || !isUser(reader) || isCoAuthor(state, reader))

/** Why `user` may add nothing to the thread now. */
export const closedTo = (state: State, user: UserId): Rejection | undefined => {
  if (!canRead(state, user)) return notFound
  return state.status === "closed"
    ? reject("rule_violated", "THR7", "the thread is closed: it can be read, but nothing can be added")
    : undefined
}

/** Why a text cannot stand in a thread. */
export const unfit = (content: string): Rejection | undefined => {
  const fault = contentFault(content)
  return fault === undefined ? undefined : reject("malformed", "THR2", fault)
}

/** The answer to an id that `isKnown`. */
export const idTaken = reject("id_conflict", "SYN4", "this id has been used for something else in this thread")

/** Whether anything in the thread goes by this id: prompts, messages, submissions and gates share one space. */
export const isKnown = (state: State, id: CommandId): boolean =>
  state.messages.some((message) => message.id === id) || state.submissions.some((one) => one.id === id) ||
  state.runs.some((run) => run.prompt_id === id) || state.gates.some((gate) => gate.id === id)
