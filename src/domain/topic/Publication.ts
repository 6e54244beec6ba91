/** The delta and intents to publish after an append: computed from durable entries, never from decisions (TOP4). */
import type { DurableState } from "./DurableState.ts"
import { hasSameReaders } from "./DurableState.ts"
import type { AppendedEntry } from "./Log.ts"
import { diffIntents, type Intent } from "./Topic.ts"

/** The visible consequences of entries that became durable. */
export interface Publication {
  /** A delta of `entries`, from one seq to another (SYN3); undefined when there are none. */
  readonly delta: { readonly from: number; readonly to: number; readonly hashDue: boolean } | undefined
  /** Subscribers that may not read the new state lose their subscription before the delta is sent (THR10). */
  readonly checkReaders: boolean
  readonly started: ReadonlyArray<Intent>
  readonly cancelled: ReadonlyArray<Intent>
}

/** SYN7: whether the entries after `from` up to `to` pass a multiple of `hashEvery`. */
export const passesHashMark = (from: number, to: number, hashEvery: number): boolean =>
  Math.floor(from / hashEvery) < Math.floor(to / hashEvery)

/**
 * TOP4: from the last durable state to the next one, whose newest entries are `entries`. TOP6: intents are those that
 * became outstanding or ceased to be; after a load, when nothing was outstanding `before`, all of them start again under
 * their old ids.
 */
export const publish = (
  before: Pick<DurableState, "listing" | "pending">,
  after: DurableState,
  entries: ReadonlyArray<AppendedEntry>,
  hashEvery: number
): Publication => {
  const from = after.seq - entries.length
  return {
    delta: entries.length === 0
      ? undefined
      : { from, to: after.seq, hashDue: passesHashMark(from, after.seq, hashEvery) },
    checkReaders: entries.length > 0 && !hasSameReaders(before.listing, after.listing),
    ...diffIntents(before.pending, after.pending)
  }
}
