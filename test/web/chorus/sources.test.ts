import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { citedSources, findSource, splitPassage } from "../../../src/web/chorus/sources.ts"
import { makePrior } from "../../support/RunFixture.ts"

// Few different characters, so that a quote is often a part of its passage.
const texts = Arbitrary.schema(Schema.String.check(Schema.isPattern(/^[ab ]{0,6}$/)))
const quotes = Arbitrary.schema(Schema.NullOr(Schema.String.check(Schema.isPattern(/^[ab ]{0,3}$/))))

describe("The sources of an answer", () => {
  it.prop(
    "[CHO10] a quote is shown if and only if its passage contains it, and marked where it stands",
    { content: texts, other: texts, quote: quotes },
    ({ content, other, quote }) => {
      const priors = [makePrior("a", content), makePrior("b", other)]
      const answer = {
        _tag: "yield",
        final_response: "",
        citations: [{ prior: "a", quote }],
        confidence: 1
      } as const
      const [source, another] = citedSources(answer, priors)
      assert.isUndefined(another)
      if (source === undefined) return assert.fail("not cited")
      const isVerbatim = quote !== null && quote !== "" && content.includes(quote)
      assert.strictEqual(source.evidence, isVerbatim ? "verbatim" : "notFound")
      assert.strictEqual(source.quote, isVerbatim ? quote : "")
      const passage = splitPassage(source)
      assert.strictEqual(passage.before + passage.quote + passage.after, content)
      assert.strictEqual(passage.quote, source.quote)
      assert.strictEqual(findSource(answer, priors, 2)?.evidence, "uncited")
      assert.isUndefined(findSource(answer, priors, 3))
      assert.isUndefined(findSource(answer, priors, 0))
    }
  )
})
