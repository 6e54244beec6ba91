/** Bad manners: what is broken, too large, too fast or too much. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { uuid } from "../../support/People.ts"
import { answerTo, ask, guest, inRoom, type Stage } from "../../support/Stage.ts"
import { code, times } from "./Shorthand.ts"

export const manners = (it: Vitest.MethodsNonLive<Stage>) => {
  it.effect("[CON4] 16 malformed frames are each answered as documented, then comes 4509, and nobody else notices", () =>
    Effect.gen(function*() {
      const neighbour = yield* inRoom("room:manners")
      const one = yield* guest()
      const envelope = { id: uuid(), type: "heartbeat", payload: {}, timestamp: 0 }
      const deep = "[".repeat(40) + "]".repeat(40)
      const keys = Object.fromEntries(times(300).map((i) => [`k${i}`, 0]))
      const frames: ReadonlyArray<readonly [text: string, code: string]> = [
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
      for (const [text, expected] of frames) {
        one.ws.send(text)
        assert.deepInclude((yield* one.nextOf("error")).payload, { code: expected, retryable: false }, text)
      }
      assert.strictEqual(yield* one.closed, closeCode.tooManyErrors)
      assert.strictEqual((yield* ask(neighbour, "heartbeat")).type, "heartbeat")
    }))

  it.effect("[CON4][SEC12] what is too large closes with 1009, what is not text with 1003", () =>
    Effect.gen(function*() {
      const [large, binary] = [yield* guest(), yield* guest()]
      large.ws.send("x".repeat(65_537))
      assert.strictEqual(yield* large.closed, closeCode.tooLarge)
      binary.ws.send(Buffer.from("{}"))
      assert.strictEqual(yield* binary.closed, closeCode.unsupportedData)
    }))

  it.effect("[CON7] too fast is told when to come back, and is welcome then", () =>
    Effect.gen(function*() {
      const topic = "room:fast"
      const one = yield* inRoom(topic)
      const post = (id: string) =>
        one.ws.send(
          JSON.stringify({ id, type: "send_message", payload: { content: 1 }, timestamp: 0, thread_id: topic })
        )
      /** Some at once, so that a slow disk does not make them few; the answers, in the order in which they come. */
      const some = Effect.gen(function*() {
        const ids = new Set<unknown>(times(16).map(() => uuid()))
        for (const id of ids) post(id as string)
        return yield* Effect.forEach(ids, () =>
          Effect.repeat(one.next, { until: ({ payload }) => ids.has(payload["ref_id"]) }))
      })
      const answers = yield* Effect.repeat(some, {
        until: (all) =>
          all.some(({ type }) => type === "error")
      })
      const { payload } = answers.findLast(({ type }) => type === "error")!
      assert.deepInclude(payload, { code: "rate_limited", retryable: true })
      yield* Effect.sleep(Number(payload["retry_after_ms"]))
      const id = String(payload["ref_id"])
      post(id)
      assert.strictEqual((yield* answerTo(one, id)).type, "receipt")
    }))

  it.effect("[SYN12] a connection may have 128 subscriptions and not one more", () =>
    Effect.gen(function*() {
      const one = yield* guest()
      for (const i of times(128)) {
        assert.strictEqual((yield* ask(one, "subscribe", {}, `room:many-${i}`)).type, "subscribed")
      }
      assert.strictEqual(code(yield* ask(one, "subscribe", {}, "room:many-128")), "too_large")
      yield* ask(one, "unsubscribe", {}, "room:many-0")
      assert.strictEqual((yield* ask(one, "subscribe", {}, "room:many-128")).type, "subscribed")
    }))
}
