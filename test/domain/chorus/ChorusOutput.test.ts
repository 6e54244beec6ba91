import { assert, it } from "@effect/vitest"
import { sanitiseOutput } from "../../../src/domain/chorus/ChorusOutput.ts"
import { makePrior } from "../../support/RunFixture.ts"

it("[CHO10] [CHO15] of several quotes of a prior the first that it contains is kept", () => {
  const priors = ["a", "b"].map((id) => makePrior(id, "bread rises"))
  const citations = [["a", "made up"], ["b", ""], ["a", "bread"], ["c", "bread"], ["a", "rises"], ["a", "made up"]]
  const output = {
    _tag: "yield",
    final_response: "",
    citations: citations.map(([prior = "", quote = ""]) => ({ prior, quote })),
    confidence: 1
  } as const
  const kept = [{ prior: "a", quote: "bread" }, { prior: "b", quote: "" }]
  assert.deepStrictEqual(sanitiseOutput(output, priors, 5), { ...output, citations: kept })
  assert.deepStrictEqual(sanitiseOutput(output, priors, 1), { ...output, citations: kept.slice(0, 1) })
})
