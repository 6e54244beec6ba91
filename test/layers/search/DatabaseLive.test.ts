import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { Database } from "../../../src/services/Database.ts"
import { Overloaded, TimedOut, Unreachable, VectorIndex, VectorRejected } from "../../../src/services/VectorIndex.ts"
import * as FakeEmbedder from "../../../src/testing/FakeEmbedder.ts"
import { makePoint, pointId } from "../../support/PointFixture.ts"
import * as SearchFixture from "./SearchFixture.ts"

const { collection } = SearchFixture
const unreachable = new Unreachable({ detail: "test", cause: "test" })
const axis = (n: number): Array<number> => Array.from({ length: FakeEmbedder.dimensions }, (_, i) => (i === n ? 1 : 0))

const setup = () => {
  const { database: layer, ...controls } = SearchFixture.make()
  return { layer, ...controls }
}

const store = (vector: ReadonlyArray<number>, version = 1) => ({
  _tag: "Store" as const,
  collection,
  points: [makePoint(1, vector, { version, content: "hello world" })]
})
/** A Store of what are embeddings of the contents. */
const embedded = (vector: ReadonlyArray<number>, version = 1) => ({
  ...store(vector, version),
  onInvalidVector: "embed" as const
})
const zeros = axis(0).fill(0)
const search = { _tag: "Search" as const, collection, vector: axis(0), limit: 5, filter: {} }

