/**
 * The signals that one connection shares on one topic (ROO3): the latest value per key, for `cursorTtl` milliseconds
 * after it was set, under at most `signalKeys` keys. A signal arrives up to 30 times a second, so that each function
 * allocates only what it returns.
 */
import type { Lane } from "../delivery/Lane.ts"
import type { Instant, TopicId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import type { PublishedSignal } from "../protocol/Protocol.ts"

/** The latest value under one key, when it was set, and the lane of all values of this key. */
export interface SignalEntry {
  readonly signal: PublishedSignal
  readonly at: Instant
  readonly lane: Lane
}

/** One entry per key, ordered by when the key was first set. */
export type ConnectionSignals = ReadonlyArray<SignalEntry>

/** ROO3: the lane of a signal: a later value of the same connection and key replaces it. */
export const laneOf = (topic: TopicId, { connection, key }: PublishedSignal): Lane => ({
  _tag: "Ephemeral",
  topic,
  key: `signal ${connection} ${key}`
})

/** No signal is set. */
export const noSignals: ConnectionSignals = []

const indexOf = (signals: ConnectionSignals, key: string): number =>
  signals.findIndex(({ signal }) => signal.key === key)

/** The entry under a key, if any. */
export const entryOf = (signals: ConnectionSignals, key: string): SignalEntry | undefined =>
  signals[indexOf(signals, key)]

/** ROO3: the entry that a new key evicts: the oldest, when there are as many keys as allowed. */
export const evictedBy = (
  signals: ConnectionSignals,
  key: string,
  limits: Pick<Limits, "signalKeys">
): SignalEntry | undefined => signals.length >= limits.signalKeys && indexOf(signals, key) < 0 ? signals[0] : undefined

/** ROO3: sets the latest value of a key, without the entry that it evicts. */
export const setSignal = (
  signals: ConnectionSignals,
  entry: SignalEntry,
  evicted: SignalEntry | undefined
): ConnectionSignals => {
  const index = indexOf(signals, entry.signal.key)
  return index >= 0 ? signals.with(index, entry) : [...signals.filter((kept) => kept !== evicted), entry]
}

/** Removes a key. */
export const removeSignal = (signals: ConnectionSignals, key: string): ConnectionSignals =>
  signals.filter(({ signal }) => signal.key !== key)

/** ROO3: when an entry expires, unless its key is set again. */
export const expiryOf = ({ at }: SignalEntry, limits: Pick<Limits, "cursorTtl">): Instant => at + limits.cursorTtl
