import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as PromptQuoting from "../../../src/domain/chorus/PromptQuoting.ts"

describe("writeSection", () => {
  it.prop("[CHO11] what is written is parsed again: the name, the attributes, and the escaped text", {
    texts: Schema.Array(Schema.String),
    value: Schema.String.check(Schema.isPattern(/^[A-Za-z0-9._~:-]{0,64}$/))
  }, ({ texts, value }) => {
    const prompt = texts.map((text) => PromptQuoting.writeSection("line", { author: value, n: 1 }, text, 1e6))
    assert.deepStrictEqual(
      PromptQuoting.parseSections(prompt.join("\n\n")),
      texts.map((text) => ({
        name: "line",
        attributes: { author: value, n: "1" },
        text: PromptQuoting.escapeText(text)
      }))
    )
  })

  it.prop("[CHO2] the quoted text has at most so many units, and every line of it its mark", {
    text: Schema.String,
    max: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })))
  }, ({ max, text }) => {
    const lines = PromptQuoting.writeSection("line", {}, `${text}\n${text}`, max).split("\n").slice(1, -1)
    assert.isAtMost(lines.join("\n").length, max)
    if (max > 1) assert.isTrue(lines.every((line) => line.startsWith("|")))
  })

  it("[CHO11] an attribute has at most 64 units", () => {
    for (const length of [63, 64, 65]) {
      const [section] = PromptQuoting.parseSections(
        PromptQuoting.writeSection("line", { a: "x".repeat(length) }, "", 9)
      )
      assert.lengthOf(section!.attributes["a"]!, Math.min(length, 64))
    }
  })
})
