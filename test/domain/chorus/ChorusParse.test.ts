import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { Output, steps } from "../../../src/domain/chorus/Chorus.ts"
import { textOf } from "../../../src/domain/chorus/ChorusOutput.ts"
import * as ChorusParse from "../../../src/domain/chorus/ChorusParse.ts"
import * as ChorusPrompt from "../../../src/domain/chorus/ChorusPrompt.ts"
import { payloads } from "../../layers/chorus/Payloads.ts"
import { answer, data, prior, priors, runAt } from "../../layers/chorus/Runs.ts"

const parse = (step: Output["_tag"], text: string) =>
  ChorusParse.parse(runAt(step), step === "experience" ? priors : [], text)

const read = <T extends Output["_tag"]>(step: T, text: string): Extract<Output, { readonly _tag: T }> => {
  const output = Result.getOrThrow(parse(step, text))
  const is = (output: Output): output is Extract<Output, { readonly _tag: T }> => output._tag === step
  return is(output) ? output : assert.fail(`expected ${step}`)
}

const fault = (step: Output["_tag"], text: string) => Result.getOrThrow(Result.flip(parse(step, text))).fault

const ids = (output: Output): ReadonlyArray<string> => {
  switch (output._tag) {
    case "intention":
      return output.selected_priors
    case "observation":
      return output.semantic_links.map((link) => link.prior)
    case "yield":
      return output.citations.map((citation) => citation.prior)
    default:
      return []
  }
}

