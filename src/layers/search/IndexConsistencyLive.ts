/** Compares the index with the logs, and mends it by the smallest difference (STO5). */
import { Effect, Layer } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { batchLimit } from "../../domain/search/StorageModel.ts"
import * as Vector from "../../domain/search/Vector.ts"
import type { Payload, Point } from "../../domain/search/VectorPoint.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import { type Inconsistency, IndexConsistency } from "../../services/IndexConsistency.ts"
import type { Kinds } from "../../services/Kinds.ts"
import { SearchIndexer } from "../../services/SearchIndexer.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as PointDrafts from "./PointDrafts.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Points looked at together. */
const pageSize = 500

/** All that a payload says, in few bytes: the whole of the logs must fit into memory this way. */
const payloadDigest = (payload: Payload): string =>
  PointDrafts.sha256Hex(JSON.stringify(Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1))))

const make = Effect.gen(function*() {
  const log = yield* EventLog
  const database = yield* Database
  const vectorIndex = yield* VectorIndex
  const indexer = yield* SearchIndexer
  const { dimension, name } = yield* PriorsCollection
  const threads = yield* ThreadReader.make

  /** Calls `see` with everything one thread has published; how far that was. */
  const forEachDraft = Effect.fnUntraced(function*(topic: TopicId, onDraft: (draft: PointDrafts.PointDraft) => void) {
    let readState = ThreadReader.nothingRead
    while (true) {
      const page = yield* threads.page(topic, readState)
      page.drafts.forEach(onDraft)
      readState = page.readState
      if (page.last) return readState.seq
    }
  })

  const compare = (point: Point, expectedDigest: string): ReadonlyArray<Inconsistency> => {
    const { id } = point
    if (expectedDigest !== payloadDigest(point.payload)) return [{ _tag: "Stale", id }]
    const fault = Vector.findFault(point.vector, dimension)
    return fault === undefined ? [] : [{ _tag: "BadVector", id, fault }]
  }

  const verify = Effect.gen(function*() {
    const expectedDigests = new Map<string, string>()
    const lastReadSeq = new Map<TopicId, number>()
    for (const topic of yield* threads.all) {
      lastReadSeq.set(
        topic,
        yield* forEachDraft(topic, (draft) => expectedDigests.set(draft.id, payloadDigest(draft.payload)))
      )
    }
    const differences: Array<Inconsistency> = []
    let after: string | null = null
    while (true) {
      const points: ReadonlyArray<Point> = yield* vectorIndex.scroll(name, { after, limit: pageSize })
      for (const point of points) {
        const expected = expectedDigests.get(point.id)
        expectedDigests.delete(point.id)
        const { log_seq, thread } = point.payload
        // What came after this thread was read may be right: it was not looked for.
        const isAppendedLater = log_seq > (lastReadSeq.get(thread) ?? 0) && (yield* log.head(thread))._tag === "Some"
        if (expected !== undefined) differences.push(...compare(point, expected))
        else if (!isAppendedLater) differences.push({ _tag: "Orphan", id: point.id })
      }
      if (points.length < pageSize) break
      after = points.at(-1)!.id
    }
    return [...differences, ...Array.from(expectedDigests.keys(), (id): Inconsistency => ({ _tag: "Missing", id }))]
  })

  const repair = Effect.fnUntraced(function*(inconsistencies: ReadonlyArray<Inconsistency>) {
    if (inconsistencies.length === 0) return
    const invalidIds = inconsistencies.filter((inconsistency) => inconsistency._tag !== "Missing").map((
      inconsistency
    ) => inconsistency.id)
    for (let i = 0; i < invalidIds.length; i += batchLimit) {
      yield* database.execute({ _tag: "Delete", collection: name, ids: invalidIds.slice(i, i + batchLimit) })
    }
    // The cursors of the threads concerned go back to just before what is to come again.
    const reindexIds = new Set(
      inconsistencies.filter((inconsistency) => inconsistency._tag !== "Orphan").map((inconsistency) =>
        inconsistency.id
      )
    )
    for (const topic of reindexIds.size === 0 ? [] : yield* threads.all) {
      let firstSeq = Infinity
      yield* forEachDraft(topic, ({ id, payload }) => {
        if (reindexIds.has(id)) firstSeq = Math.min(firstSeq, payload.log_seq)
      })
      if (firstSeq < Infinity) yield* indexer.reindexFrom(topic, firstSeq - 1)
    }
  })

  return IndexConsistency.of({ verify, repair })
})

/** Works beside the running projector. */
export const layer: Layer.Layer<
  IndexConsistency,
  never,
  EventLog | Kinds | Database | VectorIndex | SearchIndexer | PriorsCollection
> = Layer.effect(IndexConsistency, make)
