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

  it("[SYN4] the id is a UUIDv5 of thread and pieces: the same for the same, and for nothing else", () => {
    const piece = (content: string, source = "notes.md"): Pieces.Piece => ({ content, source })
    const id = Pieces.idOf("thread:a", [piece("text")])
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.strictEqual(id, Pieces.idOf("thread:a", [piece("text")]))
    const others = [
      Pieces.idOf("thread:b", [piece("text")]),
      Pieces.idOf("thread:a", [piece("text", "other.md")]),
      Pieces.idOf("thread:a", [piece("dtext", "notes.m")]),
      Pieces.idOf("thread:a", [piece("te"), piece("xt")])
    ]
    assert.strictEqual(new Set([id, ...others]).size, 5)
    assert.strictEqual(Pieces.ofFile("n.md", "# A\n\nx\n\n# A\n\nx").length, 1)
  })

  it.prop("[THR2] every command holds what a frame can carry, and all of them every piece in order", {
    lengths: Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 8_192 }))), {
      minLength: 1,
      maxLength: 150
    })
  }, ({ lengths }) => {
    const pieces = lengths.map((length, n) => ({ content: "\u0001".repeat(length), source: `${n}.md` }))
    const batches = Pieces.batches(pieces)
    assert.deepStrictEqual(batches.flat(), pieces)
    for (const batch of batches) {
      assert.isAtMost(batch.length, 64)
      assert.isAtMost(Buffer.byteLength(JSON.stringify(batch)), 60_000)
    }
  }, { arbitrary: { runs: 100, size: 100 } })
})
