/**
 * Reads the logs and the index for `domain/search/ConsistencyCheck`, and carries out its repairs (STO5).
 *
 * **When to use**
 *
 * Beside the running indexer, after an index was restored or when searches miss text.
 *
 * **Details**
 *
 * Reads the logs first and the index after, in pages. Repairs go through `Database` and `SearchIndexer`, as all other
 * writes do.
 *
 * **Gotchas**
 *
 * `verify` takes as long as reading all logs. It compares with the `PriorsCollection` that is provided: points of another
 * collection are not seen.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const server = Layers.IndexConsistencyLive.layer.pipe(
 *   Layer.provideMerge(Layers.SearchIndexerLive.layer),
 *   Layer.provideMerge(Layers.TopicsLocal.layer()),
 *   Layer.provideMerge(Layers.DatabaseLive.layer),
 *   Layer.provideMerge(Layer.mergeAll(
 *     Layers.VectorIndexMemory.layer,
 *     Layers.Models.layer({}),
 *     Layers.EventLogMemory.layer,
 *     Layers.IntentHandlersLive.layer,
 *     Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds),
 *     Layer.succeed(Services.Database.PriorsCollection, { name: "priors", dimension: 384, embedModel: "hash-384-v1" })
 *   ))
 * )
 *
 * const thread = Domain.Ids.TopicId.make("thread:tea")
 * const author = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const send = (id: string, input: unknown) =>
 *     topics.submit(thread, { id: Domain.Ids.CommandId.make(id), author, input })
 *   yield* send("tea", { _tag: "create_thread", name: "Notes on tea" })
 *   yield* send("m1", { _tag: "submit_message", content: "Steep green tea at 80 degrees." })
 *   const { awaitCaughtUp } = yield* Services.SearchIndexer.SearchIndexer
 *   yield* awaitCaughtUp
 *
 *   // Somebody deletes the point from the index.
 *   const index = yield* Services.VectorIndex.VectorIndex
 *   const points = yield* index.scroll("priors", { after: null, limit: 10 })
 *   yield* index.remove("priors", points.map(({ id }) => id))
 *   const { repair, verify } = yield* Services.IndexConsistency.IndexConsistency
 *   const found = yield* verify
 *   yield* repair(found)
 *   yield* awaitCaughtUp
 *   return [found.map(({ _tag }) => _tag), (yield* verify).length]
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, server)))
 * // => [["Missing"], 0]
 * ```
 */
import { Effect, Layer } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import {
  type Inconsistency,
  type IndexedPoint,
  isBehindReading,
  type PublishedPoint,
  repairConsistency,
  verifyConsistency
} from "../../domain/search/ConsistencyCheck.ts"
import { batchLimit } from "../../domain/search/StorageModel.ts"
import * as Vector from "../../domain/search/Vector.ts"
import type { Payload, Point } from "../../domain/search/VectorPoint.ts"
import { Database, PriorsCollection } from "../../services/Database.ts"
import { EventLog } from "../../services/EventLog.ts"
import { IndexConsistency } from "../../services/IndexConsistency.ts"
import type { Kinds } from "../../services/Kinds.ts"
import { SearchIndexer } from "../../services/SearchIndexer.ts"
import { VectorIndex } from "../../services/VectorIndex.ts"
import * as PointDrafts from "./PointDrafts.ts"
import * as ThreadReader from "./ThreadReader.ts"

/** Points per page of the index. */
const pageSize = 500

/** A payload in 64 bytes, so that a summary of all logs and of the whole index fits into memory. */
const payloadDigest = (payload: Payload): string =>
  PointDrafts.sha256Hex(JSON.stringify(Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1))))

const toPublishedPoint = (payload: Payload): PublishedPoint => ({
  thread: payload.thread,
  log_seq: payload.log_seq,
  digest: payloadDigest(payload)
})

const make = Effect.gen(function*() {
  const log = yield* EventLog
  const database = yield* Database
  const vectorIndex = yield* VectorIndex
  const indexer = yield* SearchIndexer
  const { dimension, name } = yield* PriorsCollection
  const threads = yield* ThreadReader.make

  /** Adds everything that a thread has published to `published`; returns the seq up to which it was read. */
  const readThread = Effect.fnUntraced(function*(topic: TopicId, published: Map<string, PublishedPoint>) {
    let readState = ThreadReader.nothingRead
    while (true) {
      const page = yield* threads.page(topic, readState)
      for (const { id, payload } of page.drafts) published.set(id, toPublishedPoint(payload))
      readState = page.readState
      if (page.last) return readState.seq
    }
  })

  const readIndex = Effect.gen(function*() {
    const indexed: Array<IndexedPoint> = []
    let after: string | null = null
    while (true) {
      const points: ReadonlyArray<Point> = yield* vectorIndex.scroll(name, { after, limit: pageSize })
      for (const { id, payload, vector } of points) {
        indexed.push({ id, ...toPublishedPoint(payload), fault: Vector.findFault(vector, dimension) })
      }
      if (points.length < pageSize) return indexed
      after = points.at(-1)!.id
    }
  })

  const verify = Effect.gen(function*() {
    const published = new Map<string, PublishedPoint>()
    const readTo = new Map<TopicId, number>()
    for (const topic of yield* threads.all) readTo.set(topic, yield* readThread(topic, published))
    const indexed = yield* readIndex
    const existing = new Set<TopicId>()
    for (const thread of new Set(indexed.filter((point) => isBehindReading(point, readTo)).map((p) => p.thread))) {
      if ((yield* log.head(thread))._tag === "Some") existing.add(thread)
    }
    return verifyConsistency(published, readTo, indexed, existing)
  })

  const repair = Effect.fnUntraced(function*(inconsistencies: ReadonlyArray<Inconsistency>) {
    const { deletions, reindexAfter } = repairConsistency(inconsistencies)
    for (let i = 0; i < deletions.length; i += batchLimit) {
      yield* database.execute({ _tag: "Delete", collection: name, ids: deletions.slice(i, i + batchLimit) })
    }
    for (const [thread, seq] of reindexAfter) yield* indexer.reindexFrom(thread, seq)
  })

  return IndexConsistency.of({ verify, repair })
})

/** Verification and repair beside the running indexer. */
export const layer: Layer.Layer<
  IndexConsistency,
  never,
  EventLog | Kinds | Database | VectorIndex | SearchIndexer | PriorsCollection
> = Layer.effect(IndexConsistency, make)
