import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { aside, body, encode, indent, makeVisible, name } from "../../src/cli/TerminalText.ts"
import { erasedMark } from "../../src/domain/topic/SealedText.ts"

/** Any UTF-16, with many of the characters that matter: controls, and all that change the direction of text. */
const Unit = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xa0 })),
  Schema.Int.check(Schema.isBetween({ minimum: 0x2020, maximum: 0x2070 })),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))
])
const anyText = Arbitrary.map(
  Arbitrary.array(Arbitrary.schema(Unit), { maxLength: 40 }),
  (units) => String.fromCharCode(...units)
)
const manyRuns = { arbitrary: { runs: 500, size: 40 } }

/** Whether a character does something to a terminal besides standing there. */
const isUnsafe = (code: number) =>
  code < 0x20 && code !== 0x0a && code !== 0x09 || code >= 0x7f && code <= 0x9f || code === 0x2028 || code === 0x2029
  || code >= 0x202a && code <= 0x202e || code >= 0x2066 && code <= 0x2069

const units = (text: string) => Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))

describe("text that somebody else wrote", () => {
  it.prop("contains nothing that moves a cursor, and is otherwise the same", { text: anyText }, ({ text }) => {
    const visible = makeVisible(text)
    assert.isFalse(units(visible).some(isUnsafe))
    assert.deepStrictEqual(
      units(visible).filter((_, index) => !isUnsafe(text.charCodeAt(index))),
      units(text).filter((code) => !isUnsafe(code))
    )
    assert.strictEqual(visible.length, text.length)
  }, manyRuns)

  it.prop("is printed the same in one piece and in two", { start: anyText, end: anyText }, ({ end, start }) => {
    assert.strictEqual(encode([start, end], false), encode([start + end], false))
  }, manyRuns)

  it.prop("cannot emphasise, nor end an emphasis", { text: anyText }, ({ text }) => {
    const sequences = (printed: string) => printed.split("\u001b").length - 1
    assert.strictEqual(sequences(encode([text, name(text), aside(text)], true)), 4)
    assert.strictEqual(sequences(encode([text, name(text), aside(text)], false)), 0)
  }, manyRuns)

  it("[TOP10] is a remark where it was erased", () => {
    assert.deepStrictEqual(body(erasedMark), aside(erasedMark))
    assert.strictEqual(body("two\nlines"), indent("two\nlines"))
  })

  it.prop("cannot begin a line of its own", { text: anyText }, ({ text }) => {
    for (const line of indent(text).split("\n").slice(1)) assert.match(line, /^(?: {2}|$)/)
  }, manyRuns)
})
