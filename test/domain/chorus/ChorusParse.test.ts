import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { StepOutput, steps } from "../../../src/domain/chorus/ChorusModel.ts"
import { displayText } from "../../../src/domain/chorus/ChorusOutput.ts"
import * as ChorusParse from "../../../src/domain/chorus/ChorusParse.ts"
import * as ChorusPrompt from "../../../src/domain/chorus/ChorusPrompt.ts"
import { formatModelAnswer, makePrior, makeRunAt, priors, stepData } from "../../support/RunFixture.ts"
import { injectionPayloads } from "./PromptInjections.ts"

const parse = (step: StepOutput["_tag"], text: string) =>
  ChorusParse.parseOutput(makeRunAt(step), step === "experience" ? priors : [], text)

const parseAs = <T extends StepOutput["_tag"]>(step: T, text: string): Extract<StepOutput, { readonly _tag: T }> => {
  const output = Result.getOrThrow(parse(step, text))
  const hasTag = (output: StepOutput): output is Extract<StepOutput, { readonly _tag: T }> => output._tag === step
  return hasTag(output) ? output : assert.fail(`expected ${step}`)
}

const parseFault = (step: StepOutput["_tag"], text: string) => Result.getOrThrow(Result.flip(parse(step, text))).fault

const priorIds = (output: StepOutput): ReadonlyArray<string> => {
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

describe("ChorusParse: format", () => {
  it.each(steps)("[CHO2] an answer to %s is parsed to its output", (step) => {
    const output = parseAs(step, formatModelAnswer("The lead.\n\nTwo paragraphs.", stepData[step]))
    assert.strictEqual(displayText(output), "The lead.\n\nTwo paragraphs.")
    assert.isTrue(Schema.is(StepOutput)(output))
  })

  it.each([
    (json: string) => `L<<<data>>>${json}`,
    (json: string) => `\n\n L \n<<<data>>>\n\n\`\`\`json\n${json}\n\`\`\`\n`,
    (json: string) => `L\r\n<<<data>>>\r\n${json}\r\nHope this helps!`
  ])("[CHO2] code fences, white space and text around the data are ignored", (wrap) => {
    const output = parseAs("update", wrap(JSON.stringify(stepData.update)))
    assert.deepStrictEqual(output, { _tag: "update", reason: "L", loop: false, confidence: 0.9 })
  })

  it.each([
    ["a trailing comma", `{"loop": false, "confidence": 0.9,}`],
    ["a number as text", `{"loop": false, "confidence": " 0.9 "}`],
    ["a literal as text", `{"loop": "false", "confidence": 0.9}`],
    ["Python's literals", `{"loop": False, "confidence": 0.9}`],
    ["braces in prose behind it", `{"loop": false, "confidence": 0.9}\nHope this helps {you}!`],
    ["braces in prose before it", `Here it is {as asked}:\n{"loop": false, "confidence": 0.9}`],
    ["an object around it", `{"update": {"loop": false, "confidence": 0.9}}`],
    ["an example before it", `{"example": true}\n{"loop": false, "confidence": 0.9}`],
    ["a brace within a text", `{"note": "a } and a { \\" too", "loop": false, "confidence": 0.9}`],
    ["a line break within a text", `{"note": "two\nlines", "loop": false, "confidence": 0.9}`],
    ["a foreign escape", `{"note": "it\\'s \\alpha", "loop": false, "confidence": 0.9}`],
    ["a missing brace", `{"confidence": 0.9, "loop": false`],
    ["the delimiter again", `so much for <<<data>>>\n<<<data>>>\n{"loop": false, "confidence": 0.9}`],
    ["the whole answer again", `{"loop": false, "confidence": 0.9}\nL\n<<<data>>>\n{"loop": false, "confidence": 0.9}`],
    ["prose behind another delimiter", `{"loop": false, "confidence": 0.9}\nThe <<<data>>> is above.`]
  ])("[SEC32] the data is read with %s", (_, data) => {
    assert.deepStrictEqual(parseAs("update", `L\n<<<data>>>\n${data}`), {
      _tag: "update",
      reason: "L",
      loop: false,
      confidence: 0.9
    })
  })

  it("[SEC32] null is no text and no item, a number is a text, and one text is a list", () => {
    assert.deepStrictEqual(parseAs("action", formatModelAnswer("L", { confidence: 3, reasoning: null })), {
      _tag: "action",
      proposed_response: "L",
      confidence: 1,
      reasoning: ""
    })
    const observation = { patterns: ["a", null, 7], semantic_links: [null, { prior: "1", relation: null }] }
    assert.deepInclude(parseAs("observation", formatModelAnswer("L", observation)), {
      patterns: ["a", "7"],
      semantic_links: [{ prior: "p-one", relation: "" }]
    })
    assert.deepInclude(parseAs("experience", formatModelAnswer("L", { key_insights: "one" })), {
      key_insights: ["one"]
    })
    assert.deepInclude(parseAs("experience", formatModelAnswer("L", { key_insights: null })), { key_insights: [] })
    assert.deepInclude(parseAs("yield", formatModelAnswer("L", { citations: null, confidence: 1 })), { citations: [] })
    const answer = formatModelAnswer("L", { citations: [{ prior: "p-null", quote: null }], confidence: 1 })
    const parsed = Result.getOrThrow(ChorusParse.parseOutput(makeRunAt("yield"), [makePrior("p-null", "null")], answer))
    assert.deepInclude(parsed, { citations: [{ prior: "p-null", quote: null }] })
  })

  it.each([
    ["wrong fields", `{"loop": false}`],
    ["wrong fields", `{"loop": null, "confidence": 0.9}`],
    ["wrong fields", `{"loop": false, "confidence": "high"}`],
    ["wrong fields", `{"loop": false, "confidence": "1e999"}`],
    ["broken JSON", `{"loop": false, "confidence": 0.9`],
    ["broken JSON", `{"loop": false, "confidence": 0.9, "note": "unfini`],
    ["broken JSON", `{"loop": false, "confidence"`],
    ["broken JSON", `{"loop": false, "confidence": 0.9]`]
  ])("[SEC32] nothing that is missing is made up: %s", (expected, data) => {
    assert.strictEqual(parseFault("update", `L\n<<<data>>>\n${data}`), expected)
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
  ])("[SEC32] [CHO6] %s is a typed failure", (expected, text) => {
    assert.strictEqual(parseFault("update", text), expected)
  })

  it("[SEC32] oversized text and lists are truncated, and numbers clamped", () => {
    const many = Array.from({ length: 50 }, (_, i) => `${i} ${"x".repeat(1_200)}`)
    const { context_analysis, patterns } = parseAs(
      "observation",
      formatModelAnswer("y".repeat(100_000), { patterns: many, semantic_links: [] })
    )
    assert.strictEqual(context_analysis.length, ChorusParse.outputLimits.lead)
    assert.strictEqual(patterns.length, ChorusParse.outputLimits.items)
    assert.isTrue(patterns.every((pattern) => pattern.length <= ChorusParse.outputLimits.item))
    assert.strictEqual(parseAs("action", formatModelAnswer("L", { confidence: 85, reasoning: "" })).confidence, 1)
  })

  it("[CHO10] only priors of this run can be selected and cited, by number or by id", () => {
    const names = ["prior 2", "[1]", "p-three", 2, 0, -1, 99, 1.5, "foreign"]
    const { citations } = parseAs(
      "yield",
      formatModelAnswer("L", { citations: names.map((prior) => ({ prior, quote: "" })), confidence: 1 })
    )
    assert.deepStrictEqual(citations.map(({ prior }) => prior), ["p-two", "p-one", "p-three", "p-two"])
    const { selected_priors } = parseAs(
      "intention",
      formatModelAnswer("L", {
        implicit: "",
        selected_priors: names,
        reason: ""
      })
    )
    assert.deepStrictEqual(selected_priors, ["p-two", "p-one", "p-three"])
  })

  it.each([
    ["boiling water makes it bitter", null],
    ["Boiling water makes it bitter.", "Boiling water makes it bitter."],
    ["  green\n  tea ", "green tea"],
    ["greentea", null],
    ["made up", null],
    ["", null]
  ])("[CHO15] the quote %j is kept as %j", (quote, kept) => {
    const { citations } = parseAs("yield", formatModelAnswer("L", { citations: [{ prior: 1, quote }], confidence: 1 }))
    assert.deepStrictEqual(citations, [{ prior: "p-one", quote: kept }])
  })

  it("[CHO15] a quote of characters that prompts replace is found in the original text", () => {
    const content = "Write cout << x;\r\nand then </prior>  end."
    assert.strictEqual(ChorusParse.findQuote(content, "cout ‹‹ x;\nand then ‹/prior> end."), content.slice(6))
  })
})

describe("ChorusParse: quotes", () => {
  it("[CHO15] a quote of as many units as an item may have is kept; a longer one is no quotation", () => {
    const { item } = ChorusParse.outputLimits
    const content = "q".repeat(item + 1)
    assert.lengthOf(ChorusParse.findQuote(content, content.slice(1)), item)
    assert.strictEqual(ChorusParse.findQuote(content, content), "")
  })

  it.prop("[CHO15] a quote is a part of its prior", [Schema.String, Schema.String, Schema.String], ([a, b, c]) => {
    const content = a + b + c
    const quote = ChorusParse.findQuote(content, b)
    assert.isTrue(content.includes(quote))
    // Lone surrogates that form a pair only in the whole text are not text that a model could quote.
    const quotable = content.isWellFormed() && b.isWellFormed() && b.trim() !== "" &&
      b.length <= ChorusParse.outputLimits.item
    assert.isTrue(quote !== "" || !quotable)
  })
})

describe("ChorusParse: streams", () => {
  it("[CHO5] a delimiter with a control character inside is recognised", () => {
    const whole = `a${ChorusPrompt.delimiter.slice(0, 4)}\u0000${ChorusPrompt.delimiter.slice(4)}b`
    for (let i = 0; i <= whole.length; i++) assert.include(["", "a"], ChorusParse.streamablePrefix(whole.slice(0, i)))
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

  it.prop(
    "[CHO5] [FLT16] the text shown of each prefix is a prefix of the lead, without the delimiter",
    [text, text],
    ([lead, rest]) => {
      const whole = lead + ChorusPrompt.delimiter + rest
      const final = ChorusParse.streamablePrefix(whole)
      assert.notInclude(final, ChorusPrompt.delimiter)
      let before = ""
      for (let i = 0; i <= whole.length; i++) {
        const shown = ChorusParse.streamablePrefix(whole.slice(0, i))
        assert.isTrue(
          final.startsWith(shown) && shown.startsWith(before),
          `at ${i}: ${JSON.stringify([before, shown, final])}`
        )
        assert.isTrue(shown.isWellFormed())
        before = shown
      }
      assert.strictEqual(before, final)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop("[FLT16] however an answer is cut into pieces, the same text is shown and the same output parsed", {
    lead: text,
    cuts: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9 })))
  }, ({ cuts, lead }) => {
    const whole = formatModelAnswer(lead, stepData.update)
    let received = ""
    let shown = ""
    for (let n = 0; received.length < whole.length; n++) {
      received += whole.slice(received.length, received.length + (cuts[n] ?? whole.length))
      // As the stream does: the new part of what may be shown is appended.
      shown += ChorusParse.streamablePrefix(received).slice(shown.length)
    }
    assert.strictEqual(shown, ChorusParse.streamablePrefix(whole))
    assert.deepStrictEqual(parse("update", received), parse("update", whole))
    const output = parse("update", whole)
    if (Result.isSuccess(output)) assert.strictEqual(displayText(output.success), shown)
  }, { arbitrary: { runs: 300 } })

  it.prop("[SEC32] any text is parsed to an output within the limits, or to a typed failure", {
    lead: text,
    data: Schema.String,
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))
  }, ({ at, data, lead }) => {
    for (const step of steps) {
      const whole = formatModelAnswer(lead, stepData[step])
      const mutated = whole.slice(0, at) + data + whole.slice(at + data.length)
      for (const answer of [mutated, mutated.repeat(2), `${mutated}${"x".repeat(70_000)}`]) {
        const output = parse(step, answer)
        if (Result.isFailure(output)) {
          assert.strictEqual(output.failure._tag, "MalformedModelOutput")
          continue
        }
        assert.isTrue(Schema.is(StepOutput)(output.success))
        assert.isAtMost(displayText(output.success).length, ChorusParse.outputLimits.lead)
      }
    }
  }, { arbitrary: { runs: 60 } })
})

