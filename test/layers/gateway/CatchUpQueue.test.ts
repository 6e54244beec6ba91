/** Catch-ups of slow connections, with topics and send queue moved by hand (CON8). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as CatchUpQueue from "../../../src/layers/gateway/CatchUpQueue.ts"
import { stateOf } from "../../../src/layers/gateway/ClientConnection.ts"
import * as Subscriptions from "../../../src/layers/gateway/Subscriptions.ts"
import { rejectUnavailable } from "../../../src/layers/topics/HostMessages.ts"
import type { CoalescedTopics } from "../../../src/services/Socket.ts"
import { coalesced, epoch, makeDelta, makeFixture, topic } from "./RuntimeFixture.ts"

describe("a catch-up of a slow connection", () => {
  it.effect("[CON8] [SYN2] starts when the send queue has room, as one delta from the last seq that was sent", () =>
    Effect.scoped(Effect.gen(function*() {
      const { answer, subscribeCalls, delivered, client, drain, runtime } = yield* makeFixture
      CatchUpQueue.handleDrained(runtime, client, coalesced)
      assert.lengthOf(subscribeCalls, 0)
      drain()
      assert.deepStrictEqual(subscribeCalls.map(([, , from]) => from), [{ epoch, seq: 1 }])
      answer()
      assert.deepStrictEqual(delivered, ["delta"])
    })))

  it.effect("[CON8] that fails closes the connection with a resumable code", () =>
    Effect.scoped(Effect.gen(function*() {
      const { subscribeCalls, client, drain, runtime } = yield* makeFixture
      CatchUpQueue.handleDrained(runtime, client, coalesced)
      drain()
      const [, , , reply] = subscribeCalls.shift()!
      reply(Result.fail(rejectUnavailable("too much is waiting for this topic; try again")))
      assert.deepStrictEqual(stateOf(client).status, { _tag: "Closed", code: closeCode.slowConsumer })
    })))

  it.effect("[CON8] [SYN2] is skipped for a subscription that was replaced while it was queued; others get theirs", () =>
    Effect.scoped(Effect.gen(function*() {
      const { subscribeCalls, client, drain, subscribe, runtime } = yield* makeFixture
      const other = TopicId.make("thread:other")
      client.subscriptions.set(other, { ref: "other", epoch, sent: 1, acked: 1 })
      CatchUpQueue.handleDrained(runtime, client, new Map([...coalesced, [other, makeDelta(1)]]))
      subscribe("second")
      drain()
      assert.deepStrictEqual(subscribeCalls.map(([called]) => called), [other])
    })))

  it.effect("[CON8] sends nothing for a topic that was unsubscribed meanwhile", () =>
    Effect.scoped(Effect.gen(function*() {
      const { answer, delivered, client, drain, runtime } = yield* makeFixture
      CatchUpQueue.handleDrained(runtime, client, coalesced)
      drain()
      Subscriptions.unsubscribe(runtime, client, { _tag: "Unsubscribe", topic }, undefined)
      answer()
      assert.deepStrictEqual(delivered, [])
    })))

  it.effect("[SEC7] sends no running text of a topic whose access was revoked", () =>
    Effect.scoped(Effect.gen(function*() {
      const { delivered, client, addRunningText, runtime } = yield* makeFixture
      addRunningText("so far")
      const text: CoalescedTopics = new Map([[topic, { text: "{}", lane: { _tag: "Stream", topic } }]])
      CatchUpQueue.handleDrained(runtime, client, text)
      assert.deepStrictEqual(delivered, ["chorus_response"])
      Subscriptions.handleAccessRevoked(runtime, client, topic)
      CatchUpQueue.handleDrained(runtime, client, text)
      assert.deepStrictEqual(delivered, ["chorus_response"])
    })))

  it.effect("[SYN2] [CON8] sends nothing for a topic that was subscribed to again meanwhile", () =>
    Effect.scoped(Effect.gen(function*() {
      const { answer, delivered, client, drain, subscribe, runtime } = yield* makeFixture
      CatchUpQueue.handleDrained(runtime, client, coalesced)
      drain()
      subscribe("second")
      answer()
      assert.deepStrictEqual(delivered, [])
    })))
})
