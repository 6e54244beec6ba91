import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import * as FrameDecoder from "../../../src/domain/connection/FrameDecoder.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { write } from "../../../src/domain/topic/SealedText.ts"

const decode = FrameDecoder.makeDecoder(builtInKinds, defaults)
const id = "8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001"
const envelope = (type: string, payload?: unknown, thread_id?: string) =>
  JSON.stringify({ id, type, payload, timestamp: 0, thread_id })

const code = (text: string) => {
  const result = decode(text)
  return Result.isFailure(result) ? result.failure.code : "fine"
}

const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`
const withPayload = (json: string) =>
  `{"id":"${id}","type":"signal","timestamp":0,"thread_id":"room:a","payload":${json}}`
const signal = (json: string) => withPayload(`{"key":"k","value":${json}}`)

describe("FrameDecoder", () => {
  it("[SYN1] a control message is decoded with its topic", () => {
    assert.deepStrictEqual<unknown>(
      Result.getOrThrow(decode(envelope("subscribe", { position: { epoch: "e", seq: 3 } }, "thread:a"))),
      { _tag: "Control", id, topic: "thread:a", control: { _tag: "subscribe", position: { epoch: "e", seq: 3 } } }
    )
  })

  it("[SYN1] a command is for the topic of its envelope; a new thread is named after its command", () => {
    assert.deepStrictEqual<unknown>(
      Result.getOrThrow(decode(envelope("submit_message", { content: "hi" }, "thread:a"))),
      {
        _tag: "Command",
        id,
        topic: "thread:a",
        command: { _tag: "submit_message", content: write("hi") },
        timestamp: 0
      }
    )
    assert.deepInclude(Result.getOrThrow(decode(envelope("create_thread", { name: "N" }))) as object, {
      topic: `thread:${id}`
    })
  })

  it("[SYN1] [SYN4] an id in upper case is refused, since it would be another command; the reply names it", () => {
    for (const text of [envelope("heartbeat"), envelope("create_thread", { name: "N" })]) {
      const result = decode(text.replace(id, id.toUpperCase()))
      assert.deepInclude(Result.isFailure(result) ? result.failure : {}, { code: "malformed", id: id.toUpperCase() })
      assert.include(Result.isFailure(result) ? result.failure.message : "", "lower case")
    }
    const instance = (client_id: string) => code(envelope("resume", { session_token: "t", client_id }))
    assert.deepStrictEqual([instance(id), instance(id.toUpperCase())], ["fine", "malformed"])
  })

  it.each([
    ["garbage", "malformed"],
    ["", "malformed"],
    ["null", "malformed"],
    ["[]", "malformed"],
    [`{"id":"x","type":"heartbeat","timestamp":0}`, "malformed"],
    [`{"id":"${id}","type":"heartbeat","timestamp":-1}`, "malformed"],
    [envelope("nonsense", {}, "thread:a"), "unknown_type"],
    [envelope("Grant", { user: "me" }, "ledger:main"), "unknown_type"],
    [envelope("submit_message", { content: "x" }, "nothing:a"), "unknown_type"],
    [envelope("submit_message", { content: "x" }), "malformed"],
    [envelope("subscribe"), "malformed"],
    [envelope("submit_message", { content: 3 }, "thread:a"), "malformed"],
    [envelope("submit_message", { content: "x", _tag: "close_thread" }, "thread:a"), "fine"],
    [`"${"x".repeat(70_000)}"`, "too_large"]
  ])("[CON4] %s is %s", (text, expected) => {
    assert.strictEqual(code(text), expected)
  })

  it.each([
    envelope("submit_message", { content: "x", author: "me" }, "thread:a"),
    envelope("submit_message", { content: "x", author: { user: "me" } }, "thread:a"),
    envelope("get_user", { user: "me" }),
    envelope("get_user", { user: { name: "me" } }),
    `{"id":"${id}","type":"get_user","payload":{},"timestamp":0,"user":"me"}`,
    `{"id":"${id}","type":"get_user","payload":{},"timestamp":0,"user":{"name":"me"}}`
  ])("[SEC8] %s has a field that is not in its schema, and is rejected", (text) => {
    assert.strictEqual(code(text), "malformed")
  })

  it.each([
    [signal(nested(30)), "fine"],
    [signal(nested(31)), "too_large"],
    [signal(nested(30_000)), "too_large"],
    [nested(30_000), "too_large"],
    [signal(JSON.stringify(Object.fromEntries(Array.from({ length: 256 }, (_, i) => [`k${i}`, i])))), "fine"],
    [signal(JSON.stringify(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`k${i}`, i])))), "too_large"]
  ])("[SEC16] more than 32 levels or 256 keys are rejected: %s is %s", (text, expected) => {
    assert.strictEqual(code(text), expected)
  })

  it.each([
    [`{"id":"${id}","type":"heartbeat","timestamp":1e999}`, "malformed"],
    [`{"id":"${id}","type":"heartbeat","timestamp":9007199254740993}`, "malformed"],
    [signal("1"), "fine"],
    [signal("1e999"), "malformed"]
  ])("[SEC17] only finite numbers and safe integers are accepted: %s is %s", (text, expected) => {
    assert.strictEqual(code(text), expected)
  })

  it.each([signal(`"\\ud800"`), signal(`{"\\ud800":1}`)])("[SEC18] a lone surrogate is rejected: %s", (text) => {
    assert.strictEqual(code(text), "malformed")
  })

  it.each([signal(`{"__proto__":1}`), signal(`[{"a":{"constructor":1}}]`), signal(`{"prototype":null}`)])(
    "[SEC19] a key that reaches a prototype is rejected: %s",
    (text) => {
      assert.strictEqual(code(text), "malformed")
    }
  )

  it("[CON4] a rejection names the message if its id can be read", () => {
    const result = decode(envelope("subscribe"))
    assert.isTrue(Result.isFailure(result) && result.failure.id === id)
  })

  it.prop("[SEC22] a rejection has a code of the closed set and discloses no internals, whatever is received", [
    Schema.String,
    Schema.Json
  ], (
    [text, json]
  ) => {
    for (const input of [text, JSON.stringify(json), signal(JSON.stringify(json))]) {
      const result = decode(input)
      if (Result.isSuccess(result)) continue
      assert.include(["malformed", "unknown_type", "too_large"], result.failure.code)
      assert.notMatch(result.failure.message, /Schema|\bat .*:\d+|node_modules|SELECT/)
    }
  })

  it.prop(
    "[SEC17] an accepted value is the same after another round trip",
    { json: Arbitrary.schema(Schema.Json) },
    ({ json }) => {
      const result = decode(signal(JSON.stringify(json)))
      if (Result.isSuccess(result) && result.success._tag === "Control" && result.success.control._tag === "signal") {
        assert.deepStrictEqual(JSON.parse(JSON.stringify(result.success.control.value)), result.success.control.value)
      }
    }
  )
})
