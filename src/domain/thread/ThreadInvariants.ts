/**
 * What no event may do to a thread, whatever decided it (THR8): the last check
 * before anything is stored. Parts that did not change are told by identity.
 */
import type { ChorusState } from "../chorus/ChorusModel.ts"
import { isFinished } from "../chorus/ChorusRun.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import type { State, Submission } from "./ThreadModel.ts"

/** A change of a thread as a whole. Threads are closed, never deleted. */
export type Transition =
  | { readonly _tag: "Created"; readonly state: State }
  | { readonly _tag: "Updated"; readonly old: State; readonly new: State }

export const makeTransition = (old: State, next: State): Transition =>
  old.status === "absent" ? { _tag: "Created", state: next } : { _tag: "Updated", old, new: next }

/** Why a transition is not allowed; undefined when it is. */
export const validateTransition = (transition: Transition): Rejection | undefined => {
  const state = transition._tag === "Created" ? transition.state : transition.new
  const violation = stateViolation(state) ??
    (transition._tag === "Updated" ? updateViolation(transition.old, state) : undefined)
  return violation === undefined
    ? undefined
    : makeRejection("rule_violated", "THR8", `this would break the thread: ${violation}`)
}

const stateViolation = (state: State): string | undefined => {
  if (state.status === "absent") return "it would not exist"
  if (state.co_authors.length === 0) return "it would have no co-author"
  if (new Set(state.co_authors).size < state.co_authors.length) return "a co-author would count twice"
  if (!Number.isSafeInteger(state.token_balance) || state.token_balance < 0) return "it would owe tokens"
  return state.runs.filter((run) => run.status === "running").length > 1 ? "two runs would go on at once" : undefined
}

const updateViolation = (old: State, next: State): string | undefined => {
  if (next.version <= old.version) return "its version would not grow"
  if (old.status === "closed" && next.status !== "closed") return "it would be open again"
  if (old.messages.some((message, n) => message !== next.messages[n])) return "a published message would change"
  if (old.submissions.some((submission, n) => !isValidSubmissionUpdate(submission, next.submissions[n]))) {
    return "a finished vote would change"
  }
  return old.runs.some((run, n) => !isValidRunUpdate(run, next.runs[n])) ? "a finished run would change" : undefined
}

/** A run that is over is left alone, but that the text of a cancelled one may still come. */
const isValidRunUpdate = (old: ChorusState, next: ChorusState | undefined): boolean =>
  next === old || (
    next !== undefined && next.prompt_id === old.prompt_id &&
    (!isFinished(old) || old.status === "cancelled" && old.partial === "" && next.ended_at === old.ended_at)
  )

/** A pending submission may end and collect votes; nothing else about it changes. */
const isValidSubmissionUpdate = (old: Submission, next: Submission | undefined): boolean =>
  next === old || (
    next !== undefined && old.status === "pending" && next.id === old.id && next.author === old.author &&
    next.content === old.content && next.stake === old.stake && old.votes.every((vote, n) => vote === next.votes[n])
  )
