/**
 * How the objects in a topic's state change, and the check of each change before it is stored (THR8).
 *
 * A topic changes by the events of one command. In its state some objects are new afterwards, some are others than
 * before, and some are gone: those are the transitions that a kind's `validate` judges. The objects are what the kind
 * keeps: the thread itself, its co-authors, messages and submissions; the accounts and offers of the ledger; the members
 * and entries of a room. A topic is itself never deleted.
 *
 * Unchanged objects are recognised by identity. A list that only grows is compared in part: the cost of a check must not grow
 * with what did not change.
 */
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"

/** The transition of one object. */
export type Transition<A> =
  | { readonly _tag: "Created"; readonly new: A }
  | { readonly _tag: "Updated"; readonly old: A; readonly new: A }
  | { readonly _tag: "Deleted"; readonly old: A }

/** A topic before and after the events of one command. */
export interface Change<S, E> {
  readonly old: S
  readonly new: S
  readonly events: ReadonlyArray<E>
}

/** The transitions from one list to another of objects that `keyOf` identifies, in the order of the lists. */
export const transitionsOf = <A>(
  old: ReadonlyArray<A>,
  next: ReadonlyArray<A>,
  keyOf: (object: A) => unknown
): ReadonlyArray<Transition<A>> => {
  if (old === next) return []
  const start = commonPrefix(old, next)
  let oldEnd = old.length
  let nextEnd = next.length
  while (oldEnd > start && nextEnd > start && old[oldEnd - 1] === next[nextEnd - 1]) {
    oldEnd--
    nextEnd--
  }
  const remaining = new Map(old.slice(start, oldEnd).map((object) => [keyOf(object), object]))
  const transitions: Array<Transition<A>> = []
  for (const object of next.slice(start, nextEnd)) {
    const key = keyOf(object)
    const previous = remaining.get(key)
    if (previous === undefined) transitions.push({ _tag: "Created", new: object })
    else if (previous !== object) transitions.push({ _tag: "Updated", old: previous, new: object })
    remaining.delete(key)
  }
  for (const object of remaining.values()) transitions.push({ _tag: "Deleted", old: object })
  return transitions
}

/** The number of objects that two lists begin with alike. */
const commonPrefix = (old: ReadonlyArray<unknown>, next: ReadonlyArray<unknown>): number => {
  let length = 0
  while (length < old.length && length < next.length && old[length] === next[length]) length++
  return length
}

/** The newest objects of a list that are compared, and those that are compared of the others. */
const comparedMax = 16

/**
 * Whether `next` begins with the `count` objects of `old` from `start` on. Of a long list it compares the newest objects, and some
 * of the others at even distances: comparing all would read each of them from memory for every event.
 */
export const isSameRange = (
  old: ReadonlyArray<unknown>,
  start: number,
  next: ReadonlyArray<unknown>,
  count: number
): boolean => {
  if (next.length < count) return false
  const newest = Math.max(0, count - comparedMax)
  const distance = Math.max(1, Math.ceil(newest / comparedMax))
  for (let n = 0; n < newest; n += distance) if (old[start + n] !== next[n]) return false
  for (let n = newest; n < count; n++) if (old[start + n] !== next[n]) return false
  return true
}

/** Whether `next` is `old` with objects added at its end, if any, as `isSameRange` compares them. */
export const isPrefix = (old: ReadonlyArray<unknown>, next: ReadonlyArray<unknown>): boolean =>
  old === next || isSameRange(old, 0, next, old.length)

/** Collects faults: `when` adds one if its condition holds. */
export class Faults {
  /** Each once, in the order in which they were found. */
  readonly found: Array<string> = []

  /** Adds a fault if the condition holds. */
  when(isFault: boolean, fault: string): void {
    if (isFault && !this.found.includes(fault)) this.found.push(fault)
  }
}

/** The rejection of a change to a topic of this kind, with all its faults; undefined without any (THR8). */
export const rejectFaults = (kindName: string, faults: ReadonlyArray<string>): Rejection | undefined =>
  faults.length === 0 ? undefined : makeRejection(
    "rule_violated",
    "THR8",
    `this change was not stored, because it would break the ${kindName}: ${faults.join("; ")}`
  )
