import { assert, it } from "@effect/vitest"
import { sanitiseOutput } from "../../../src/domain/chorus/ChorusOutput.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { makePrior } from "../../support/RunFixture.ts"
import { sealedOutput } from "../../support/SealedFixture.ts"

it("[CHO10] [CHO15] of several quotes of a prior the first that it contains is kept", () => {
  const priors = ["a", "b"].map((id) => makePrior(id, "bread rises"))
  const citations = [["a", "made up"], ["b", ""], ["a", "bread"], ["c", "bread"], ["a", "rises"], ["a", "made up"]]
  const output = {
    _tag: "yield",
    final_response: "",
    citations: citations.map(([prior = "", quote = ""]) => ({ prior, quote: quote === "" ? null : quote })),
    confidence: 1
  } as const
  const kept = [{ prior: "a", quote: "bread" }, { prior: "b", quote: null }]
  const sanitised = (max: number) => plain(sanitiseOutput(sealedOutput(output), priors, max))
  assert.deepStrictEqual(sanitised(5), { ...output, citations: kept })
  assert.deepStrictEqual(sanitised(1), { ...output, citations: kept.slice(0, 1) })
})
