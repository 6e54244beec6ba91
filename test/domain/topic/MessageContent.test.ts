import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { maxContentBytes, utf8ByteLength, validateContent } from "../../../src/domain/topic/MessageContent.ts"

describe("validateContent", () => {
  it("[THR2] rejects text that is blank", () => {
    for (const blank of ["", " ", "\n\t", "\u00a0\u2003\ufeff"]) assert.match(validateContent(blank) ?? "", /empty/)
    assert.isUndefined(validateContent(" x "))
  })

  it("[THR2] rejects text without any visible character", () => {
    const invisible = [
      "\u200b",
      "\u200d\u2060",
      "\u00ad",
      "\u2800",
      "\u3164",
      "\u115f\uffa0",
      "\u202e\u2066",
      "\ufe0f",
      "\u0000\u0085",
      "\u{e0041}"
    ]
    for (const text of [...invisible, invisible.join(" ")]) {
      assert.match(validateContent(text) ?? "", /seen/, JSON.stringify(text))
    }
    // Emoji of today and of tomorrow, a flag, a combining mark, a private character, and text around invisible ones.
    const visible = ["\u{1f642}", "\u{1fae9}", "\u{1f1e9}\u{1f1ea}", "\u0301", "\ue000", "\u200bx\u200b", "0", "."]
    for (const text of visible) assert.isUndefined(validateContent(text), JSON.stringify(text))
  })

  it("[THR2] counts bytes of UTF-8, not characters", () => {
    assert.isUndefined(validateContent("x".repeat(maxContentBytes)))
    assert.match(validateContent("x".repeat(maxContentBytes + 1)) ?? "", /32769 bytes/)
    assert.isUndefined(validateContent("\u20ac".repeat(10_922) + "xx"))
    assert.match(validateContent("\u20ac".repeat(10_922) + "xxx") ?? "", /32769 bytes/)
  })

  const unit = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0xd7f0, maximum: 0xe00f })))
  const text = Arbitrary.array(unit, { maxLength: 12 }).pipe(Arbitrary.map((units) => String.fromCharCode(...units)))

  it.prop("[SEC18] rejects text with a lone surrogate, and no other", { text }, ({ text }) => {
    assert.strictEqual(validateContent(`x${text}`) === undefined, text.isWellFormed())
    assert.strictEqual(utf8ByteLength(text), new TextEncoder().encode(text).length)
  }, { arbitrary: { runs: 500 } })
})
