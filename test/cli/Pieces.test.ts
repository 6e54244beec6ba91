import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Pieces from "../../src/cli/Pieces.ts"
import { utf8Length } from "../../src/domain/kinds/Text.ts"

const Line = Schema.Literals(["# Head", "word", "a longer line of words", "", "", "```", "😀😀😀😀😀😀😀😀😀😀", "ß"])
const texts = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Line), { minLength: 5, maxLength: 60 }),
  (lines) => lines.join("\n")
)
const plenty = { arbitrary: { runs: 200, size: 60 } }
const letters = (text: string) => text.replace(/\s+/g, "")

describe("pieces of a text", () => {
  it.prop("[THR2] no piece is blank or too large, and none of the text is lost", { text: texts }, ({ text }) => {
    const pieces = Pieces.split(text, 24)
    for (const piece of pieces) {
      assert.isAtMost(utf8Length(piece), 24)
      assert.notStrictEqual(piece.trim(), "")
      assert.isTrue(piece.isWellFormed())
    }
    assert.strictEqual(letters(pieces.join("")), letters(text))
  }, plenty)

  it("cuts at headings, though not at those in code, and then between paragraphs", () => {
    const text = "intro\n\n# One\n\nfirst\n\n```\n# no heading\n```\n\n## Two\n\nsecond"
    assert.deepStrictEqual(Pieces.split(text), [
      "intro",
      "# One\n\nfirst\n\n```\n# no heading\n```",
      "## Two\n\nsecond"
    ])
    assert.deepStrictEqual(Pieces.split("aaaa\n\nbbbb\n\ncccc", 10), ["aaaa\n\nbbbb", "cccc"])
  })

  it("[SYN4] the id is a UUIDv5 of thread, path and text: the same for the same, and for nothing else", () => {
    const id = Pieces.idOf("thread:a", "notes.md", "text")
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.strictEqual(id, Pieces.idOf("thread:a", "notes.md", "text"))
    const others = [["thread:b", "notes.md", "text"], ["thread:a", "other.md", "text"], [
      "thread:a",
      "notes.m",
      "dtext"
    ]]
    assert.strictEqual(new Set([id, ...others.map(([a, b, c]) => Pieces.idOf(a!, b!, c!))]).size, 4)
    assert.strictEqual(Pieces.ofFile("thread:a", "n.md", "# A\n\nx\n\n# A\n\nx").length, 1)
  })
})
