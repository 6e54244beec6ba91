import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  compareHits,
  type Filter,
  matchesFilter,
  readableBy,
  toClauses
} from "../../../src/domain/search/VectorQuery.ts"
import { makePayload, pointId, threadId } from "../../support/PointFixture.ts"

const payload = makePayload({ thread: threadId("a"), author: "system:x", visibility: "members" })

describe("VectorQuery", () => {
  it.each<readonly [Filter, boolean]>([
    [{}, true],
    [{ threads: [threadId("b"), threadId("a")] }, true],
    [{ threads: [threadId("b")] }, false],
    [{ threads: [] }, false],
    [{ author: "system:x" }, true],
    [{ author: "system:y" }, false],
    [{ visibility: "members" }, true],
    [{ visibility: "public" }, false],
    [{ readable: [threadId("a")] }, true],
    [{ readable: [threadId("b")] }, false],
    [{ readable: [] }, false],
    [{ threads: [threadId("a")], author: "system:x", visibility: "members", readable: [threadId("a")] }, true],
    [{ threads: [threadId("a")], author: "system:y" }, false]
  ])(
    "[STO3] the filter %j matches a members' text: %s",
    (filter, expected) => assert.strictEqual(matchesFilter(filter, payload), expected)
  )

  it("[STO3] a filter without conditions has no clauses, and every other condition is one", () => {
    assert.deepStrictEqual(toClauses({}), [])
    assert.strictEqual(toClauses({ readable: [], threads: [], visibility: "public", author: "system:x" }).length, 4)
  })

  const Hit = Schema.Struct({
    id: Schema.Literals([1, 2, 3, 4].map(pointId)),
    score: Schema.Literals([-1, 0, 0.5, 1])
  })
  it.prop("[STO3] results are ordered by score, then by id, whatever their order before", [
    Schema.Array(Hit)
  ], ([hits]) => {
    const sorted = hits.toSorted(compareHits)
    assert.deepStrictEqual(hits.toReversed().toSorted(compareHits), sorted)
    sorted.slice(1).forEach((hit, i) => {
      const before = sorted[i]!
      assert.isTrue(before.score > hit.score || before.score === hit.score && before.id <= hit.id)
    })
  })

  const Name = Schema.Literals(["a", "b", "c"])
  it.prop("[SEC10] the filter of a reader passes public text and text of the reader's threads, and nothing else", {
    memberOf: Schema.Array(Name),
    thread: Name,
    visibility: Schema.Literals(["public", "members"])
  }, ({ memberOf, thread, visibility }) =>
    assert.strictEqual(
      matchesFilter(readableBy(memberOf.map(threadId)), makePayload({ thread: threadId(thread), visibility })),
      visibility === "public" || memberOf.includes(thread)
    ))
})
