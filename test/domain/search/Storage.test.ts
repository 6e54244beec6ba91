import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Storage from "../../../src/domain/search/Storage.ts"
import { cacheLimit, initial, type Operation, type OperationResult } from "../../../src/domain/search/StorageModel.ts"
import { makePoint, pointId } from "../../support/PointFixture.ts"

const collection = "c"
const initialState = initial([{ name: collection, dimension: 3 }])
const ready = Storage.markCollectionReady(initialState, collection)

const store = (...points: ReadonlyArray<ReturnType<typeof makePoint>>) => ({
  _tag: "Store" as const,
  collection,
  points
})
const update = (n: number, version: number, content = "changed"): Operation => ({
  _tag: "Update",
  collection,
  id: pointId(n),
  payload: { version, content }
})
const search = (vector: ReadonlyArray<number>, limit = 10): Operation => ({
  _tag: "Search",
  collection,
  vector,
  limit,
  filter: {}
})

/** The tags of a rejection and of its recovery. */
const outcomeTags = (result: OperationResult) =>
  result._tag === "Failure" ? [result.error._tag, result.recovery._tag] : result._tag

describe("Storage: decisions", () => {
  it("[STO1] [STO2] Store normalises the vectors, and caches the points whose stored version is known", () => {
    const known = Storage.cachePoints(ready, collection, [{ id: pointId(1), point: null }])
    const [state, result] = Storage.executeOperation(known, store(makePoint(1, [3, 0, 4]), makePoint(2, [0, 5, 0])))
    if (result._tag === "Failure" || result.command._tag !== "Upsert") return assert.fail("rejected")
    assert.deepStrictEqual(
      result.command.points.map(({ vector }) => vector),
      [[Math.fround(0.6), 0, Math.fround(0.8)], [0, 1, 0]]
    )
    assert.deepStrictEqual(state.cache.get(pointId(1))?.point, result.command.points[0])
    // The engine may hold a newer version of the other point.
    assert.isFalse(state.cache.has(pointId(2)))
  })

  it.each([
    { fault: "dimension", vector: [1, 2] },
    { fault: "not_finite", vector: [1, Number.NaN, 0] },
    { fault: "not_finite", vector: [1, 1e39, 0] },
    { fault: "zero", vector: [0, 0, 0] }
  ])(
    "[STO2] [STO6] [STO8] a vector with the fault $fault is rejected, and embedded again only if the caller asks for it",
    ({ fault, vector }) => {
      const [state, result] = Storage.executeOperation(ready, store(makePoint(1, [1, 0, 0]), makePoint(2, vector)))
      assert.strictEqual(state, ready)
      assert.deepStrictEqual(outcomeTags(result), ["InvalidVector", "GiveUp"])
      const embedded = { ...store(makePoint(2, vector)), onInvalidVector: "embed" as const }
      assert.deepStrictEqual(outcomeTags(Storage.executeOperation(ready, embedded)[1]), [
        "InvalidVector",
        "RecoverEmbedding"
      ])
      assert.isTrue(result._tag === "Failure" && result.error._tag === "InvalidVector" && result.error.fault === fault)
      assert.deepStrictEqual(outcomeTags(Storage.executeOperation(ready, search(vector))[1]), [
        "InvalidVector",
        "GiveUp"
      ])
    }
  )

  it("[STO2] a collection is created before its first use; an undeclared one is rejected", () => {
    const [state, result] = Storage.executeOperation(initialState, store(makePoint(1, [1, 0, 0])))
    assert.strictEqual(state, initialState)
    assert.deepStrictEqual(outcomeTags(result), ["InvalidCollection", "RecoverCollection"])
    const other = Storage.executeOperation(ready, { ...search([1, 0, 0]), collection: "other" })[1]
    assert.deepStrictEqual(outcomeTags(other), ["InvalidCollection", "GiveUp"])
  })

  it("[STO2] Update requires a newer version than the stored one, and fetches a point that is not cached", () => {
    assert.deepStrictEqual(outcomeTags(Storage.executeOperation(ready, update(1, 2))[1]), ["NotFound", "RecoverPoints"])
    const absent = Storage.cachePoints(ready, collection, [{ id: pointId(1), point: null }])
    assert.deepStrictEqual(outcomeTags(Storage.executeOperation(absent, update(1, 2))[1]), ["NotFound", "GiveUp"])

    const stored = Storage.cachePoints(ready, collection, [{
      id: pointId(1),
      point: makePoint(1, [1, 0, 0], { version: 2 })
    }])
    assert.deepStrictEqual(outcomeTags(Storage.executeOperation(stored, update(1, 2))[1]), [
      "VersionConflict",
      "GiveUp"
    ])
    const [state, result] = Storage.executeOperation(stored, update(1, 3))
    const changed = makePoint(1, [1, 0, 0], { version: 3, content: "changed" })
    assert.deepStrictEqual(result, {
      _tag: "Success",
      command: { _tag: "Upsert", collection, points: [changed] }
    })
    assert.deepStrictEqual(outcomeTags(Storage.executeOperation(state, update(1, 3))[1]), ["VersionConflict", "GiveUp"])
  })

  it("[STO1] Delete removes the point from the cache and from the engine", () => {
    const stored = Storage.cachePoints(ready, collection, [{ id: pointId(1), point: makePoint(1, [1, 0, 0]) }])
    const [state, result] = Storage.executeOperation(stored, { _tag: "Delete", collection, ids: [pointId(1)] })
    assert.deepStrictEqual(result, { _tag: "Success", command: { _tag: "Remove", collection, ids: [pointId(1)] } })
    assert.deepStrictEqual(outcomeTags(Storage.executeOperation(state, update(1, 9))[1]), ["NotFound", "GiveUp"])
  })
})

