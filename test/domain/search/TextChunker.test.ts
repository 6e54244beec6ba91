import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as TextChunker from "../../../src/domain/search/TextChunker.ts"

const stripWhitespace = (text: string) => text.replaceAll(/\s/g, "")
const split = (text: string, limit: number) =>
  TextChunker.splitIntoChunks(text, { ...TextChunker.embeddingChunks, limit })
const TextParts = Schema.Array(
  Schema.Literals(["word", " ", "\n", "\n\n", ". ", "Satz! ", "🎼", "\u200b", "長い文。", "x".repeat(50)])
)

describe("Chunks", () => {
  it.prop("[STO4] are short, whole, in order, and contained in the text word for word", { pieces: TextParts }, ({
    pieces
  }) => {
    const text = pieces.join("")
    const chunks = split(text, 40)
    assert.strictEqual(stripWhitespace(chunks.join("")), stripWhitespace(text))
    for (const chunk of chunks) {
      assert.isAtMost(chunk.length, 40)
      assert.notStrictEqual(chunk.trim(), "")
      assert.isTrue(text.includes(chunk))
      assert.isTrue(chunk.isWellFormed())
    }
  }, { arbitrary: { runs: 300 } })

  it("[STO4] end at paragraphs where they can, else at lines, sentences, words", () => {
    assert.deepStrictEqual(split("one one\n\ntwo\ntwo", 12), ["one one", "two\ntwo"])
    assert.deepStrictEqual(split("one one\ntwo two", 12), ["one one", "two two"])
    assert.deepStrictEqual(split("One one. Two two.", 12), ["One one.", "Two two."])
    assert.deepStrictEqual(split("one one two two", 12), ["one one two", "two"])
    assert.deepStrictEqual(split("oneonetwotwo!", 12), ["oneonetwotwo", "!"])
    assert.deepStrictEqual(split(" \n ", 12), [])
  })
})
