import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Usage } from "../../../src/domain/chorus/ChorusModel.ts"
import { estimateTokens, sanitiseUsage, toTokenCount } from "../../../src/domain/chorus/TokenCount.ts"

describe("TokenCount", () => {
  it.each([-1, -35, 12.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "12", null, undefined, {}])(
    "[SEC32] %s is no count",
    (reported) => assert.isUndefined(toTokenCount(reported))
  )

  it("counts are safe integers from 0", () => {
    for (const count of [0, 1, Number.MAX_SAFE_INTEGER]) assert.strictEqual(toTokenCount(count), count)
  })

  const cost = { amount: 500_000, unit: "USD", prices: "2026-11" }
  const noCosts = [0.5, "1", null, undefined, { ...cost, amount: 0.5 }, { ...cost, amount: -1 }, { amount: 1 }]
  it.each(noCosts)("[SEC32] %s is no cost", (noCost) => {
    const usage = { provider: "p", model: "m", input_tokens: 1, output_tokens: 1, latency_ms: 1 }
    assert.isNull(sanitiseUsage({ ...usage, cost: noCost }).cost)
    assert.deepStrictEqual(sanitiseUsage({ ...usage, cost }).cost, cost)
  })

  it("an estimate is a token per four units of text", () => assert.strictEqual(estimateTokens(5), 2))

  // @effect-diagnostics-next-line schemaNumber:off - what a provider reports may be any number
  const numbers = Arbitrary.schema(Schema.Number)
  it.prop(
    "[SEC32] a usage with any numbers becomes one of its schema, and one of its schema stays as it is",
    { input: numbers, output: numbers, latency: numbers, cost: numbers, usage: Arbitrary.schema(Usage) },
    ({ cost, input, latency, output, usage }) => {
      const reported = { ...usage, input_tokens: input, output_tokens: output, latency_ms: latency, cost }
      assert.isTrue(Schema.is(Usage)(sanitiseUsage(reported)))
      assert.deepStrictEqual(sanitiseUsage(usage), usage)
    }
  )
})
