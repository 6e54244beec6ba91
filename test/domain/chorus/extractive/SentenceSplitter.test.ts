import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { splitPassages } from "../../../../src/domain/chorus/extractive/SentenceSplitter.ts"

const text = `
# Bread and *salt*

Bread rises slowly. Is it "done yet?" Ask the baker! alone
The end (of it.) 3 loaves.

- first item
12) second item
  > \`\`\`not a fence

~~~~sh
knead the dough
~~~ # still code

  rest it
~~~~~
Word.
## Baking
${"long ".repeat(180)}
${"fits ".repeat(180).trim()}

A truncated sentence …
\`\`\`
bake it
# no heading
`

describe("splitPassages", () => {
  it("[CHO15] a Markdown text has sentences, list items and code, each under its heading", () => {
    assert.deepStrictEqual(splitPassages(text).map(({ heading, kind, text }) => [heading, kind, text]), [
      ["Bread and *salt*", "prose", "Bread rises slowly."],
      ["Bread and *salt*", "prose", "Is it \"done yet?\""],
      ["Bread and *salt*", "prose", "Ask the baker! alone\nThe end (of it.)"],
      ["Bread and *salt*", "prose", "3 loaves."],
      ["Bread and *salt*", "prose", "first item"],
      ["Bread and *salt*", "prose", "second item\n  > ```not a fence"],
      ["Bread and *salt*", "code", "knead the dough\n~~~ # still code\n\n  rest it"],
      ["Baking", "code", "bake it\n# no heading"]
    ])
  })

  it("[CHO15] a passage has at most 900 units and more than one word", () => {
    const ofLength = (length: number) => splitPassages(`a ${"b".repeat(length - 2)}`).length
    assert.deepStrictEqual([900, 901].map(ofLength), [1, 0])
    assert.deepStrictEqual(splitPassages("one\n\n*** ---\n\none two").map(({ text }) => text), ["one two"])
  })

  const line = Arbitrary.schema(
    Schema.Literals(["# Head", "One two.", "Three four? Five six.", "", "- item one", "```", "~~~", "  code(x)", "…"])
  )
  it.prop("[CHO15] every passage is a part of its text, in order", {
    lines: Arbitrary.array(line, { maxLength: 30 })
  }, ({ lines }) => {
    const whole = lines.join("\n")
    let at = 0
    for (const { text } of splitPassages(whole)) {
      // List marks are taken out of a line, so the lines of a passage are looked for one by one.
      for (const part of text.split("\n")) {
        const found = whole.indexOf(part, at)
        assert.isAtLeast(found, at, part)
        at = found + part.length
      }
    }
  })
})
