/** Malicious input at the sizes of the threat table (SEC): the result of the frame decoder. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { builtInKinds } from "../../src/domain/BuiltInKinds.ts"
import * as FrameDecoder from "../../src/domain/connection/FrameDecoder.ts"
import { defaults } from "../../src/domain/protocol/Limits.ts"
import * as Protocol from "../../src/domain/protocol/Protocol.ts"
import { allMessages } from "../support/AllMessages.ts"

const decode = FrameDecoder.makeDecoder(builtInKinds, defaults)
const id = "8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001"
const envelope = (type: string, payload: unknown, thread_id?: string) =>
  JSON.stringify({ id, type, payload, timestamp: 0, thread_id })
const signal = (json: string) =>
  `{"id":"${id}","type":"signal","timestamp":0,"thread_id":"room:a","payload":{"key":"k","value":${json}}}`
const errorCodeOf = (text: string) => {
  const result = decode(text)
  return Result.isFailure(result) ? result.failure.code : "accepted"
}

const depth = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30_000 })))

describe("depth", () => {
  /** Envelope and payload are two of the 32. */
  const expected = (depth: number, bytes: number) => depth + 2 > 32 || bytes > 65_536 ? "too_large" : "accepted"

  it("[SEC16] arrays and objects are accepted up to the limit of depth", () => {
    for (let n = 1; n <= 200; n++) {
      for (const [before, inner, after] of [["[", "", "]"], [`{"a":`, "1", "}"]] as const) {
        const text = signal(before.repeat(n) + inner + after.repeat(n))
        assert.strictEqual(errorCodeOf(text), expected(n, text.length), `${n} ${before}`)
      }
    }
  })

  it.prop(
    "[SEC16] every depth up to 30,000 is rejected with a code, complete or truncated",
    { depth, cut: depth },
    ({ cut, depth }) => {
      const text = signal("[".repeat(depth) + "]".repeat(depth))
      assert.strictEqual(errorCodeOf(text), expected(depth, text.length))
      assert.include(["malformed", "too_large"], errorCodeOf(text.slice(0, Math.min(cut, text.length - 1))))
      assert.include(["malformed", "too_large"], errorCodeOf(signal("{\"a\":".repeat(depth))))
    },
    { arbitrary: { runs: 300 } }
  )
})

describe("prototype pollution", () => {
  it.each(["__proto__", "constructor", "prototype"])(
    "[SEC19] %s is rejected at every depth, and no prototype changes",
    (
      name
    ) => {
      const poison = `{${JSON.stringify(name)}:{"polluted":1}}`
      for (let n = 0; n < 29; n++) {
        assert.strictEqual(errorCodeOf(signal("[".repeat(n) + poison + "]".repeat(n))), "malformed", `${n} lists`)
        assert.strictEqual(errorCodeOf(signal(`{"a":`.repeat(n) + poison + "}".repeat(n))), "malformed", `${n} objects`)
      }
      for (const [type, payload, topic] of allMessages) {
        const text = envelope(type, payload, topic)
        for (
          const spoilt of [
            text.replace(`"payload":{`, `"payload":{${poison.slice(1, -1)},`),
            `{${poison.slice(1, -1)},${text.slice(1)}`
          ]
        ) {
          assert.strictEqual(errorCodeOf(spoilt.replace(",}", "}")), "malformed", type)
        }
      }
      assert.isUndefined(({} as Record<string, unknown>)["polluted"])
    }
  )
})

describe("lone surrogates", () => {
  const unit = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0xd7f0, maximum: 0xe00f })))
  const text = Arbitrary.array(unit, { maxLength: 12 }).pipe(
    Arbitrary.map((units) => String.fromCharCode(...units))
  )
  it.prop("[SEC18] are rejected in every place; well-formed text is unchanged", { text }, ({ text }) => {
    const json = JSON.stringify(text)
    for (const value of [json, `[1,{"a":${json}}]`, `{${json}:1}`]) {
      const result = decode(signal(value))
      assert.strictEqual(Result.isSuccess(result), text.isWellFormed())
      if (Result.isFailure(result)) assert.strictEqual(result.failure.code, "malformed")
      else {assert.deepInclude(
          result.success,
          { control: { _tag: "signal", key: "k", value: JSON.parse(value) } } as object
        )}
    }
    const message = decode(envelope("submit_message", { content: text || "x" }, "thread:a"))
    assert.strictEqual(Result.isSuccess(message), text.isWellFormed())
  }, { arbitrary: { runs: 1_000 } })
})

describe("round trips", () => {
  /** Fewer runs for states, which are large. */
  const runs = (name: string) => name.startsWith("the state") ? 100 : 1_000
  /** The value after JSON text, as on the wire and in the log. */
  const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown

  const schemas: Array<readonly [name: string, schema: Schema.Codec<unknown, unknown>]> = [
    ["client messages", Protocol.ClientControl],
    ["server messages", Protocol.ServerMessage]
  ]
  for (const { Answer, Command, Event, State, name } of builtInKinds.values()) {
    schemas.push([`events of a ${name}`, Event], [`the state of a ${name}`, State], [`answers to a ${name}`, Answer])
    // The ledger has no commands.
    if (name !== "ledger") schemas.push([`commands to a ${name}`, Command])
  }
  for (const [name, schema] of schemas) {
    const codec = Schema.toCodecJson(schema)
    const decode = Schema.decodeUnknownSync(codec)
    const encode = Schema.encodeUnknownSync(codec)
    it.prop(`[SEC17] ${name} survive encoding and decoding`, { value: Arbitrary.schema(schema) }, ({ value }) => {
      const text = throughJson(encode(value))
      assert.deepStrictEqual(throughJson(encode(decode(text))), text)
    }, { arbitrary: { runs: runs(name) } })
  }
  it("[SEC17] the round trips cover 10,000 values", () => {
    assert.isAtLeast(schemas.reduce((sum, [name]) => sum + runs(name), 0), 10_000)
  })
})
