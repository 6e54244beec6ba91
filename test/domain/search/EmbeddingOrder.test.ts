import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { orderByIndex, readIndices } from "../../../src/domain/search/EmbeddingOrder.ts"

const index = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 }))

describe("EmbeddingOrder", () => {
  it.prop("[STO2] items are put in the order of their indices, or refused if these are not each of them once", {
    indices: Arbitrary.array(Arbitrary.schema(index), { maxLength: 5 }),
    count: Arbitrary.schema(index)
  }, ({ count, indices }) => {
    const items = Array.from({ length: count }, (_, position) => ({ index: indices[position] }))
    const isPermutation = [...indices].sort((a, b) => a - b).every((index, n) => index === n) &&
      indices.length === count
    const expected = isPermutation ? items.toSorted((a, b) => a.index! - b.index!) : undefined
    assert.deepStrictEqual(orderByIndex(items, indices), expected)
    assert.strictEqual(orderByIndex(items, undefined), items)
  }, { arbitrary: { runs: 500 } })

  it("[STO2] the indices of an answer are read if any item has one", () => {
    assert.deepStrictEqual(readIndices({ data: [{ index: 1 }, {}, { index: null }] }), [1, undefined, null])
    for (const body of [{ data: [{}, { index: null }] }, { data: [] }, {}, null, []]) {
      assert.isUndefined(readIndices(body))
    }
  })
})
