import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as HashEmbedding from "../../../src/domain/search/HashEmbedding.ts"

const embed = (text: string) => Result.getOrThrow(HashEmbedding.embed(text))
const cosine = (a: string, b: string) => {
  const other = embed(b)
  return embed(a).reduce((sum, x, i) => sum + x * (other[i] ?? 0), 0)
}

describe("HashEmbedding", () => {
  it.prop("[STO8] a text has one vector of length 1, or is a typed failure", [Schema.String], ([text]) => {
    const first = HashEmbedding.embed(text)
    assert.deepStrictEqual(HashEmbedding.embed(text), first)
    if (Result.isFailure(first)) {
      assert.strictEqual(first.failure._tag, "EmptyText")
    } else {
      assert.strictEqual(first.success.length, HashEmbedding.dimensions)
      assert.approximately(Math.hypot(...first.success), 1, 1e-9)
    }
  })

  it.each(["", " ", "\n\t\u3000"])("[STO8] %j is no vector of zeros", (text) => {
    assert.isTrue(Result.isFailure(HashEmbedding.embed(text)))
  })

  it.each(["👍", "?!", "…", "怎么", "ok", "it"])("%j has a vector", (text) => {
    assert.isTrue(Result.isSuccess(HashEmbedding.embed(text)))
  })

  it.each([
    ["how do I retry a failing effect", "Retries of effects that failed", "The cat sleeps on the roof"],
    ["back-off between attempts", "exponential backoff", "exponential growth of bacteria"],
    ["Effect.catchTags", "catch several tags", "throw one label"],
    ["如何重试一个操作", "重试操作的方法", "今天天气很好"]
  ])("%j is nearer to %j than to %j", (text, close, far) => {
    assert.isAbove(cosine(text, close), cosine(text, far) + 0.05)
  })

  it("stop words have little weight", () => {
    assert.isBelow(cosine("what is the capital of France", "what is the colour of the sky"), 0.3)
  })

  it("[STO4] the features of this version are fixed", () => {
    const vector = embed("The quick brown fox")
    const strongest = vector.map((x, i) => [i, Math.round(x * 1000)] as const)
      .toSorted(([, a], [, b]) => Math.abs(b) - Math.abs(a)).slice(0, 3)
    assert.deepStrictEqual(strongest, [[88, 533], [380, 533], [382, -533]])
  })
})
