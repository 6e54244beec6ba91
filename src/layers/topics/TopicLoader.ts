/** Brings a topic into memory: the latest usable snapshot, and the entries after it (TOP6, TOP7). */
import { Effect, Option, Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { type DurableState, noEpoch, replay, upcastEntry } from "../../domain/topic/DurableState.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import { isUsable } from "../../domain/topic/Snapshots.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import { type EventLog, EventLogError, LogCorrupt } from "../../services/EventLog.ts"

/** Entries read from the log at a time. */
const pageSize = 512

/** A topic as it was read from its log. */
export interface LoadedTopic {
  readonly durableState: DurableState
  /** Whether anything was ever stored of this topic. */
  readonly hasLog: boolean
  /** The seq of the snapshot that the load started from; 0 without one. */
  readonly snapshotSeq: number
  /** The entries after the snapshot, of the kind's present version. */
  readonly tail: ReadonlyArray<Entry>
}

/** An event that no upcaster reads is damage (FLT5). */
const toPresentVersion = (kind: AnyKind, entry: Entry): Effect.Effect<Entry, EventLogError> =>
  Effect.fromResult(Result.mapError(
    upcastEntry(kind, entry),
    (damage) => new EventLogError({ reason: new LogCorrupt({ topic: entry.topic, seq: entry.seq, damage }) })
  ))

/** All entries after `after`, page by page, of the kind's present version. */
export const readEntriesAfter = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, after: number) {
    const entries: Array<Entry> = []
    while (true) {
      const page = yield* log.read(topic, { after: after + entries.length, limit: pageSize })
      for (const entry of page) {
        entries.push(entry.version === kind.version ? entry : yield* toPresentVersion(kind, entry))
      }
      if (page.length < pageSize) return entries
    }
  }
)

const loadSnapshotState = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, headSeq: number) {
    const initial = { seq: 0, state: kind.initial(topic) }
    const snapshot = Option.getOrUndefined(yield* log.snapshot(topic))
    if (snapshot === undefined || !isUsable(snapshot, kind, headSeq)) return initial
    // A snapshot that this version of the kind cannot decode is ignored.
    const json = yield* Effect.option(Effect.try(() => JSON.parse(snapshot.state) as unknown))
    const decoded = codecsFor(kind).decodeState(Option.getOrUndefined(json))
    return decoded._tag === "Success" ? { seq: snapshot.seq, state: decoded.success } : initial
  }
)

/** Dies when the kind cannot fold its own log. */
export const loadTopic: (
  log: EventLog["Service"],
  kind: AnyKind,
  topic: TopicId
) => Effect.Effect<LoadedTopic, EventLogError> = Effect.fnUntraced(function*(log, kind, topic) {
  const head = Option.getOrUndefined(yield* log.head(topic))
  if (head === undefined) {
    const durableState = replay(kind, { epoch: noEpoch, seq: 0, state: kind.initial(topic) }, [])
    return { durableState, hasLog: false, snapshotSeq: 0, tail: [] }
  }
  const { epoch, seq } = head.position
  const base = yield* loadSnapshotState(log, kind, topic, seq)
  const tail = yield* readEntriesAfter(log, kind, topic, base.seq)
  return { durableState: replay(kind, { epoch, ...base }, tail), hasLog: true, snapshotSeq: base.seq, tail }
})
