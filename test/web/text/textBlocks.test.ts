import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { parseBlocks } from "../../../src/web/text/textBlocks.ts"

describe("blocks of a text", () => {
  it("[SEC31] a fence is a line that begins with backticks; backticks within a line are text", () => {
    const text = "Type ``` to open a block.\nThen write code."
    assert.deepStrictEqual(parseBlocks(text), [{ _tag: "Prose", text }])
    assert.deepStrictEqual(parseBlocks("```js console.log(1)\nx```\n```\ny"), [
      { _tag: "Code", info: "js console.log(1)", text: "x```" },
      { _tag: "Prose", text: "y" }
    ])
  })

  it("[SEC31] a longer fence contains shorter ones; one that is never closed ends with the text", () => {
    assert.deepStrictEqual(parseBlocks("a\n````md\n```ts\n1\n```\n````\nb"), [
      { _tag: "Prose", text: "a" },
      { _tag: "Code", info: "md", text: "```ts\n1\n```" },
      { _tag: "Prose", text: "b" }
    ])
    assert.deepStrictEqual(parseBlocks("```\n1\n\n2"), [{ _tag: "Code", info: "", text: "1\n\n2" }])
  })

  const line = Arbitrary.schema(Schema.Literals(["", "a", "```", "````", "```ts", " ```", "a ``` b", "```a```", "~~~"]))
  it.prop(
    "[SEC31] nothing but the fences is dropped",
    { lines: Arbitrary.array(line, { maxLength: 12 }) },
    ({ lines }) => {
      const visible = parseBlocks(lines.join("\n")).map((block) =>
        block._tag === "Code" ? `${block.info}\n${block.text}` : block.text
      ).join("\n")
      const letters = (text: string) => text.replaceAll(/[^a-z~]/g, "")
      assert.strictEqual(letters(visible), letters(lines.join("\n")))
      const hasFence = lines.some((text) => /^ {0,3}`{3,}[^`]*$/.test(text))
      if (!hasFence) assert.strictEqual(visible, lines.join("\n"))
    }
  )
})
