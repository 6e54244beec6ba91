import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { encodeJson, jsonText, makeFrame } from "../../../src/layers/delivery/SharedFrame.ts"
import { encodePartsFrame, encodeTextFrame, partsFrameLength } from "../../../src/layers/delivery/TextFrame.ts"

const message = (json: Schema.Json) =>
  makeFrame(
    { type: "subscribed", payload: { ref_id: "1" }, field: "state", json: encodeJson(json) },
    { id: "2", timestamp: 3 },
    { _tag: "Reply" }
  )

describe("a frame around an encoded value", () => {
  it.prop(
    "[SYN9] has the bytes of the same frame that is encoded as a whole",
    { json: Arbitrary.schema(Schema.Json) },
    ({ json }) => {
      assert.strictEqual(jsonText(encodeJson(json)), JSON.stringify(json))
      const { parts, text } = message(json)
      assert.deepStrictEqual(encodePartsFrame(parts!), encodeTextFrame(text))
      assert.strictEqual(partsFrameLength(parts!), encodeTextFrame(text).length)
    }
  )

  it("[CON8] [SYN9] is encoded in chunks, of which none holds much more than one member of a list", () => {
    const messages = Array.from({ length: 200 }, (_, n) => ({ id: n, content: "€".repeat(3_000) }))
    const json = encodeJson({ messages, empty: [], none: {} })
    assert.strictEqual(jsonText(json), JSON.stringify({ messages, empty: [], none: {} }))
    assert.strictEqual(json.length, Buffer.byteLength(jsonText(json)))
    assert.isAbove(json.chunks.length, 5)
    for (const chunk of json.chunks) assert.isBelow(chunk.length, 3 * (65_536 + 4_000))
  })

  it("[CON8] keeps no memory but its own, however short it is", () => {
    for (const chunk of encodeJson({ messages: [] }).chunks) assert.strictEqual(chunk.buffer.byteLength, chunk.length)
  })
})
