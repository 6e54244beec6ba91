/** Brings a topic into memory: the latest usable snapshot, and the events after it (TOP6, TOP7). */
import { Effect, Option, Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Entry } from "../../domain/topic/Log.ts"
import { type AnyKind, upcast } from "../../domain/topic/Topic.ts"
import { type EventLog, EventLogError, LogCorrupt } from "../../services/EventLog.ts"
import { derive, type DurableState } from "./DurableState.ts"
import * as KindCodecs from "./KindCodecs.ts"

/** The epoch of a topic that has no log yet. Its first event gives it a real one. */
export const noEpoch = "unborn"

/** Events read from the log at a time. */
const pageSize = 512

export interface LoadedTopic {
  readonly durableState: DurableState
  /** Whether anything was ever stored of this topic. */
  readonly hasLog: boolean
  /** Where the snapshot was that this started from; 0 without one. */
  readonly snapshotSeq: number
  /** The entries after `from`, of the kind's present version. */
  readonly tail: ReadonlyArray<Entry>
}

/** Brings an entry's event up to the kind's present version (TOP9); an event that no upcaster reads is damage. */
const upcastEntry = (kind: AnyKind, entry: Entry): Effect.Effect<Entry, EventLogError> => {
  const { event, seq, topic, version } = entry
  return Effect.fromResult(Result.mapBoth(upcast(kind, version, event), {
    onFailure: (damage) => new EventLogError({ reason: new LogCorrupt({ topic, seq, damage }) }),
    onSuccess: (event) => ({ ...entry, event })
  }))
}

/** The entries after `after`, all of them, page by page. */
export const readEntriesAfter = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, after: number) {
    const entries: Array<Entry> = []
    while (true) {
      const batch = yield* log.read(topic, { after: after + entries.length, limit: pageSize })
      for (const entry of batch) {
        entries.push(entry.version === kind.version ? entry : yield* upcastEntry(kind, entry))
      }
      if (batch.length < pageSize) return entries
    }
  }
)

const loadSnapshotState = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, head: number | undefined) {
    const initial = { seq: 0, state: kind.initial(topic) }
    if (head === undefined) return initial
    const snapshot = Option.getOrUndefined(yield* log.snapshot(topic))
    if (snapshot === undefined || snapshot.version !== kind.version || snapshot.seq > head) return initial
    // A snapshot that this version of the kind cannot read is as good as none.
    const json = yield* Effect.option(Effect.try(() => JSON.parse(snapshot.state) as unknown))
    const decoded = KindCodecs.codecsFor(kind).decodeState(Option.getOrUndefined(json))
    return decoded._tag === "Success" ? { seq: snapshot.seq, state: decoded.value } : initial
  }
)

/** Dies when the kind cannot fold its own log. */
export const loadTopic: (
  log: EventLog["Service"],
  kind: AnyKind,
  topic: TopicId
) => Effect.Effect<LoadedTopic, EventLogError> = Effect.fnUntraced(function*(log, kind, topic) {
  const head = Option.getOrUndefined(yield* log.head(topic))
  const base = yield* loadSnapshotState(log, kind, topic, head?.position.seq)
  const tail = head === undefined ? [] : yield* readEntriesAfter(log, kind, topic, base.seq)
  const state = tail.reduce((state, entry) => kind.evolve(state, entry.event), base.state)
  return {
    durableState: {
      epoch: head?.position.epoch ?? noEpoch,
      seq: base.seq + tail.length,
      state,
      ...derive(kind, state)
    },
    hasLog: head !== undefined,
    snapshotSeq: base.seq,
    tail
  }
})
