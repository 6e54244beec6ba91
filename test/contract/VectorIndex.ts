/**
 * The contract of every engine of the vector index (STO3), checked against plain arithmetic. Each test has its own
 * collection, so that the tests can share an engine, a real server included.
 */
import { assert, type Vitest } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import type { TopicId } from "../../src/domain/protocol/Ids.ts"
import * as Vector from "../../src/domain/search/Vector.ts"
import type { Payload, Point } from "../../src/domain/search/VectorPoint.ts"
import { type Filter, matchesFilter } from "../../src/domain/search/VectorQuery.ts"
import { VectorIndex } from "../../src/services/VectorIndex.ts"
import { makePoint, pointId, threadId } from "../support/PointFixture.ts"

const dimension = 5

/** Scores are single precision in some engines. */
const scoreTolerance = 1e-5

let collections = 0

/** A new, empty collection. */
const makeCollection = Effect.gen(function*() {
  const index = yield* VectorIndex
  const name = `contract-${process.pid}-${++collections}`
  yield* index.ensure(name, { dimension })
  return { index, name } as const
})

const SmallInt = Schema.Int.check(Schema.isBetween({ minimum: -9, maximum: 9 }))
const NonZeroVector = Schema.Tuple([SmallInt, SmallInt, SmallInt, SmallInt, SmallInt]).check(
  Schema.makeFilter((vector) => vector.some((x) => x !== 0))
)
const PointNumber = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))
const Version = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 }))
const TagName = Schema.Literals(["a", "b", "c"])

const Change = Schema.TaggedUnion({
  Put: {
    which: PointNumber,
    version: Version,
    vector: NonZeroVector,
    thread: TagName,
    author: TagName,
    visibility: Schema.Literals(["public", "members"])
  },
  Remove: { which: PointNumber }
})
const changeScripts = Arbitrary.array(Arbitrary.schema(Change), { maxLength: 40 })

/** A point with a normalised vector, as storage writes it. */
const normalisedPoint = (n: number, vector: Vector.Vector, changes: Partial<Payload> = {}): Point =>
  makePoint(n, Vector.normalise(vector), changes)

const toPoint = (put: typeof Change.cases.Put.Type): Point =>
  normalisedPoint(put.which, put.vector, {
    version: put.version,
    thread: threadId(put.thread),
    author: `system:${put.author}`,
    visibility: put.visibility,
    content: `${put.which}.${put.version}`
  })

const filters: ReadonlyArray<Filter> = [
  {},
  { threads: [threadId("a"), threadId("b")] },
  { readable: [threadId("c")] },
  { readable: [] },
  { threads: [] },
  { author: "system:a" },
  { visibility: "members", threads: [threadId("a")] },
  { readable: [threadId("a"), threadId("a")], author: "system:b", visibility: "members" },
  { threads: [threadId("nowhere")] }
]

/** Searches with every filter, and compares with arithmetic over `model`. */
const checkSearches = Effect.fnUntraced(
  function*(name: string, model: ReadonlyMap<string, Point>, direction: Vector.Vector) {
    const query = Vector.normalise(direction)
    const index = yield* VectorIndex
    const cosine = (point: Point) => Vector.dot(query, point.vector)
    for (const filter of filters) {
      for (const limit of [1, 4, 100]) {
        const hits = yield* index.search(name, { vector: query, limit, filter })
        const expected = Array.from(model.values()).filter((point) => matchesFilter(filter, point.payload))
        const scores = expected.map(cosine).sort((a, b) => b - a).slice(0, limit)
        assert.strictEqual(hits.length, scores.length)
        assert.strictEqual(new Set(hits.map((hit) => hit.id)).size, hits.length)
        hits.forEach((hit, i) => {
          const expectedPoint = model.get(hit.id)
          assert.isDefined(expectedPoint)
          assert.isTrue(matchesFilter(filter, hit.payload))
          assert.deepStrictEqual(hit.payload, expectedPoint.payload)
          assert.closeTo(hit.score, cosine(expectedPoint), scoreTolerance)
          assert.closeTo(hit.score, scores[i]!, scoreTolerance)
        })
      }
    }
  }
)

