import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Text from "../../../src/domain/protocol/Text.ts"

const intBetween = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Mostly code points outside the Basic Multilingual Plane, which take two units. */
const text = Arbitrary.array(intBetween(0x1_0000, 0x1_00ff), { maxLength: 8 }).pipe(
  Arbitrary.map((points) =>
    points.map((point) => `${point % 3 === 0 ? "x" : ""}${String.fromCodePoint(point)}`).join("")
  )
)

describe("Text", () => {
  it.prop("[SEC18] truncated text stays well-formed, and is at most one unit shorter than allowed", {
    text,
    max: intBetween(0, 20)
  }, ({ max, text }) => {
    const cut = Text.cut(text, max)
    assert.isTrue(text.startsWith(cut))
    assert.isTrue(cut.isWellFormed())
    assert.isAtMost(cut.length, max)
    assert.isAtLeast(cut.length, Math.min(text.length, max) - 1)
    assert.strictEqual(cut.length, Text.cutIndex(text, max))
  }, { arbitrary: { runs: 500 } })

  it("[SEC18] cuts before a surrogate pair, not inside it", () => {
    assert.strictEqual(Text.cut("a\u{1f600}b", 1), "a")
    assert.strictEqual(Text.cut("a\u{1f600}b", 2), "a")
    assert.strictEqual(Text.cut("a\u{1f600}b", 3), "a\u{1f600}")
    assert.strictEqual(Text.cut("\u{1f600}", 1), "")
    assert.strictEqual(Text.cut("a", 0), "")
    assert.isTrue(Text.isHighSurrogate(0xd83d))
    assert.isFalse(Text.isHighSurrogate(0xde00))
  })
})
