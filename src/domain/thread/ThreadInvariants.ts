/**
 * The invariants of a thread, checked once more after every decision and before anything is stored (THR8). The rules
 * of single commands imply them; a violation is a defect of a rule, and the command is rejected.
 *
 * Of every state:
 *
 * 1. The thread exists: its status is active or closed. A thread is closed, never deleted.
 * 2. It has a co-author, and no co-author twice (THR1).
 * 3. Its token balance is a safe integer, not negative (LED2).
 * 4. At most one run is active (CHO9).
 *
 * Of every change from one state to the next:
 *
 * 5. The version grows (THR1).
 * 6. A closed thread stays closed (THR7).
 * 7. A published message never changes (THR2).
 * 8. A settled submission never changes; a pending one only collects votes, loses voters, and ends (THR3, THR4).
 * 9. A finished run never changes, except that a cancelled one receives its partial text once (CHO8).
 *
 * Unchanged parts are recognised by identity, so that the check costs one comparison for each.
 */
import type { ChorusState } from "../chorus/ChorusModel.ts"
import { isFinished } from "../chorus/ChorusRun.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import type { State, Submission } from "./ThreadModel.ts"

/** A change of a thread as a whole. There is no Deleted: threads are closed. */
export type Transition =
  | { readonly _tag: "Created"; readonly state: State }
  | { readonly _tag: "Updated"; readonly old: State; readonly new: State }

/** The transition between two states. */
export const makeTransition = (old: State, next: State): Transition =>
  old.status === "absent" ? { _tag: "Created", state: next } : { _tag: "Updated", old, new: next }

/** The rejection of a transition that breaks an invariant, with all that it breaks; undefined if it breaks none (THR8). */
export const validateTransition = (transition: Transition): Rejection | undefined => {
  const violations = transition._tag === "Created"
    ? stateViolations(transition.state)
    : [...stateViolations(transition.new), ...updateViolations(transition.old, transition.new)]
  return violations.length === 0 ? undefined : makeRejection(
    "rule_violated",
    "THR8",
    `this change was not stored, because it would break the thread: ${violations.join("; ")}`
  )
}

const stateViolations = (state: State): ReadonlyArray<string> => {
  const violations: Array<string> = []
  if (state.status === "absent") violations.push("the thread does not exist")
  if (state.co_authors.length === 0) violations.push("no co-author")
  if (new Set(state.co_authors).size < state.co_authors.length) violations.push("duplicate co-author")
  if (!Number.isSafeInteger(state.token_balance)) violations.push("token balance out of range")
  if (state.token_balance < 0) violations.push("negative token balance")
  if (state.runs.filter((run) => run.status === "running").length > 1) violations.push("more than one active run")
  return violations
}

const updateViolations = (old: State, next: State): ReadonlyArray<string> => {
  const violations: Array<string> = []
  if (next.version <= old.version) violations.push("version does not grow")
  if (old.status === "closed" && next.status !== "closed") violations.push("closed thread reopened")
  if (old.messages.some((message, n) => message !== next.messages[n])) violations.push("published message changed")
  if (old.submissions.some((submission, n) => !isValidSubmissionUpdate(submission, next.submissions[n]))) {
    violations.push("settled submission or its votes changed")
  }
  if (old.runs.some((run, n) => !isValidRunUpdate(run, next.runs[n]))) violations.push("finished run changed")
  return violations
}

/** Invariant 9. */
const isValidRunUpdate = (old: ChorusState, next: ChorusState | undefined): boolean =>
  next === old || (
    next !== undefined && next.prompt_id === old.prompt_id &&
    (!isFinished(old) || old.status === "cancelled" && old.partial === "" && next.ended_at === old.ended_at)
  )

/** Invariant 8. */
const isValidSubmissionUpdate = (old: Submission, next: Submission | undefined): boolean =>
  next === old || (
    next !== undefined && old.status === "pending" && next.id === old.id && next.author === old.author &&
    next.content === old.content && next.stake === old.stake && old.votes.every((vote, n) => vote === next.votes[n])
  )
