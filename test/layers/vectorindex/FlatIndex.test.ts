import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { FlatIndex, rowOfPoint } from "../../../src/layers/vectorindex/FlatIndex.ts"
import { makeBlock, paddedLength, rowsPerBlock } from "../../../src/layers/vectorindex/SimdKernel.ts"
import { makePoint, pointId, threadId } from "../../support/PointFixture.ts"

/** A linear congruential generator: one seed instead of many vectors to shrink. */
const seededRandom = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 31 - 1
  }
}

const randomVectors = (seed: number, count: number, dimension: number) => {
  const next = seededRandom(seed)
  return Array.from({ length: count }, () => Float32Array.from({ length: dimension }, next))
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

const Seed = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 }))
const Dimension = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 70 }))

describe("SimdKernel", () => {
  it.prop("[STO3] dot products equal those of plain JavaScript, for whole blocks and selected rows", {
    seed: Seed,
    dimension: Dimension
  }, ({
    dimension,
    seed
  }) => {
    const block = makeBlock(dimension)
    const [query, ...rows] = randomVectors(seed, 21, dimension)
    rows.forEach((row, i) => block.rows.set(row, i * paddedLength(dimension)))
    block.query.set(query!)
    block.multiplyAll(rows.length)
    rows.forEach((row, i) => assert.closeTo(block.products[i]!, dot(query!, row), 1e-4))
    const picked = [19, 0, 7]
    block.rowNumbers.set(picked)
    block.multiplySelected(picked.length)
    picked.forEach((at, i) => assert.closeTo(block.products[i]!, dot(query!, rows[at]!), 1e-4))
  }, { arbitrary: { runs: 50 } })
})

describe("FlatIndex", () => {
  it("[STO3] a filtered search over several blocks equals arithmetic, after deletions", () => {
    const dimension = 8
    const count = rowsPerBlock * 2 + 100
    const index = new FlatIndex(dimension)
    const all = new Map(randomVectors(1, count, dimension).map((vector, n) => [n, vector]))
    for (const [n, vector] of all) {
      index.upsert(
        { id: pointId(n), thread: threadId(String(n % 7)), author: "system:a", visibility: "public", version: 1 },
        vector
      )
    }
    for (let n = 0; n < count; n += 3) {
      index.remove(pointId(n))
      all.delete(n)
    }
    assert.strictEqual(index.size, all.size)
    for (const [seed, thread] of [[2, undefined], [3, 3], [4, 0]] as const) {
      const query = randomVectors(seed, 1, dimension)[0]!
      const expected = Array.from(all)
        .filter(([n]) => thread === undefined || n % 7 === thread)
        .map(([n, vector]) => ({ n, score: dot(query, vector) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 25)
      const found = index.search(query, 25, thread === undefined ? {} : { threads: [threadId(String(thread))] })
      assert.deepStrictEqual(found.map((hit) => hit.id), expected.map(({ n }) => pointId(n)))
    }
  })

  it("[STO3] an emptied index finds nothing and can be filled again", () => {
    const index = new FlatIndex(2)
    const row = rowOfPoint(makePoint(1, [1, 0]))
    index.upsert(row, [1, 0])
    index.remove(row.id)
    index.remove(row.id)
    assert.deepStrictEqual(index.search([1, 0], 5, {}), [])
    index.upsert(row, [0, 1])
    assert.deepStrictEqual(index.search([0, 1], 5, { readable: [] }), [{ id: row.id, score: 1 }])
  })
})
