import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import * as HashingEmbedder from "../../../src/layers/chorus/HashingEmbedder.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as DatabaseLive from "../../../src/layers/search/DatabaseLive.ts"
import * as PointDrafts from "../../../src/layers/search/PointDrafts.ts"
import * as PriorsCollectionLive from "../../../src/layers/search/PriorsCollection.ts"
import * as PriorsLive from "../../../src/layers/search/PriorsLive.ts"
import * as SearchIndexerLive from "../../../src/layers/search/SearchIndexerLive.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import * as VectorIndexEmbedded from "../../../src/layers/vectorindex/VectorIndexEmbedded.ts"
import * as VectorIndexMemory from "../../../src/layers/vectorindex/VectorIndexMemory.ts"
import * as VectorIndexQdrant from "../../../src/layers/vectorindex/VectorIndexQdrant.ts"
import { Database, PriorsCollection } from "../../../src/services/Database.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Priors } from "../../../src/services/Priors.ts"
import { SearchIndexer } from "../../../src/services/SearchIndexer.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
import { makePoint, pointId, threadId } from "../../support/PointFixture.ts"
import * as QdrantFake from "../../support/qdrant/QdrantFake.ts"
import * as ThreadLogFixture from "../../support/ThreadLogFixture.ts"

const alice = ThreadLogFixture.userOf("B")

const services = Layer.merge(PriorsLive.layer, SearchIndexerLive.layer).pipe(
  Layer.provideMerge(DatabaseLive.layer),
  Layer.provideMerge(PriorsCollectionLive.layer("choir/hash-384-v1")),
  Layer.provideMerge(HashingEmbedder.layer),
  Layer.provideMerge(Layer.succeed(Kinds, builtInKinds))
)

/** Threads with messages, and the ids that the index must then hold, no more and no fewer. */
const appendMessages = Effect.fnUntraced(function*(threads: number, messages: number) {
  const ids: Array<string> = []
  for (let t = 0; t < threads; t++) {
    const topic = threadId(`t${t}`)
    const numbers = Array.from({ length: messages }, (_, n) => n)
    yield* ThreadLogFixture.appendEvents(topic, [
      ThreadLogFixture.threadCreated(alice, "public"),
      ...numbers.map((n) => ThreadLogFixture.messagePublished(`m${t}.${n}`, alice, `message ${n} of thread ${t}`))
    ])
    ids.push(...numbers.map((n) => PointDrafts.pointId(topic, `m${t}.${n}`, 0)))
  }
  return ids.sort()
})

const checkIndex = Effect.gen(function*() {
  const index = yield* VectorIndex
  const { name } = yield* PriorsCollection
  const points = yield* index.scroll(name, { after: null, limit: 100_000 })
  return points.map((point) => point.id)
})

/** An invalid vector of somebody's own is refused, a valid one stored as it is, over whichever engine is provided. */
const checkOwnVectors = Effect.gen(function*() {
  const database = yield* Database
  const { dimension, name } = yield* PriorsCollection
  const store = (vector: ReadonlyArray<number>) =>
    database.execute({ _tag: "Store", collection: name, points: [makePoint(1, vector, { content: "some words" })] })
  const axis: ReadonlyArray<number> = Array.from({ length: dimension }, (_, i) => (i === 3 ? 1 : 0))
  for (const vector of [[1, 2, 3], axis.map(() => 0), axis.with(0, Number.NaN), axis.with(0, Infinity)]) {
    assert.strictEqual((yield* Effect.flip(store(vector))).reason._tag, "InvalidVector")
  }
  assert.deepStrictEqual(yield* checkIndex, [])
  assert.isUndefined(yield* store(axis))
  const [point] = yield* VectorIndex.use((index) => index.get(name, [pointId(1)]))
  assert.deepStrictEqual(point?.vector, axis)
})

describe("Search over the logs", () => {
  it.effect("[STO2] [STO6] no engine holds another vector than the caller's own", () =>
    checkOwnVectors.pipe(
      Effect.provide(services.pipe(
        Layer.provideMerge(Layer.mergeAll(EventLogSql.layer, VectorIndexEmbedded.layer)),
        Layer.provide(Sqlite.layer({ filename: ":memory:" }))
      )),
      Effect.andThen(checkOwnVectors.pipe(
        Effect.provide(services.pipe(Layer.provideMerge(Layer.merge(EventLogMemory.layer, VectorIndexMemory.layer))))
      ))
    ))

  it.effect("[STO3] [STO4] [CHO4] SQLite logs, hashed words and the embedded index work together", () =>
    Effect.gen(function*() {
      const expected = yield* appendMessages(5, 40)
      yield* (yield* SearchIndexer).awaitCaughtUp
      assert.deepStrictEqual(yield* checkIndex, expected)
      const [best] = yield* (yield* Priors).find("message 17 of thread 3", threadId("t3"))
      assert.deepStrictEqual([best?.id, best?.content], ["m3.17", "message 17 of thread 3"])
    }).pipe(
      Effect.provide(services.pipe(
        Layer.provideMerge(Layer.mergeAll(EventLogSql.layer, VectorIndexEmbedded.layer)),
        Layer.provide(Sqlite.layer({ filename: ":memory:" }))
      ))
    ))

  // Real time: the faults are a server's, met over HTTP.
  it.live("[FLT13] [STO5] after Qdrant failed in every way while it was filled, the index is consistent", () =>
    Effect.gen(function*() {
      const server = yield* QdrantFake.start
      const faults: ReadonlyArray<QdrantFake.InjectedFault | undefined> = [
        { _tag: "Answer", status: 503, body: "{}" },
        undefined,
        { _tag: "Drop" },
        undefined,
        { _tag: "Answer", status: 200, body: "not json" },
        undefined,
        { _tag: "Hang" },
        undefined,
        { _tag: "Answer", status: 500, body: "{}" }
      ]
      let writes = 0
      server.injectFault = (line) => (line.includes("batch") ? faults[writes++] : undefined)
      yield* Effect.gen(function*() {
        const expected = yield* appendMessages(4, 100)
        yield* (yield* SearchIndexer).awaitCaughtUp
        assert.isAbove(writes, faults.length)
        assert.deepStrictEqual(yield* checkIndex, expected)
        assert.deepStrictEqual(server.violations, [])
        const [best] = yield* (yield* Priors).find("message 42 of thread 1", threadId("t1"))
        assert.strictEqual(best?.id, "m1.42")
      }).pipe(
        Effect.provide(services.pipe(
          Layer.provideMerge(
            Layer.merge(EventLogMemory.layer, VectorIndexQdrant.layer({ url: server.url, timeout: 2_000 }))
          )
        ))
      )
    }).pipe(Effect.scoped))
})
