import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { cutIndex } from "../../../src/domain/protocol/Text.ts"
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

  it.prop("[STO4] white space around a text changes no chunk", { pieces: TextParts }, ({ pieces }) => {
    const text = pieces.join("")
    assert.deepStrictEqual(split(` \n\n${text}\n \n`, 40), split(text, 40))
  })

  it.prop("[STO4] nested: parts together as far as they fit, and one that is too large split by itself", {
    pieces: TextParts
  }, ({ pieces }) => {
    const limit = 12
    /** The definition, by recursion over the separators. */
    const nested = (text: string, [separator, ...finer]: ReadonlyArray<string>): ReadonlyArray<string> => {
      if (text.length <= limit) return [text]
      if (separator === undefined) {
        const at = cutIndex(text, limit)
        return [text.slice(0, at), ...nested(text.slice(at), [])]
      }
      const [first = "", ...parts] = text.split(separator)
      const chunks: Array<ReadonlyArray<string>> = [nested(first, finer)]
      for (const part of parts) {
        const last = chunks.at(-1)!
        const joined = `${last[0]}${separator}${part}`
        if (last.length === 1 && joined.length <= limit) chunks[chunks.length - 1] = [joined]
        else chunks.push(nested(part, finer))
      }
      return chunks.flat()
    }
    const text = pieces.join("")
    const policy = { limit, cutIndex, separators: [/\n\n/g, /\n/g], minFill: 0, nested: true }
    assert.deepStrictEqual(
      TextChunker.splitIntoChunks(text, policy),
      nested(text, ["\n\n", "\n"]).map((chunk) => chunk.trim()).filter((chunk) => chunk !== "")
    )
  }, { arbitrary: { runs: 300 } })

  it("[STO4] nested: a separator just behind the chunk ends it", () => {
    const policy = { limit: 12, cutIndex, separators: [/\n\n/g, /\n/g], minFill: 0, nested: true }
    assert.deepStrictEqual(TextChunker.splitIntoChunks("word\nwordwor\nmore more", policy), [
      "word\nwordwor",
      "more more"
    ])
    assert.deepStrictEqual(TextChunker.splitIntoChunks("word\n\nwordwo\n\nmore", policy), ["word\n\nwordwo", "more"])
  })

  it.prop("[THR2] a text is cut before the character that exceeds the bytes", {
    pieces: TextParts,
    max: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))
  }, ({ max, pieces }) => {
    const text = pieces.join("")
    const at = TextChunker.cutIndexUtf8(text, max)
    const [next = ""] = text.slice(at)
    assert.isAtMost(Buffer.byteLength(text.slice(0, at)), max)
    if (next === "") assert.strictEqual(at, text.length)
    else assert.isAbove(Buffer.byteLength(text.slice(0, at) + next), max)
  })

  it("[STO4] a chunk ends with a paragraph if possible, else with a line, a sentence or a word", () => {
    assert.deepStrictEqual(split("one one\n\ntwo\ntwo", 12), ["one one", "two\ntwo"])
    assert.deepStrictEqual(split("one one\ntwo two", 12), ["one one", "two two"])
    assert.deepStrictEqual(split("One one. Two two.", 12), ["One one.", "Two two."])
    assert.deepStrictEqual(split("one one two two", 12), ["one one two", "two"])
    assert.deepStrictEqual(split("oneonetwotwo!", 12), ["oneonetwotwo", "!"])
    assert.deepStrictEqual(split(" \n ", 12), [])
    // The separator has to fit into the chunk.
    assert.deepStrictEqual(split("aaa bbb ccc", 7), ["aaa", "bbb ccc"])
    assert.deepStrictEqual(split("aaa bbb ccc", 8), ["aaa bbb", "ccc"])
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
