/** Scenarios of invalid, oversized and excessive input. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { connectInRoom, connectSignedIn, type E2eServer } from "../../support/E2eServerFixture.ts"
import { replyTo, request, uuid } from "../../support/TestUsers.ts"
import { errorCode, indices } from "./Helpers.ts"

const envelope = { id: uuid(), type: "heartbeat", payload: {}, timestamp: 0 }
const deep = "[".repeat(40) + "]".repeat(40)
const keys = Object.fromEntries(indices(300).map((i) => [`k${i}`, 0]))
/** Frames that violate the protocol, each with the error code that answers it. */
const malformedFrames: ReadonlyArray<readonly [text: string, code: string]> = [
  ["", "malformed"],
  ["not JSON", "malformed"],
  ["null", "malformed"],
  ["[]", "malformed"],
  ["{}", "malformed"],
  [JSON.stringify({ ...envelope, id: "1" }), "malformed"],
  [JSON.stringify({ ...envelope, type: "" }), "malformed"],
  [JSON.stringify({ ...envelope, type: "sing", thread_id: "room:manners" }), "unknown_type"],
  [JSON.stringify({ ...envelope, payload: [] }), "malformed"],
  [JSON.stringify(envelope).replace("{}", deep), "too_large"],
  [JSON.stringify({ ...envelope, payload: keys }), "too_large"],
  [JSON.stringify(envelope).replace(":0}", ":1e999}"), "malformed"],
  [JSON.stringify(envelope).replace("{}", "{\"a\":\"\\ud800\"}"), "malformed"],
  [JSON.stringify(envelope).replace("{}", "{\"__proto__\":1}"), "malformed"],
  [JSON.stringify({ ...envelope, type: "subscribe" }), "malformed"],
  [JSON.stringify({ ...envelope, payload: { extra: 1 } }), "malformed"]
]

/** Registers the scenarios. */
export const badInput = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[CON4] each of 16 malformed frames gets its error, then the connection is closed with 4509; others are unaffected", () =>
    Effect.gen(function*() {
      const neighbour = yield* connectInRoom("room:manners")
      const client = yield* connectSignedIn()
      for (const [text, expected] of malformedFrames) {
        client.ws.send(text)
        assert.deepInclude((yield* client.nextOf("error")).payload, { code: expected, retryable: false }, text)
      }
      assert.strictEqual(yield* client.closed, closeCode.tooManyErrors)
      assert.strictEqual((yield* request(neighbour, "heartbeat")).type, "heartbeat")
    }))

  it.effect("[CON4][SEC12] an oversized frame closes with 1009, a binary one with 1003", () =>
    Effect.gen(function*() {
      const [large, binary] = [yield* connectSignedIn(), yield* connectSignedIn()]
      large.ws.send("x".repeat(65_537))
      assert.strictEqual(yield* large.closed, closeCode.tooLarge)
      binary.ws.send(Buffer.from("{}"))
      assert.strictEqual(yield* binary.closed, closeCode.unsupportedData)
    }))

  it.effect("[CON7] a rate-limited command succeeds after retry_after_ms", () =>
    Effect.gen(function*() {
      const topic = "room:fast"
      const client = yield* connectInRoom(topic)
      const post = (id: string) =>
        client.ws.send(
          JSON.stringify({ id, type: "send_message", payload: { content: 1 }, timestamp: 0, thread_id: topic })
        )
      /** Sends a burst, so that a slow disk does not throttle it; returns the answers in the order of arrival. */
      const sendSome = Effect.gen(function*() {
        const ids = new Set<unknown>(indices(16).map(() => uuid()))
        for (const id of ids) post(id as string)
        return yield* Effect.forEach(ids, () =>
          Effect.repeat(client.next, { until: ({ payload }) => ids.has(payload["ref_id"]) }))
      })
      const answers = yield* Effect.repeat(sendSome, {
        until: (all) =>
          all.some(({ type }) => type === "error")
      })
      const { payload } = answers.findLast(({ type }) => type === "error")!
      assert.deepInclude(payload, { code: "rate_limited", retryable: true })
      yield* Effect.sleep(Number(payload["retry_after_ms"]))
      const id = String(payload["ref_id"])
      post(id)
      assert.strictEqual((yield* replyTo(client, id)).type, "receipt")
    }))

  it.effect("[SYN12] a connection has at most 128 subscriptions", () =>
    Effect.gen(function*() {
      const client = yield* connectSignedIn()
      for (const i of indices(128)) {
        assert.strictEqual((yield* request(client, "subscribe", {}, `room:many-${i}`)).type, "subscribed")
      }
      assert.strictEqual(errorCode(yield* request(client, "subscribe", {}, "room:many-128")), "too_large")
      yield* request(client, "unsubscribe", {}, "room:many-0")
      assert.strictEqual((yield* request(client, "subscribe", {}, "room:many-128")).type, "subscribed")
    }))
}
