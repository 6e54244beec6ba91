/** How a subscriber is brought from its position to the head of a topic: by the missing events, or by a snapshot. */
import type { Position } from "../protocol/Ids.ts"
import type { PublishedEvent } from "../protocol/Protocol.ts"
import { noOpenings } from "../protocol/Seal.ts"
import { type AppendedEntry, type Entry, openingsOfEntry } from "./Log.ts"

/** An entry as readers of the topic get it: all that its hash covers but what they know already (TOP5). */
export const toPublishedEvent = (entry: AppendedEntry): PublishedEvent => {
  const { answers, at, cause, command_hash, depth, event, hash, principal, seq, signature, version, via } = entry
  const open = openingsOfEntry(entry)
  return {
    seq,
    at,
    cause,
    principal,
    depth,
    version,
    // As JSON it is what the log holds: texts are encoded as their seals.
    event: event as PublishedEvent["event"],
    hash,
    ...(open === noOpenings ? undefined : { open }),
    ...(via === undefined ? undefined : { via }),
    ...(answers === undefined ? undefined : { answers }),
    ...(command_hash === undefined ? undefined : { command_hash }),
    ...(signature === undefined ? undefined : { signature })
  }
}

/**
 * SYN2, FLT7: deltas when the subscriber's position is in the same log, not ahead of it, and at most `limit` events
 * behind. SYN8: a stale epoch always gets a snapshot, as does a subscriber without a position.
 */
export const chooseMode = (from: Position | undefined, head: Position, limit: number): "deltas" | "snapshot" =>
  from !== undefined && from.epoch === head.epoch && from.seq <= head.seq && head.seq - from.seq <= limit
    ? "deltas"
    : "snapshot"

/**
 * The events after `seq` up to `newest`, out of the newest events of a topic in order; undefined when they do not reach
 * back that far (SYN2: never a gap).
 */
export const recentEventsAfter = <E extends { readonly seq: number }>(
  recent: ReadonlyArray<E>,
  seq: number,
  newest: number
): ReadonlyArray<E> | undefined => {
  if (seq === newest) return []
  const first = recent[0]
  return first !== undefined && first.seq <= seq + 1 ? recent.slice(seq + 1 - first.seq) : undefined
}

/**
 * SYN2: what a reader of the log found after a position, up to the head that the reply names. The log may be ahead of it
 * (TOP6); later events reach the subscriber as a live delta.
 */
export const eventsUpTo = (entries: ReadonlyArray<Entry>, head: number): ReadonlyArray<PublishedEvent> =>
  entries.filter(({ seq }) => seq <= head).map(toPublishedEvent)
