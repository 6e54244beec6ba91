import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { encodeTextFrame } from "../../../src/layers/delivery/TextFrame.ts"

/** The texts in a run of unmasked frames, read as RFC 6455 has it. */
const decodeTextFrames = (bytes: Uint8Array): ReadonlyArray<string> => {
  const frames = Buffer.from(bytes)
  const texts: Array<string> = []
  for (let at = 0; at < frames.length;) {
    assert.strictEqual(frames[at], 0x81, "one final text frame")
    const short = frames[at + 1]!
    const [header, length] = short < 126
      ? [2, short]
      : short === 126
      ? [4, frames.readUInt16BE(at + 2)]
      : [10, Number(frames.readBigUInt64BE(at + 2))]
    texts.push(frames.toString("utf8", at + header, at + header + length))
    at += header + length
  }
  return texts
}

describe("TextFrame", () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])("[SYN9] a text of %i bytes is one frame", (length) => {
    const text = "x".repeat(length)
    assert.deepStrictEqual(decodeTextFrames(encodeTextFrame(text)), [text])
  })

  it.prop(
    "[SYN9] any text is decoded from its frame unchanged, alone and concatenated with others",
    [Schema.String],
    ([text]) => {
      const whole = text.toWellFormed()
      const frame = encodeTextFrame(whole)
      assert.deepStrictEqual(decodeTextFrames(Buffer.concat([frame, frame])), [whole, whole])
    }
  )
})
