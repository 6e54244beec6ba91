/** Catch-ups of slow connections, with topics and send queue moved by hand (CON8). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as ReplyOrder from "../../../src/layers/delivery/ReplyOrder.ts"
import * as CatchUpQueue from "../../../src/layers/gateway/CatchUpQueue.ts"
import { stateOf } from "../../../src/layers/gateway/ClientConnection.ts"
import { handlers } from "../../../src/layers/gateway/ConnectionIntents.ts"
import { completeReply } from "../../../src/layers/gateway/ConnectionRuntime.ts"
import * as Subscriptions from "../../../src/layers/gateway/Subscriptions.ts"
import { rejectUnavailable } from "../../../src/layers/topics/HostMessages.ts"
import type { CoalescedTopics } from "../../../src/services/Socket.ts"
import { connectSignedIn, request, startListening, wsServerLayer } from "../../support/TestUsers.ts"
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

describe("the reads of a connection", () => {
  it.effect("[CON8] queries wait until the send queue has room, and run one at a time", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, drain, runtime, startedEffects } = yield* makeFixture
      for (const ref of [CommandId.make("1"), CommandId.make("2")]) {
        handlers.ReadThread(runtime, client, { _tag: "ReadThread", ref, topic }, undefined)
      }
      assert.strictEqual(startedEffects.count, 0)
      drain()
      assert.strictEqual(startedEffects.count, 1)
    })))

  it.effect("[CON8] wait for replies that are held back behind an earlier one", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, drain, runtime, startedEffects } = yield* makeFixture
      const first = ReplyOrder.openSlot(client)
      const second = ReplyOrder.openSlot(client)
      const large = { text: "\"x\"".repeat(defaults.outboxFold), lane: { _tag: "Reply" } } as const
      ReplyOrder.reply(client, second, large, { deliver: () => {} })
      handlers.ReadThread(runtime, client, { _tag: "ReadThread", ref: CommandId.make("1"), topic }, undefined)
      drain()
      assert.strictEqual(startedEffects.count, 0)
      ReplyOrder.complete(client, first, { deliver: () => {} })
      drain()
      assert.strictEqual(startedEffects.count, 1)
    })))
})

describe("a read that other replies wait for", () => {
  const large = { text: "\"x\"".repeat(defaults.outboxFold), lane: { _tag: "Reply" } } as const
  const read = { _tag: "ReadThread", ref: CommandId.make("1"), topic } as const

  it.effect("[CON2] [CON8] starts although the replies behind its own are large: they would wait for ever", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, drain, runtime, startedEffects } = yield* makeFixture
      const slot = ReplyOrder.openSlot(client)
      handlers.ReadThread(runtime, client, read, slot)
      ReplyOrder.reply(client, ReplyOrder.openSlot(client), large, client)
      drain()
      assert.strictEqual(startedEffects.count, 1)
    })))

  it.effect("[CON2] [CON8] starts after a catch-up in front of it, which waits for no reply itself", () =>
    Effect.scoped(Effect.gen(function*() {
      const { answer, client, drain, runtime, startedEffects } = yield* makeFixture
      CatchUpQueue.handleDrained(runtime, client, coalesced)
      handlers.ReadThread(runtime, client, read, ReplyOrder.openSlot(client))
      ReplyOrder.reply(client, ReplyOrder.openSlot(client), large, client)
      drain()
      answer()
      assert.strictEqual(startedEffects.count, 1)
    })))

  it.effect("[CON2] [CON8] starts when the reply before its own is sent, without another event", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, drain, runtime, startedEffects } = yield* makeFixture
      const first = ReplyOrder.openSlot(client)
      handlers.ReadThread(runtime, client, read, ReplyOrder.openSlot(client))
      ReplyOrder.reply(client, ReplyOrder.openSlot(client), large, client)
      drain()
      assert.strictEqual(startedEffects.count, 0)
      completeReply(client, first)
      assert.strictEqual(startedEffects.count, 1)
    })))
})

describe("the bytes that a user reads", () => {
  it.effect("[CON7] are charged: after a large reply the next read has to wait, for as long as the error says", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const client = yield* connectSignedIn(url)
      const other = yield* connectSignedIn(url)
      const thread = `thread:${(yield* request(client, "create_thread", { name: "Long" })).payload["ref_id"] as string}`
      for (let n = 0; n < 5; n++) yield* request(client, "submit_message", { content: "x".repeat(20_000) }, thread)
      assert.strictEqual((yield* request(client, "get_thread", {}, thread)).type, "thread_messages")
      for (const type of ["get_thread", "subscribe"]) {
        const { payload } = yield* request(client, type, {}, thread)
        assert.deepInclude(payload, { code: "rate_limited", retryable: true })
        assert.isAbove(payload["retry_after_ms"] as number, 60_000)
      }
      assert.strictEqual((yield* request(other, "get_thread", {}, thread)).type, "thread_messages")
      yield* TestClock.adjust((yield* request(client, "get_thread", {}, thread)).payload["retry_after_ms"] as number)
      assert.strictEqual((yield* request(client, "subscribe", {}, thread)).type, "subscribed")
    }).pipe(Effect.provide(wsServerLayer({
      limits: { readBytesBurst: 20_000, readBytesPerMinute: 60_000, pingInterval: 10_000_000, sessionTtl: 10_000_000 }
    }))))
})