const failureTag = <A, R>(effect: Effect.Effect<A, { readonly reason: { readonly _tag: string } }, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

type Methods = Vitest.MethodsNonLive<VectorIndex>

/** Adds the suite; `runs` is the number of scripts that the property tries. */
export const vectorIndexContract = (it: Methods, options: { readonly runs: number }): void => {
  searchContract(it, options)
  writeContract(it)
  readContract(it)
  rejectionContract(it)
}

const searchContract = (it: Methods, options: { readonly runs: number }) => {
  it.effect.prop(
    "[STO3] after any script of writes, every search equals arithmetic over the newest versions",
    { script: changeScripts, query: NonZeroVector },
    ({ query, script }) =>
      Effect.gen(function*() {
        const { index, name } = yield* makeCollection
        const model = new Map<string, Point>()
        for (const change of script) {
          if (change._tag === "Remove") {
            yield* index.remove(name, [pointId(change.which)])
            model.delete(pointId(change.which))
          } else {
            const next = toPoint(change)
            yield* index.upsert(name, [next])
            const existing = model.get(next.id)
            if (existing === undefined || existing.payload.version < next.payload.version) model.set(next.id, next)
          }
        }
        yield* checkSearches(name, model, query)
        assert.strictEqual(yield* index.count(name), model.size)
        const all = yield* index.scroll(name, { after: null, limit: 100 })
        assert.deepStrictEqual(all.map((point) => point.id), Array.from(model.keys()).sort())
      }),
    { arbitrary: { runs: options.runs } }
  )

  it.effect("[STO3] a replaced point is found by its new payload only", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      yield* index.upsert(name, [makePoint(1, [1, 0, 0, 0, 0], { thread: threadId("a"), visibility: "public" })])
      yield* index.upsert(name, [
        makePoint(1, [1, 0, 0, 0, 0], { thread: threadId("b"), visibility: "members", version: 2 })
      ])
      const find = (filter: Filter) =>
        Effect.map(index.search(name, { vector: [1, 0, 0, 0, 0], limit: 5, filter }), (hits) => hits.length)
      assert.strictEqual(yield* find({ threads: [threadId("a")] }), 0)
      assert.strictEqual(yield* find({ threads: [threadId("b")] }), 1)
      assert.strictEqual(yield* find({ readable: [] }), 0)
      assert.strictEqual(yield* find({ readable: [threadId("b")] }), 1)
    }))

  it.effect("[STO3] equal scores are ordered by id", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      yield* index.upsert(name, [7, 3, 9, 1].map((n) => normalisedPoint(n, [0, 2, 0, 1, 0])))
      const hits = yield* index.search(name, { vector: Vector.normalise([0, 1, 0, 1, 0]), limit: 10, filter: {} })
      assert.deepStrictEqual(hits.map((hit) => hit.id), [1, 3, 7, 9].map(pointId))
    }))
}

const writeContract = (it: Methods) => {
  it.effect("[STO3] an older version never overwrites, and the same version changes nothing", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      const write = (version: number, content: string) =>
        index.upsert(name, [makePoint(1, [1, 0, 0, 0, 0], { version, content })])
      yield* write(2, "second")
      yield* write(1, "first")
      yield* write(2, "second again")
      const [kept] = yield* index.get(name, [pointId(1)])
      assert.strictEqual(kept?.payload.content, "second")
      yield* write(3, "third")
      const [replaced] = yield* index.get(name, [pointId(1)])
      assert.strictEqual(replaced?.payload.content, "third")
      assert.strictEqual(yield* index.count(name), 1)
    }))

  it.effect("[STO3] points of one call may have different versions", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      const write = (versions: ReadonlyArray<number>) =>
        index.upsert(name, versions.map((version, n) => normalisedPoint(n, [n + 1, 1, 0, 0, 0], { version })))
      yield* write([5, 1, 3])
      yield* write([4, 2, 3])
      const points = yield* index.get(name, [pointId(0), pointId(1), pointId(2)])
      assert.deepStrictEqual(points.map((point) => point.payload.version), [5, 2, 3])
    }))

  it.effect("[STO3] ensure is idempotent; another dimension is rejected", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      yield* index.upsert(name, [makePoint(1, [1, 0, 0, 0, 0])])
      yield* index.ensure(name, { dimension })
      assert.strictEqual(yield* index.count(name), 1)
      assert.strictEqual(yield* failureTag(index.ensure(name, { dimension: 6 })), "DimensionMismatch")
    }))

  it.effect("[STO3] calls without points or ids succeed", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      const noThreads: ReadonlyArray<TopicId> = []
      yield* index.upsert(name, [])
      yield* index.remove(name, [])
      assert.deepStrictEqual(yield* index.get(name, []), [])
      const vector = [1, 0, 0, 0, 0]
      assert.deepStrictEqual(yield* index.search(name, { vector, limit: 3, filter: { threads: noThreads } }), [])
    }))
}

