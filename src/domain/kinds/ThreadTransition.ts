/**
 * What no event may do to a thread, whatever decided it (THR8): the last check
 * before anything is stored. Parts that did not change are told by identity.
 */
import type { ChorusState } from "../chorus/Chorus.ts"
import { isOver } from "../chorus/ChorusRun.ts"
import { reject, type Rejection } from "../Rejection.ts"
import type { State, Submission } from "./ThreadModel.ts"

/** A change of a thread as a whole. Threads are closed, never deleted. */
export type Transition =
  | { readonly _tag: "Created"; readonly state: State }
  | { readonly _tag: "Updated"; readonly old: State; readonly new: State }

export const between = (old: State, next: State): Transition =>
  old.status === "absent" ? { _tag: "Created", state: next } : { _tag: "Updated", old, new: next }

/** Why a transition is not allowed; undefined when it is. */
export const faultOf = (transition: Transition): Rejection | undefined => {
  const state = transition._tag === "Created" ? transition.state : transition.new
  const fault = stateFault(state) ?? (transition._tag === "Updated" ? changeFault(transition.old, state) : undefined)
  return fault === undefined ? undefined : reject("rule_violated", "THR8", `this would break the thread: ${fault}`)
}

const stateFault = (state: State): string | undefined => {
  if (state.status === "absent") return "it would not exist"
  if (state.co_authors.length === 0) return "it would have no co-author"
  if (new Set(state.co_authors).size < state.co_authors.length) return "a co-author would count twice"
  if (!Number.isSafeInteger(state.token_balance) || state.token_balance < 0) return "it would owe tokens"
  return state.runs.filter((run) => run.status === "running").length > 1 ? "two runs would go on at once" : undefined
}

const changeFault = (old: State, next: State): string | undefined => {
  if (next.version <= old.version) return "its version would not grow"
  if (old.status === "closed" && next.status !== "closed") return "it would be open again"
  if (old.messages.some((message, n) => message !== next.messages[n])) return "a published message would change"
  if (old.submissions.some((one, n) => !mayBecome(one, next.submissions[n]))) return "a finished vote would change"
  return old.runs.some((run, n) => !mayGoOn(run, next.runs[n])) ? "a finished run would change" : undefined
}

/** A run that is over is left alone, but that the text of a cancelled one may still come. */
const mayGoOn = (old: ChorusState, next: ChorusState | undefined): boolean =>
  next === old || (
    next !== undefined && next.prompt_id === old.prompt_id &&
    (!isOver(old) || old.status === "cancelled" && old.partial === "" && next.ended_at === old.ended_at)
  )

/** A pending submission may end and collect votes; nothing else about it changes. */
const mayBecome = (old: Submission, next: Submission | undefined): boolean =>
  next === old || (
    next !== undefined && old.status === "pending" && next.id === old.id && next.author === old.author &&
    next.content === old.content && next.stake === old.stake && old.votes.every((vote, n) => vote === next.votes[n])
  )
