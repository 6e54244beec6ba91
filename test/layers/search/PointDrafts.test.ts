import { assert, describe, it } from "@effect/vitest"
import { pointId } from "../../../src/layers/search/PointDrafts.ts"

describe("PointDrafts", () => {
  it("[STO4] the id of a point is a fixed function of thread, message and chunk", () => {
    assert.strictEqual(pointId("thread:a", "m1", 2), "fe76c956-791a-57b5-84a6-1f897e0f4824")
    const ids = [["thread:a", "m1", 2], ["thread:a", "m1", 1], ["thread:a", "m2", 2], ["thread:b", "m1", 2]] as const
    assert.strictEqual(new Set(ids.map(([thread, message, chunk]) => pointId(thread, message, chunk))).size, 4)
  })
})
