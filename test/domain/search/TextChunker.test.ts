import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as TextChunker from "../../../src/domain/search/TextChunker.ts"

const stripWhitespace = (text: string) => text.replaceAll(/\s/g, "")
const split = (text: string, limit: number) =>
  TextChunker.splitIntoChunks(text, { ...TextChunker.embeddingChunks, limit })
const TextParts = Schema.Array(
  Schema.Literals(["word", " ", "\n", "\n\n", ". ", "Satz! ", "🎼", "\u200b", "長い文。", "x".repeat(50)])
)

describe("TextChunker", () => {
  it.prop("[STO4] chunks are within the limit, in order, and parts of the text; only white space is dropped", {
    pieces: TextParts
  }, ({
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

  it("[STO4] a chunk ends with a paragraph if possible, else with a line, a sentence or a word", () => {
    assert.deepStrictEqual(split("one one\n\ntwo\ntwo", 12), ["one one", "two\ntwo"])
    assert.deepStrictEqual(split("one one\ntwo two", 12), ["one one", "two two"])
    assert.deepStrictEqual(split("One one. Two two.", 12), ["One one.", "Two two."])
    assert.deepStrictEqual(split("one one two two", 12), ["one one two", "two"])
    assert.deepStrictEqual(split("oneonetwotwo!", 12), ["oneonetwotwo", "!"])
    assert.deepStrictEqual(split(" \n ", 12), [])
  })

  // Point ids depend on the number of a chunk: another result would leave stale points in every index.
  it("[STO4] the chunks of a fixed text are the same in every version", () => {
    const text = Array.from(
      { length: 60 },
      (_, n) => `${n}. Steep green tea at 80 degrees! Boiling water…${n % 3 === 0 ? "\n\n" : n % 5 === 0 ? "\n" : " "}`
    ).join("")
    assert.deepStrictEqual(
      TextChunker.splitIntoChunks(text.repeat(2)).map((chunk) => [chunk.length, chunk.slice(0, 3)]),
      [[1398, "0. "], [1357, "28."], [1498, "55."], [1357, "25."], [401, "52."]]
    )
  })
})