describe("DatabaseLive: operations", () => {
  it.effect("[STO1] [STO2] points are stored, found, updated and deleted; the first operation creates the collection", () => {
    const { index, layer } = setup()
    return Effect.gen(function*() {
      const database = yield* Database
      yield* database.execute(store(axis(0)))
      assert.deepStrictEqual(index.calls, ["ensure", "upsert"])
      const update = (version: number) => ({
        _tag: "Update" as const,
        collection,
        id: pointId(1),
        payload: { version, content: "new" }
      })
      yield* database.execute(update(2))
      const conflict = yield* Effect.flip(database.execute(update(2)))
      assert.strictEqual(conflict.reason._tag, "VersionConflict")
      const hits = yield* database.execute(search)
      assert.deepStrictEqual(hits.map((hit) => [hit.id, hit.payload.content, hit.payload.version]), [[
        pointId(1),
        "new",
        2
      ]])
      yield* database.execute({ _tag: "Delete", collection, ids: [pointId(1)] })
      assert.deepStrictEqual(yield* database.execute(search), [])
      const gone = yield* Effect.flip(database.execute(update(3)))
      assert.strictEqual(gone.reason._tag, "NotFound")
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO6] a write is retried with back-off until the engine is reachable again", () => {
    const { index, layer } = setup()
    let outages = 3
    index.fail = (method) => (method === "upsert" && outages-- > 0 ? unreachable : undefined)
    return Effect.gen(function*() {
      const database = yield* Database
      const writing = yield* Effect.forkChild(database.execute(store(axis(0))), { startImmediately: true })
      yield* TestClock.adjust(200)
      assert.strictEqual((yield* database.state).error_state?.failures, 2)
      yield* TestClock.adjust(400)
      yield* TestClock.adjust(800)
      yield* Fiber.join(writing)
      assert.isNull((yield* database.state).error_state)
      assert.strictEqual(index.calls.filter((call) => call === "upsert").length, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO6] [FLT13] a search does not wait for a long Retry-After: it fails with a typed error", () => {
    const { index, layer } = setup()
    return Effect.gen(function*() {
      const database = yield* Database
      yield* database.execute(store(axis(0)))
      index.fail = () => new Overloaded({ retry_after_ms: 57_000 })
      const error = yield* Effect.flip(database.execute(search))
      assert.strictEqual(error.reason._tag, "ConnectionError")
      assert.isTrue(error.retryable)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO1] a write that the engine did not apply is rolled back", () => {
    const { index, layer } = setup()
    return Effect.gen(function*() {
      const database = yield* Database
      yield* database.execute(store(axis(0)))
      const update = { _tag: "Update" as const, collection, id: pointId(1), payload: { version: 2, content: "lost" } }
      index.fail = (method) => (method === "upsert" ? new TimedOut({ after_ms: 1 }) : undefined)
      const writing = yield* Effect.forkChild(Effect.flip(database.execute(update)), { startImmediately: true })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(writing)).reason._tag, "ConnectionError")
      assert.isFalse((yield* database.state).cache.has(pointId(1)))
      index.fail = () => undefined
      yield* database.execute(update)
      const [point] = yield* Effect.flatMap(VectorIndex, (index) => index.get(collection, [pointId(1)]))
      assert.strictEqual(point?.payload.content, "lost")
    }).pipe(Effect.provide(layer))
  })
})

describe("DatabaseLive: recovery", () => {
  it.effect("[STO6] a lost collection is created again, after its listeners were called", () => {
    const { index, layer } = setup()
    return Effect.gen(function*() {
      const database = yield* Database
      const lost: Array<string> = []
      const stop = database.onCollectionLost((collection) => Effect.sync(() => lost.push(collection) > 0))
      yield* database.execute(store(axis(0)))
      index.dropAll()
      assert.deepStrictEqual(yield* database.execute(search), [])
      assert.deepStrictEqual(lost, [collection])
      stop()
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO2] [STO6] a vector of the caller's own is stored as it is, or not at all", () => {
    const { embedder, index, layer } = setup()
    return Effect.gen(function*() {
      const database = yield* Database
      for (const vector of [[1, 2, 3], zeros, axis(0).with(1, Number.NaN), axis(0).with(2, Infinity)]) {
        const error = yield* Effect.flip(database.execute(store(vector)))
        assert.deepStrictEqual([error.reason._tag, error.retryable], ["InvalidVector", false])
      }
      index.fail = (method) => (method === "upsert" ? new VectorRejected({ fault: "dimension" }) : undefined)
      assert.strictEqual((yield* Effect.flip(database.execute(store(axis(0))))).reason._tag, "VectorError")
      index.fail = () => undefined
      assert.deepStrictEqual(yield* database.execute(search), [])
      assert.isUndefined(yield* database.execute(store(axis(3))))
      const [point] = yield* Effect.flatMap(VectorIndex, (index) => index.get(collection, [pointId(1)]))
      assert.deepStrictEqual(point?.vector, axis(3))
      assert.deepStrictEqual(embedder.calls, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO6] [STO8] an embedding model that is rate-limited is waited for, and is a retryable error afterwards", () => {
    const { embedder, layer } = setup()
    let refusals = 2
    const rateLimit = new AiError.RateLimitError({ retryAfter: Duration.seconds(2) })
    embedder.fail = () => (refusals-- > 0 ? rateLimit : undefined)
    return Effect.gen(function*() {
      const database = yield* Database
      const writing = yield* Effect.forkChild(database.execute(embedded(zeros)), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      assert.isUndefined(writing.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(writing)
      refusals = Infinity
      const failing = yield* Effect.forkChild(Effect.flip(database.execute(embedded(zeros, 2))), {
        startImmediately: true
      })
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(failing)
      assert.deepStrictEqual([error.reason._tag, error.retryable], ["EmbeddingUnavailable", true])
      assert.notInclude(error.message, "vector")
      // No wait helps where the model refuses the text.
      embedder.fail = () => FakeEmbedder.invalidInputError
      const refused = yield* Effect.flip(database.execute(embedded(zeros, 3)))
      assert.deepStrictEqual([refused.reason._tag, refused.retryable], ["VectorError", false])
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO6] [STO8] an embedding of zero is never stored: the text is embedded again", () => {
    const { embedder, layer } = setup()
    return Effect.gen(function*() {
      const database = yield* Database
      yield* database.execute(embedded(zeros))
      assert.deepStrictEqual(embedder.calls, [["hello world"]])
      assert.strictEqual((yield* database.execute(search)).length, 1)
      // An embedder that returns zeros again is a failure.
      embedder.overrideVector = () => zeros
      const error = yield* Effect.flip(database.execute(embedded(zeros, 2)))
      assert.strictEqual(error.reason._tag, "InvalidVector")
    }).pipe(Effect.provide(layer))
  })

  it.effect("[STO6] a vector that the engine rejects is computed again once per retry, then the operation fails", () => {
    const { embedder, index, layer } = setup()
    index.fail = (method) => (method === "upsert" ? new VectorRejected({ fault: "dimension" }) : undefined)
    return Effect.gen(function*() {
      const database = yield* Database
      const error = yield* Effect.flip(database.execute(embedded(axis(0))))
      assert.strictEqual(error.reason._tag, "VectorError")
      assert.isAbove(embedder.calls.length, 0)
      assert.isAtMost(embedder.calls.length, 5)
    }).pipe(Effect.provide(layer))
  })
})