const readContract = (it: Methods) => {
  it.effect("[STO3] scrolling returns every point once, ordered by id", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      const ids = Array.from({ length: 25 }, (_, n) => n)
      yield* index.upsert(name, ids.map((n) => normalisedPoint(n, [1, n, 0, 0, 0])))
      const scrolledIds: Array<string> = []
      let after: string | null = null
      while (true) {
        const page: ReadonlyArray<Point> = yield* index.scroll(name, { after, limit: 10 })
        if (page.length === 0) break
        scrolledIds.push(...page.map((point) => point.id))
        after = page.at(-1)!.id
      }
      assert.deepStrictEqual(scrolledIds, ids.map(pointId))
    }))

  it.effect("[STO3] a point is read back as it was stored", () =>
    Effect.gen(function*() {
      const { index, name } = yield* makeCollection
      const payload: Partial<Payload> = {
        content: "an “odd” text\n\u0000 🎼",
        log_seq: 7,
        created_at: 1_700_000_000_000
      }
      const stored = makePoint(1, [0.6, 0, -0.8, 0, 0], payload)
      yield* index.upsert(name, [stored])
      const [read] = yield* index.get(name, [pointId(1), pointId(2)])
      assert.deepStrictEqual(read?.payload, stored.payload)
      read?.vector.forEach((x, i) => assert.closeTo(x, [0.6, 0, -0.8, 0, 0][i]!, scoreTolerance))
    }))
}

const rejectionContract = (it: Methods) => {
  it.effect.each([
    { fault: "of another dimension", vector: [1, 2, 3] },
    { fault: "of no numbers", vector: [] },
    { fault: "with NaN", vector: [1, Number.NaN, 0, 0, 0] },
    { fault: "with infinity", vector: [1, Infinity, 0, 0, 0] },
    { fault: "beyond single precision", vector: [1e39, 0, 0, 0, 0] },
    { fault: "of zeros", vector: [0, 0, 0, 0, 0] },
    { fault: "of next to nothing", vector: [1e-5, 0, 0, 0, 0] }
  ])(
    "[STO2] [STO8] a vector $fault is rejected, and no point of its call is stored",
    ({ vector }) =>
      Effect.gen(function*() {
        const { index, name } = yield* makeCollection
        const good = makePoint(1, [1, 0, 0, 0, 0])
        assert.strictEqual(yield* failureTag(index.upsert(name, [good, makePoint(2, vector)])), "VectorRejected")
        assert.strictEqual(yield* failureTag(index.search(name, { vector, limit: 1, filter: {} })), "VectorRejected")
        assert.strictEqual(yield* index.count(name), 0)
      })
  )

  it.effect("[STO3] every operation on a missing collection fails with CollectionMissing", () =>
    Effect.gen(function*() {
      const index = yield* VectorIndex
      const name = `missing-${process.pid}`
      const vector = [1, 0, 0, 0, 0]
      const operations = [
        index.upsert(name, [makePoint(1, vector)]),
        index.remove(name, [pointId(1)]),
        index.search(name, { vector, limit: 1, filter: {} }),
        index.get(name, [pointId(1)]),
        index.count(name),
        index.scroll(name, { after: null, limit: 1 })
      ]
      for (const operation of operations) {
        assert.strictEqual(yield* failureTag(Effect.asVoid(operation)), "CollectionMissing")
      }
    }))
}