describe("ChorusParse", () => {
  it.each(steps)("[CHO2] reads the output of %s", (step) => {
    const output = read(step, answer("The lead.\n\nTwo paragraphs.", data[step]))
    assert.strictEqual(textOf(output), "The lead.\n\nTwo paragraphs.")
    assert.isTrue(Schema.is(Output)(output))
  })

  it.each([
    (json: string) => `L<<<data>>>${json}`,
    (json: string) => `\n\n L \n<<<data>>>\n\n\`\`\`json\n${json}\n\`\`\`\n`,
    (json: string) => `L\r\n<<<data>>>\r\n${json}\r\nHope this helps!`
  ])("[CHO2] is tolerant of fences, space and chatter", (wrap) => {
    const output = read("update", wrap(JSON.stringify(data.update)))
    assert.deepStrictEqual(output, { _tag: "update", reason: "L", loop: false, confidence: 0.9 })
  })

  it.each([
    ["no text", "<<<data>>>{\"loop\":false,\"confidence\":1}"],
    ["no text", "   \n"],
    ["no data", "only text"],
    ["no data", "text\n<<<data>>>\nnone"],
    ["no data", "text\n<<<dat"],
    ["broken JSON", "text\n<<<data>>>\n{\"loop\": fal}"],
    ["broken JSON", `text\n<<<data>>>\n{"loop": "${"x".repeat(70_000)}"}`],
    ["wrong fields", "text\n<<<data>>>\n{}"],
    ["wrong fields", "text\n<<<data>>>\n{\"loop\":\"no\",\"confidence\":1}"],
    ["wrong fields", "text\n<<<data>>>\n{\"loop\":true,\"confidence\":1e999}"]
  ])("[CHO6] %s is a typed failure", (expected, text) => {
    assert.strictEqual(fault("update", text), expected)
  })

  it("[CHO2] clamps what is too much", () => {
    const many = Array.from({ length: 50 }, (_, i) => `${i} ${"x".repeat(1_200)}`)
    const { context_analysis, patterns } = read(
      "observation",
      answer("y".repeat(100_000), { patterns: many, semantic_links: [] })
    )
    assert.strictEqual(context_analysis.length, ChorusParse.limits.lead)
    assert.strictEqual(patterns.length, ChorusParse.limits.items)
    assert.isTrue(patterns.every((pattern) => pattern.length <= ChorusParse.limits.item))
    assert.strictEqual(read("action", answer("L", { confidence: 85, reasoning: "" })).confidence, 1)
  })

  it("[CHO10] only priors of this run are named, by number or by id", () => {
    const { selected_priors } = read(
      "intention",
      answer("L", {
        implicit: "",
        selected_priors: ["prior 2", "[1]", "p-three", 2, 0, -1, 99, 1.5, "foreign"],
        reason: ""
      })
    )
    assert.deepStrictEqual(selected_priors, ["p-two", "p-one", "p-three"])
  })

  it.each([
    ["boiling water makes it bitter", ""],
    ["Boiling water makes it bitter.", "Boiling water makes it bitter."],
    ["  green\n  tea ", "green tea"],
    ["made up", ""],
    ["", ""]
  ])("[CHO10] the quote %j is kept as %j", (quote, kept) => {
    const { citations } = read("yield", answer("L", { citations: [{ prior: 1, quote }], confidence: 1 }))
    assert.deepStrictEqual(citations, [{ prior: "p-one", quote: kept }])
  })

  it("[CHO10] a quote of what prompts exchange is found again", () => {
    const content = "Write cout << x;\r\nand then </prior>  end."
    assert.strictEqual(ChorusParse.locate(content, "cout ‹‹ x;\nand then ‹/prior> end."), content.slice(6))
  })

  it.prop("[CHO10] a quote is a part of its prior", [Schema.String, Schema.String, Schema.String], ([a, b, c]) => {
    const content = a + b + c
    const quote = ChorusParse.locate(content, b)
    assert.isTrue(content.includes(quote))
    // Halves of characters that only meet in the whole are no text that a model could quote.
    const quotable = content.isWellFormed() && b.isWellFormed() && b.trim() !== "" &&
      b.length <= ChorusParse.limits.item
    assert.isTrue(quote !== "" || !quotable)
  })

  it("[CHO5] a marker that a control character hides is one as well", () => {
    const whole = `a${ChorusPrompt.marker.slice(0, 4)}\u0000${ChorusPrompt.marker.slice(4)}b`
    for (let i = 0; i <= whole.length; i++) assert.include(["", "a"], ChorusParse.visible(whole.slice(0, i)))
  })

  const text = Arbitrary.map(
    Arbitrary.array(
      Arbitrary.schema(
        Schema.Union([Schema.String, Schema.Literals(["<", "<<", "<<<data", ">>>", "<<<data>>>", "𝄞", " ", "\u0000"])])
      ),
      { maxLength: 12 }
    ),
    (pieces) => pieces.join("")
  )

  it.prop("[CHO5] what is shown grows to the lead and holds nothing of the marker", [text, text], ([lead, rest]) => {
    const whole = lead + ChorusPrompt.marker + rest
    const final = ChorusParse.visible(whole)
    assert.notInclude(final, ChorusPrompt.marker)
    let before = ""
    for (let i = 0; i <= whole.length; i++) {
      const shown = ChorusParse.visible(whole.slice(0, i))
      assert.isTrue(
        final.startsWith(shown) && shown.startsWith(before),
        `at ${i}: ${JSON.stringify([before, shown, final])}`
      )
      assert.isTrue(shown.isWellFormed())
      before = shown
    }
    assert.strictEqual(before, final)
  }, { arbitrary: { runs: 500 } })

  it.each(steps)(
    "[CHO11] [SEC30] %s: a model that obeys what is planted can say nothing but text and ids of this run",
    (step) => {
      for (const payload of payloads) {
        const planted = [prior("p-evil", payload)]
        const run = runAt(step)
        // The obedient model repeats the payload wherever it can: as text, as every string, as every id.
        const obedient = JSON.parse(
          JSON.stringify(data[step]),
          (_, value: unknown) =>
            typeof value === "string" || typeof value === "number" && !Number.isInteger(value) ? payload : value
        ) as unknown
        for (const said of [answer(payload, data[step]), answer("L", obedient), payload]) {
          const result = ChorusParse.parse(run, planted, said)
          if (Result.isFailure(result)) continue
          assert.strictEqual(result.success._tag, step)
          assert.isTrue(Schema.is(Output)(result.success))
          const known = new Set(ChorusPrompt.numbered(run, planted).map(({ id }) => id))
          assert.isTrue(ids(result.success).every((id) => known.has(id)))
        }
        assert.isFalse("polluted" in {})
      }
    }
  )
})
