import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as Subscriptions from "../../../src/layers/gateway/Subscriptions.ts"
import { makeFixture, topic } from "./RuntimeFixture.ts"

describe("a subscription", () => {
  const intent = (n: number) => ({
    _tag: "Subscribe" as const,
    ref: CommandId.make(`s${n}`),
    topic,
    position: null
  })

  it.effect("[SYN2] that was cancelled before its reply ends with that reply; a later request gets its own", () =>
    Effect.scoped(Effect.gen(function*() {
      const { answer, delivered, unsubscribed, client, drain, runtime } = yield* makeFixture
      drain()
      Subscriptions.subscribe(runtime, client, intent(1), undefined)
      Subscriptions.unsubscribe(runtime, client, { _tag: "Unsubscribe", topic }, undefined)
      Subscriptions.subscribe(runtime, client, intent(2), undefined)
      assert.deepStrictEqual(unsubscribed, [topic])
      answer()
      assert.deepStrictEqual(unsubscribed, [topic, topic], "the cancelled subscription delivers nothing")
      assert.isFalse(client.subscriptions.has(topic))
      answer()
      assert.deepStrictEqual(unsubscribed, [topic, topic])
      assert.isTrue(client.subscriptions.has(topic))
      assert.deepStrictEqual(delivered.filter((type) => type === "subscribed"), ["subscribed", "subscribed"])
    })))

  it.effect("[SYN2] that is requested twice continues between the two replies", () =>
    Effect.scoped(Effect.gen(function*() {
      const { answer, unsubscribed, client, drain, runtime } = yield* makeFixture
      drain()
      for (const n of [1, 2]) Subscriptions.subscribe(runtime, client, intent(n), undefined)
      answer()
      assert.isTrue(client.subscriptions.has(topic))
      answer()
      assert.deepStrictEqual(unsubscribed, [])
    })))
})
