import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Vector from "../../../src/domain/search/Vector.ts"

describe("Vector", () => {
  it.each(
    [
      [[0, 0, 0], "zero"],
      [[1e-5, 0, 0], "zero"],
      [[Number.NaN, 1, 0], "not_finite"],
      [[Infinity, 1, 0], "not_finite"],
      [[1e39, 0, 0], "not_finite"],
      [[1, 2], "dimension"],
      [[], "dimension"],
      [[1, 2, 3], undefined]
    ] as const
  )("[STO8] %j has the fault %s", (vector, fault) => assert.strictEqual(Vector.findFault(vector, 3), fault))

  it("[STO2] the dot product is the sum of the products of components", () => {
    assert.strictEqual(Vector.dot([1, 2, 3], [4, -5, 6]), 12)
    assert.strictEqual(Vector.dot([], []), 0)
  })

  it.prop("[STO2] a valid vector has length one after normalisation, in single precision", [
    Schema.Array(Schema.Finite)
  ], ([vector]) => {
    if (Vector.findFault(vector, vector.length) !== undefined) return
    const normalised = Vector.normalise(vector)
    assert.closeTo(Vector.norm(normalised), 1, 1e-5)
    assert.deepStrictEqual(normalised.map(Math.fround), normalised)
    assert.isUndefined(Vector.findFault(normalised, vector.length))
  })
})