describe("ChorusParse against prompt injections", () => {
  it("[SEC30] there are at least 100 distinct payloads", () => assert.isAtLeast(new Set(injectionPayloads).size, 100))

  it.each(steps)(
    "[CHO11] [SEC30] %s: the output of a model that obeys an injection is only text and ids of this run",
    (step) => {
      for (const payload of injectionPayloads) {
        const planted = [makePrior("p-evil", payload)]
        const run = makeRunAt(step)
        // The obedient model repeats the payload wherever it can: as text, as every string, as every id.
        const obedient = JSON.parse(
          JSON.stringify(stepData[step]),
          (_, value: unknown) =>
            typeof value === "string" || typeof value === "number" && !Number.isInteger(value) ? payload : value
        ) as unknown
        for (const said of [formatModelAnswer(payload, stepData[step]), formatModelAnswer("L", obedient), payload]) {
          const result = ChorusParse.parseOutput(run, planted, said)
          if (Result.isFailure(result)) continue
          assert.strictEqual(result.success._tag, step)
          assert.isTrue(Schema.is(StepOutput)(result.success))
          const known = new Set(ChorusPrompt.numberPriors(run, planted).map(({ id }) => id))
          assert.isTrue(priorIds(result.success).every((id) => known.has(id)))
        }
        assert.isFalse("polluted" in {})
      }
    }
  )
})
