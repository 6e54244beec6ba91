/** Brings a topic into memory: the latest usable snapshot with its texts, and the entries after it (TOP6, TOP7, TOP10). */
import { Effect, Option, Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { type DecodedEntry, decodeEntry, type DurableState, noEpoch, replay } from "../../domain/topic/DurableState.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import { openStored } from "../../domain/topic/SealedText.ts"
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
  /** The entries after the snapshot. */
  readonly tail: ReadonlyArray<DecodedEntry>
  /** The hash of the newest entry; empty without entries. */
  readonly headHash: string
}

/** An event that its kind cannot read is damage (FLT5). */
const decodeOrFail = (kind: AnyKind, entry: Entry): Effect.Effect<DecodedEntry, EventLogError> =>
  Effect.fromResult(Result.mapError(
    decodeEntry(kind, entry),
    (damage) => new EventLogError({ reason: new LogCorrupt({ topic: entry.topic, seq: entry.seq, damage }) })
  ))

/** One page of a log. */
export const readPage = Effect.fnUntraced(
  function*(
    log: EventLog["Service"],
    kind: AnyKind,
    topic: TopicId,
    range: { readonly after: number; readonly limit: number }
  ) {
    const page: Array<DecodedEntry> = []
    for (const entry of yield* log.read(topic, range)) page.push(yield* decodeOrFail(kind, entry))
    return page
  }
)

/** All entries after `after`, page by page. */
export const readEntriesAfter = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, after: number) {
    const entries: Array<DecodedEntry> = []
    while (true) {
      const page = yield* readPage(log, kind, topic, { after: after + entries.length, limit: pageSize })
      for (const entry of page) entries.push(entry)
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
    if (decoded._tag === "Failure") return initial
    return { seq: snapshot.seq, state: openStored(decoded.success, yield* log.openings(topic, snapshot.textSeqs)) }
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
    return { durableState, hasLog: false, snapshotSeq: 0, tail: [], headHash: "" }
  }
  const { epoch, seq } = head.position
  const base = yield* loadSnapshotState(log, kind, topic, seq)
  const tail = yield* readEntriesAfter(log, kind, topic, base.seq)
  const durableState = replay(kind, { epoch, ...base }, tail)
  // The log may have grown since its head was read.
  return { durableState, hasLog: true, snapshotSeq: base.seq, tail, headHash: tail.at(-1)?.hash ?? head.hash }
})
