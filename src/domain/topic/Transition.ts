/**
 * How the objects in a topic's state change, and the check of each change before it is stored (THR8).
 *
 * A topic changes by the events of one command. In its state some objects are new afterwards, some are others than
 * before, and some are gone: those are the transitions that a kind's `validate` judges. The objects are what the kind
 * keeps: the thread itself, its co-authors, messages and submissions; the accounts and offers of the ledger; the members
 * and entries of a room. A topic is itself never deleted.
 *
 * Unchanged objects are recognised by identity, so a check costs one comparison for each, and work for those that changed.
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

/** Whether `next` is `old` with objects added at its end, if any. Its cost is one comparison for each object of `old`. */
export const isPrefix = (old: ReadonlyArray<unknown>, next: ReadonlyArray<unknown>): boolean =>
  old === next || commonPrefix(old, next) === old.length

/** Collects faults: `when` adds one if its condition holds. */
export class Faults {
  /** Each once, in the order in which they were found. */
  readonly found = new Set<string>()

  /** Adds a fault if the condition holds. */
  when(isFault: boolean, fault: string): void {
    if (isFault) this.found.add(fault)
  }
}

/** The rejection of a change to a topic of this kind, with all its faults; undefined without any (THR8). */
export const rejectFaults = (kindName: string, faults: ReadonlyArray<string>): Rejection | undefined =>
  faults.length === 0 ? undefined : makeRejection(
    "rule_violated",
    "THR8",
    `this change was not stored, because it would break the ${kindName}: ${faults.join("; ")}`
  )
