import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import * as Protocol from "../../../src/domain/protocol/Protocol.ts"
import { topicId, userId } from "../../support/TopicWorld.ts"

const id = "8b8c5c0e-5f0f-4f6e-9a38-1a3d7bb5c001"
const envelope = { id, type: "heartbeat", payload: {}, timestamp: 0, thread_id: "thread:a" }
const isEnvelope = Schema.is(Protocol.Envelope)

describe("Envelope", () => {
  it("[SYN1] has an id that is a UUID, a type, a timestamp, and optionally payload, topic and signature", () => {
    assert.isTrue(isEnvelope(envelope))
    assert.isTrue(isEnvelope({ id, type: "heartbeat", timestamp: 0 }))
    assert.isTrue(isEnvelope({ ...envelope, signature: "A".repeat(86) }))
    for (
      const wrong of [
        { id: "1" },
        { id: undefined },
        { type: "" },
        { type: "x".repeat(65) },
        { timestamp: undefined },
        { timestamp: -1 },
        { payload: [] },
        { thread_id: "thread" },
        { signature: "?" }
      ]
    ) {
      assert.isFalse(isEnvelope({ ...envelope, ...wrong }), JSON.stringify(wrong))
    }
  })

  it("[SYN1] all message types are in snake_case", () => {
    const types = [...Protocol.clientControlTypes, ...Object.keys(Protocol.ServerMessage.cases)]
    for (const kind of builtInKinds.values()) types.push(...kind.commands)
    for (const type of types) assert.match(type, /^[a-z]+(?:_[a-z]+)*$/)
    assert.strictEqual(Protocol.subprotocol, "choir.v1.json")
  })

  it("[SEC17] accepts finite numbers and safe integers only", () => {
    for (const timestamp of [Number.NaN, Infinity, 2 ** 53, 0.5]) assert.isFalse(isEnvelope({ ...envelope, timestamp }))
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      assert.isFalse(isEnvelope({ ...envelope, payload: { deep: [{ value }] } }))
    }
    assert.isTrue(isEnvelope({ ...envelope, timestamp: Number.MAX_SAFE_INTEGER }))
  })
})

describe("server messages", () => {
  const fields = { id, timestamp: 7, thread_id: topicId("thread:a") }

  it.prop("[SYN1] are decoded from their envelope as they were encoded", {
    message: Arbitrary.schema(Protocol.ServerMessage)
  }, ({ message }) => {
    const json: unknown = JSON.parse(Protocol.encodeServerMessage(message, fields))
    assert.isTrue(isEnvelope(json))
    const decoded = Protocol.decodeServerMessage(json)
    assert.deepInclude(decoded?.envelope, { ...fields, type: message._tag })
    assert.deepStrictEqual<unknown>(decoded?.message, JSON.parse(JSON.stringify(message)))
  })

  it("[SYN1] of an unknown type, or without an envelope, are ignored", () => {
    assert.isUndefined(Protocol.decodeServerMessage({ ...envelope, type: "of_a_later_release" }))
    assert.isUndefined(Protocol.decodeServerMessage({ ...envelope, id: 1 }))
    assert.isUndefined(Protocol.decodeServerMessage("heartbeat"))
  })
})

describe("challengeSigningInput", () => {
  const challenge = {
    nonce: "N",
    audience: "https://a.example",
    origin: "https://b.example",
    connection_id: "c",
    issued_at: 1,
    expires_at: 2
  }

  it("[SEC3] begins with its own domain separator, and contains every field on one line", () => {
    assert.deepStrictEqual(Protocol.challengeSigningInput(challenge, userId(0)).split("\n"), [
      "choir/ws-auth/v1",
      "https://a.example",
      "https://b.example",
      "c",
      "N",
      "1",
      "2",
      userId(0)
    ])
  })

  const field = Arbitrary.schema(Schema.Literals(["", "a", "aa", "1", "12"]))
  const instant = Arbitrary.schema(Schema.Literals([1, 2, 12, 21]))
  const challenges = Arbitrary.all({
    nonce: field,
    audience: field,
    origin: field,
    connection_id: field,
    issued_at: instant,
    expires_at: instant
  })

  it.prop("[SEC3] no two challenges and keys have the same signing input", {
    a: challenges,
    b: challenges,
    n: Arbitrary.schema(Schema.Literals([0, 1]))
  }, ({ a, b, n }) => {
    const isSame = n === 0 && JSON.stringify(a) === JSON.stringify(b)
    const inputs = [Protocol.challengeSigningInput(a, userId(0)), Protocol.challengeSigningInput(b, userId(n))]
    assert.strictEqual(inputs[0] === inputs[1], isSame)
  })
})

describe("a message with a field that is encoded already", () => {
  it.prop("[SYN1] is the same message", { state: Arbitrary.schema(Schema.Json) }, ({ state }) => {
    const snapshot = { state, open: {} }
    const payload = {
      ref_id: id,
      mode: "snapshot",
      position: { epoch: "e", seq: 1 },
      head: "",
      presence: [],
      signals: []
    } as const
    for (const fields of [{ id, timestamp: 1 }, { id, timestamp: 1, thread_id: topicId("thread:a") }]) {
      const { after, before } = Protocol.encodeEnvelopeParts("subscribed", payload, "snapshot", fields)
      assert.deepStrictEqual(
        JSON.parse(before + JSON.stringify(snapshot) + after),
        JSON.parse(Protocol.encodeServerMessage({ _tag: "subscribed", ...payload, snapshot }, fields))
      )
    }
  })
})
