import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { TopicId } from "../../../src/domain/protocol/Ids.ts"
import {
  type IndexedPoint,
  type PublishedPoint,
  repairConsistency,
  verifyConsistency
} from "../../../src/domain/search/ConsistencyCheck.ts"
import { threadId } from "../../support/PointFixture.ts"

const thread = threadId("a")
const published = new Map<string, PublishedPoint>(
  [1, 2, 3, 4].map((n) => [`p${n}`, { thread, log_seq: n * 10, digest: `d${n}` }])
)
const indexed: ReadonlyArray<IndexedPoint> = Array.from(
  published,
  ([id, point]) => ({ id, ...point, fault: undefined })
)
const readTo = new Map([[thread, 40]])
const verify = (points: ReadonlyArray<IndexedPoint>, existing: ReadonlyArray<TopicId> = [thread]) =>
  verifyConsistency(published, readTo, points, new Set(existing))

describe("IndexConsistency", () => {
  it("[STO5] an index that holds exactly what the logs publish has no inconsistency", () => {
    assert.deepStrictEqual(verify(indexed), [])
    assert.deepStrictEqual(verify(indexed.toReversed()), [])
  })

  it("[STO5] missing, orphaned, stale and invalid points are found", () => {
    const [first, second, third] = indexed
    const orphan: IndexedPoint = { id: "p9", thread, log_seq: 5, digest: "d9", fault: undefined }
    assert.deepStrictEqual(
      verify([{ ...first!, digest: "forged" }, { ...second!, fault: "zero" }, third!, orphan]),
      [
        { _tag: "Stale", id: "p1", thread, log_seq: 10 },
        { _tag: "BadVector", id: "p2", fault: "zero", thread, log_seq: 20 },
        { _tag: "Orphan", id: "p9" },
        { _tag: "Missing", id: "p4", thread, log_seq: 40 }
      ]
    )
  })

  it("[STO5] a point that was appended after its thread was read is not judged, unless the thread does not exist", () => {
    const later: IndexedPoint = { id: "p5", thread, log_seq: 50, digest: "d5", fault: undefined }
    const newThread: IndexedPoint = { ...later, id: "p6", thread: threadId("new"), log_seq: 1 }
    assert.deepStrictEqual(verify([...indexed, later, newThread], [thread, threadId("new")]), [])
    assert.deepStrictEqual(verify([...indexed, newThread]), [{ _tag: "Orphan", id: "p6" }])
  })

  it("[STO5] a repair deletes wrong points, and indexes each thread again from its first difference on", () => {
    const other = threadId("b")
    const { deletions, reindexAfter } = repairConsistency([
      { _tag: "Orphan", id: "o" },
      { _tag: "Stale", id: "s", thread, log_seq: 30 },
      { _tag: "Missing", id: "m", thread, log_seq: 20 },
      { _tag: "BadVector", id: "v", fault: "zero", thread: other, log_seq: 7 }
    ])
    assert.deepStrictEqual(deletions, ["o", "s", "v"])
    assert.deepStrictEqual(reindexAfter, new Map([[thread, 19], [other, 6]]))
    assert.deepStrictEqual(repairConsistency([]), { deletions: [], reindexAfter: new Map() })
  })

  const Damage = Schema.Array(Schema.Literals(["none", "lose", "forge", "zero", "orphan"]))
  it.prop("[STO5] after its repair any damaged index is consistent", [Damage], ([damage]) => {
    const damaged = indexed.flatMap((point, i): ReadonlyArray<IndexedPoint> => {
      switch (damage[i]) {
        case "lose":
          return []
        case "forge":
          return [{ ...point, digest: "forged" }]
        case "zero":
          return [{ ...point, fault: "zero" }]
        case "orphan":
          return [point, { ...point, id: `orphan-${point.id}` }]
        default:
          return [point]
      }
    })
    const { deletions, reindexAfter } = repairConsistency(verify(damaged))
    const index = new Map(damaged.map((point) => [point.id, point]))
    for (const id of deletions) index.delete(id)
    for (const point of indexed) {
      if (point.log_seq > (reindexAfter.get(point.thread) ?? Infinity)) index.set(point.id, point)
    }
    assert.deepStrictEqual(verify(Array.from(index.values())), [])
  })
})