describe("Storage: invalid operations", () => {
  it.each([
    { name: "a limit of 0", operation: search([1, 0, 0], 0) },
    { name: "a limit beyond all", operation: search([1, 0, 0], 1001) },
    { name: "no points", operation: store() },
    { name: "a point twice", operation: store(makePoint(1, [1, 0, 0]), makePoint(1, [0, 1, 0])) },
    { name: "an id that is no UUID", operation: store({ ...makePoint(1, [1, 0, 0]), id: "../x" }) },
    { name: "a broken version", operation: update(1, 1.5) },
    { name: "a deletion of no UUID", operation: { _tag: "Delete", collection, ids: ["1"] } as const }
  ])("[STO1] $name is rejected and changes nothing", ({ operation }) => {
    const [state, result] = Storage.executeOperation(ready, operation)
    assert.strictEqual(state, ready)
    assert.deepStrictEqual(outcomeTags(result), ["InvalidOperation", "GiveUp"])
  })
})

describe("Storage: cache", () => {
  const Which = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 }))
  const Version = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 }))
  const Script = Schema.Array(Schema.Union([
    Schema.TaggedStruct("Put", { which: Which, version: Version }),
    Schema.TaggedStruct("Change", { which: Which, version: Version }),
    Schema.TaggedStruct("Drop", { which: Which }),
    Schema.TaggedStruct("Learn", {
      which: Which,
      count: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 }))
    })
  ]))

  it.prop(
    "[STO1] the cache is bounded, and no cached version is replaced by an older one",
    [Arbitrary.schema(Script)],
    ([script]) => {
      let state = ready
      for (const step of script) {
        const before = state.cache
        switch (step._tag) {
          case "Learn": {
            const points = Array.from({ length: step.count }, (_, n) => ({ id: pointId(step.which + n), point: null }))
            state = Storage.cachePoints(state, collection, points)
            break
          }
          case "Put":
            state =
              Storage.executeOperation(state, store(makePoint(step.which, [1, 2, 3], { version: step.version })))[0]
            break
          case "Change":
            state = Storage.executeOperation(state, update(step.which, step.version))[0]
            break
          case "Drop":
            state = Storage.executeOperation(state, { _tag: "Delete", collection, ids: [pointId(step.which)] })[0]
            break
        }
        assert.isAtMost(state.cache.size, cacheLimit)
        if (step._tag === "Put" || step._tag === "Change") {
          for (const [id, entry] of state.cache) {
            const earlier = before.get(id)?.point
            if (earlier && entry.point) assert.isAtLeast(entry.point.payload.version, earlier.payload.version)
          }
        }
      }
    }
  )

  it.prop("[STO1] a rollback evicts exactly the points of its command", {
    which: Which
  }, ({ which }) => {
    const state = Storage.cachePoints(ready, collection, [{ id: pointId(which), point: null }, {
      id: pointId(1000),
      point: null
    }])
    const [next, result] = Storage.executeOperation(state, store(makePoint(which, [1, 0, 0])))
    if (result._tag === "Failure") return assert.fail("rejected")
    const back = Storage.rollback(next, result.command)
    assert.isFalse(back.cache.has(pointId(which)))
    assert.isTrue(back.cache.has(pointId(1000)))
  })
})
