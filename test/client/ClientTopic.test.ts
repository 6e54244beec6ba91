import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { awaitView, confirmedPosts, connectClient } from "./ClientSocketFixture.ts"
import { topic, uuid } from "./ScriptedServer.ts"

describe("ClientTopic", () => {
  it.live("[SYN5][SYN10] commands complete as effects and promises; callback, stream and iterator show the same views", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* connectClient
      const seen: Array<ReadonlyArray<unknown>> = []
      const events: Array<number> = []
      const unsubscribe = lobby.onView((view) => seen.push(confirmedPosts(view)))
      lobby.onEvents((batch) => events.push(...batch.map((event) => event.seq)))
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      assert.strictEqual(client.phase()._tag, "Subscribed")
      assert.strictEqual((yield* client.user).user.balance, 10_000)
      const receipt = yield* lobby.send({ _tag: "send_message", content: "one" })
      assert.deepStrictEqual(receipt, { topic, seq: 3 })
      yield* Effect.promise(() => lobby.sendPromise({ _tag: "send_message", content: "two" }))
      const view = yield* awaitView(lobby, (view) => view.confirmed.messages.length === 2)
      assert.deepStrictEqual(confirmedPosts(view), ["one", "two"])
      assert.deepStrictEqual(seen.at(-1), ["one", "two"])
      assert.deepStrictEqual(events, [3, 4])
      const next = yield* Effect.promise(() => lobby[Symbol.asyncIterator]().next())
      assert.deepStrictEqual(next.done === true ? [] : confirmedPosts(next.value), ["one", "two"])
      const rejected = yield* Effect.flip(lobby.send({ _tag: "delete_entry", key: "none" }))
      assert.strictEqual(rejected.reason.code, "rule_violated")
      unsubscribe()
    })))

  it.live("[SYN5] two sends under one id take effect once and share the outcome", () =>
    Effect.scoped(Effect.gen(function*() {
      const { lobby, server } = yield* connectClient
      const send = lobby.send({ _tag: "send_message", content: "once" }, uuid(7))
      const receipts = yield* Effect.all([send, send], { concurrency: "unbounded" })
      assert.deepStrictEqual(receipts, [{ topic, seq: 3 }, { topic, seq: 3 }])
      assert.deepStrictEqual(server.receivedIds, [uuid(7)])
    })))

  it.live("[SYN10] a topic is subscribed to once for all its listeners, until the last one is removed", () =>
    Effect.scoped(Effect.gen(function*() {
      const { client, lobby } = yield* connectClient
      const listeners = [lobby.onView(() => {}), lobby.onView(() => {}), lobby.onEvents(() => {})]
      yield* awaitView(lobby, (view) => view.sync._tag === "Live")
      listeners[0]!()
      listeners[0]!()
      listeners[1]!()
      assert.strictEqual(client.phase()._tag, "Subscribed")
      listeners[2]!()
      assert.strictEqual(client.phase()._tag, "Authenticated")
      assert.isUndefined(lobby.view())
    })))
})
