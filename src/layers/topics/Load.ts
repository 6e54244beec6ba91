/** Brings a topic into memory: the latest usable snapshot, and the events after it (TOP6, TOP7). */
import { Effect, Option } from "effect"
import type { TopicId } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import { type AnyKind, upcast } from "../../domain/Topic.ts"
import type { EventLog, EventLogError } from "../../services/EventLog.ts"
import * as Codecs from "./Codecs.ts"
import { derive, type Standing } from "./Standing.ts"

/** The epoch of a topic that has no log yet. Its first event gives it a real one. */
export const unborn = "unborn"

/** Events read from the log at a time. */
const page = 512

export interface Loaded {
  readonly standing: Standing
  /** Whether anything was ever stored of this topic. */
  readonly exists: boolean
  /** Where the snapshot was that this started from; 0 without one. */
  readonly from: number
  /** The entries after `from`, of the kind's present version. */
  readonly tail: ReadonlyArray<Entry>
}

/** Brings an entry's event up to the kind's present version (TOP9). */
const present = (kind: AnyKind, entry: Entry): Entry =>
  entry.version === kind.version ? entry : { ...entry, event: upcast(kind, entry.version, entry.event) }

/** The entries after `after`, all of them, page by page. */
export const entriesAfter = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, after: number) {
    const entries: Array<Entry> = []
    while (true) {
      const some = yield* log.read(topic, { after: after + entries.length, limit: page })
      for (const entry of some) entries.push(present(kind, entry))
      if (some.length < page) return entries
    }
  }
)

const start = Effect.fnUntraced(
  function*(log: EventLog["Service"], kind: AnyKind, topic: TopicId, head: number | undefined) {
    const fresh = { seq: 0, state: kind.initial(topic) }
    if (head === undefined) return fresh
    const snapshot = Option.getOrUndefined(yield* log.snapshot(topic))
    if (snapshot === undefined || snapshot.version !== kind.version || snapshot.seq > head) return fresh
    // A snapshot that this version of the kind cannot read is as good as none.
    const json = yield* Effect.option(Effect.try(() => JSON.parse(snapshot.state) as unknown))
    const decoded = Codecs.of(kind).decodeState(Option.getOrUndefined(json))
    return decoded._tag === "Success" ? { seq: snapshot.seq, state: decoded.value } : fresh
  }
)

/** Dies when the kind cannot fold its own log. */
export const load: (
  log: EventLog["Service"],
  kind: AnyKind,
  topic: TopicId
) => Effect.Effect<Loaded, EventLogError> = Effect.fnUntraced(function*(log, kind, topic) {
  const head = Option.getOrUndefined(yield* log.head(topic))
  const from = yield* start(log, kind, topic, head?.position.seq)
  const tail = head === undefined ? [] : yield* entriesAfter(log, kind, topic, from.seq)
  const state = tail.reduce((state, entry) => kind.evolve(state, entry.event), from.state)
  return {
    standing: {
      epoch: head?.position.epoch ?? unborn,
      seq: from.seq + tail.length,
      state,
      ...derive(kind, state)
    },
    exists: head !== undefined,
    from: from.seq,
    tail
  }
})
