import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger, Ref } from "effect"
import { TestClock } from "effect/testing"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { ConnectionId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as Gateway from "../../../src/layers/gateway/Gateway.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { makeTestUser, openClient, signIn, startListening, uuid, wsServerLayer } from "../../support/TestUsers.ts"

describe("Gateway", () => {
  it.effect("[CON8] [SYN2] a client that reads slowly receives every event, in fewer deltas", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const [writer, reader] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(writer, ada)
      yield* signIn(reader, ada)
      const thread = `thread:${writer.send("create_thread", { name: "Long" })}`
      yield* writer.nextOf("receipt")
      reader.send("subscribe", {}, thread)
      yield* reader.nextOf("subscribed")
      reader.ws.pause()
      const content = "x".repeat(30_000)
      for (let i = 0; i < 500; i++) {
        writer.send("submit_message", { content }, thread)
        yield* writer.nextOf("receipt")
      }
      reader.ws.resume()
      let position = 1
      let deltas = 0
      while (position < 501) {
        const { from, to } = (yield* reader.nextOf("delta")).payload
        assert.strictEqual(from, position)
        position = to as number
        deltas += 1
      }
      assert.isBelow(deltas, 500)
    }).pipe(Effect.provide(
      wsServerLayer({ limits: { messagesPerMinute: 6_000_000, messageBurst: 1_000, catchUp: 1_000 } })
    )))

  it.effect("[SYN2] [SYN5] [AUT4] subscribe gets one snapshot, each command one receipt; a user without access gets not_found", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = yield* openClient(url)
      yield* signIn(ada, makeTestUser())
      const made = ada.send("create_thread", { name: "Plans", visibility: "members" })
      const thread = `thread:${made}`
      assert.deepInclude((yield* ada.nextOf("receipt")).payload, { ref_id: made, topic: thread, seq: 1 })
      ada.send("subscribe", {}, thread)
      const subscribed = yield* ada.nextOf("subscribed")
      assert.deepInclude(subscribed.payload, { mode: "snapshot" })
      assert.deepInclude(subscribed.payload["position"] as object, { seq: 1 })
      const sent = ada.send("submit_message", { content: "hello" }, thread)
      const [one, other] = [yield* ada.next, yield* ada.next]
      assert.sameMembers([one.type, other.type], ["receipt", "delta"])
      assert.deepInclude([one, other].find(({ type }) => type === "receipt")!.payload, { ref_id: sent, seq: 2 })

      const eve = yield* openClient(url)
      yield* signIn(eve, makeTestUser())
      eve.send("subscribe", {}, thread)
      const hidden = yield* eve.next
      eve.send("subscribe", {}, "thread:nowhere")
      const absent = yield* eve.next
      assert.strictEqual(hidden.payload["code"], "not_found")
      assert.strictEqual(hidden.payload["message"], absent.payload["message"])
      ada.send("get_threads")
      assert.lengthOf((yield* ada.nextOf("threads")).payload["threads"] as ReadonlyArray<unknown>, 1)
      ada.send("get_thread", {}, thread)
      assert.deepInclude(
        ((yield* ada.nextOf("thread_messages")).payload["messages"] as ReadonlyArray<object>)[0]!,
        { content: "hello", status: "published", approvals: [] }
      )
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON2] replies leave in the order of their requests, however long each takes", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* signIn(client, makeTestUser())
      const made = uuid()
      client.ws.send(JSON.stringify({ id: made, type: "create_thread", payload: { name: "Order" }, timestamp: 0 }))
      const requests = [
        made,
        client.send("heartbeat"),
        client.send("get_user"),
        client.send("subscribe", {}, `thread:${made}`),
        client.send("submit_message", { content: "one" }, `thread:${made}`),
        client.send("get_threads"),
        client.send("heartbeat")
      ]
      const answers: Array<unknown> = []
      const seen: Array<string> = []
      while (answers.length < requests.length) {
        const { payload, type } = yield* client.next
        seen.push(type)
        if (payload["ref_id"] !== undefined) answers.push(payload["ref_id"])
      }
      assert.deepStrictEqual(answers, requests)
      assert.isTrue(!seen.includes("delta") || seen.indexOf("delta") > seen.indexOf("subscribed"))
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[SEC8] an unknown field is rejected, be it an author or a user", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* signIn(client, makeTestUser())
      const other = makeTestUser().key
      client.send("create_thread", { name: "x", author: other })
      assert.strictEqual((yield* client.next).payload["code"], "malformed")
      client.ws.send(JSON.stringify({ id: uuid(), type: "get_user", payload: {}, timestamp: 0, user: other }))
      assert.strictEqual((yield* client.next).payload["code"], "malformed")
      client.send("get_user", { public_key: other })
      assert.strictEqual((yield* client.next).payload["code"], "malformed")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON4] the sixteenth malformed message closes its connection, and no other", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [bad, good] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(bad, makeTestUser())
      yield* signIn(good, makeTestUser())
      for (let i = 0; i < 16; i++) {
        bad.ws.send("garbage")
        assert.strictEqual((yield* bad.next).payload["code"], "malformed")
      }
      assert.deepInclude((yield* bad.next).payload, { code: closeCode.tooManyErrors, resume: false })
      assert.strictEqual(yield* bad.closed, closeCode.tooManyErrors)
      good.send("heartbeat")
      assert.strictEqual((yield* good.next).type, "heartbeat")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON7] the rate limit counts per user, not per connection, and a rejection states when to retry", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const [one, two] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(one, ada)
      yield* signIn(two, ada)
      one.send("create_thread", { name: "a" })
      assert.strictEqual((yield* one.next).type, "receipt")
      two.send("create_thread", { name: "b" })
      assert.strictEqual((yield* two.next).type, "receipt")
      two.send("create_thread", { name: "c" })
      assert.deepInclude((yield* two.next).payload, { code: "rate_limited", retryable: true, retry_after_ms: 600 })
      yield* TestClock.adjust(600)
      one.send("create_thread", { name: "d" })
      assert.strictEqual((yield* one.next).type, "receipt")
    }).pipe(Effect.provide(wsServerLayer({ limits: { messageBurst: 2 } }))))

  it.effect("[ROO2] [ROO3] [SYN12] a subscription delivers presence and signals, which end with their connection", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ada, bob] = [makeTestUser(), makeTestUser()]
      const [first, second] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(first, ada)
      yield* signIn(second, bob)
      const thread = `thread:${first.send("create_thread", { name: "Public", visibility: "public" })}`
      yield* first.nextOf("receipt")
      first.send("subscribe", {}, thread)
      const [alone] = (yield* first.nextOf("subscribed")).payload["presence"] as unknown as ReadonlyArray<object>
      assert.deepInclude(alone!, { user: ada.key })
      yield* TestClock.adjust(defaults.presenceCoalesce)
      yield* first.nextOf("presence_diff")
      first.send("signal", { key: "cursor", value: 3 }, thread)
      yield* first.nextOf("signal")
      second.send("subscribe", {}, thread)
      const joined = yield* second.nextOf("subscribed")
      assert.lengthOf(joined.payload["presence"] as ReadonlyArray<unknown>, 2)
      // Neither was logged: the thread has the event of its creation only.
      assert.deepInclude(joined.payload["position"] as object, { seq: 1 })
      assert.deepInclude((joined.payload["signals"] as ReadonlyArray<object>)[0]!, {
        from: ada.key,
        key: "cursor",
        value: 3
      })
      yield* TestClock.adjust(defaults.presenceCoalesce)
      assert.deepInclude(
        ((yield* first.nextOf("presence_diff")).payload["joins"] as ReadonlyArray<object>)[0]!,
        { user: bob.key }
      )
      first.ws.close()
      assert.deepInclude((yield* second.nextOf("signal")).payload, { key: "cursor", value: null })
      yield* TestClock.adjust(defaults.presenceCoalesce)
      assert.deepInclude(
        ((yield* second.nextOf("presence_diff")).payload["leaves"] as ReadonlyArray<object>)[0]!,
        { user: ada.key }
      )
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[SYN7] equal and different state hashes are counted, for subscribed topics only", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      yield* signIn(client, makeTestUser())
      const thread = `thread:${client.send("create_thread", { name: "Counted" })}`
      yield* client.nextOf("receipt")
      client.send("ack", { seq: 1, matches: 7 }, thread)
      client.send("subscribe", {}, thread)
      assert.match(String((yield* client.nextOf("subscribed")).payload["hash"]), /^[0-9a-f]{16}$/)
      client.send("ack", { seq: 1, matches: 3 }, thread)
      client.send("ack", { seq: 1 }, thread)
      client.send("desync", { seq: 1, expected: "0123456789abcdef", found: "fedcba9876543210" }, thread)
      client.send("heartbeat")
      yield* client.nextOf("heartbeat")
      assert.deepStrictEqual((yield* Gateway.Gateway).syncCounts, { matches: 3, mismatches: 1 })
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON1] the state of a connection can be read as a Ref", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      const user = makeTestUser()
      yield* signIn(client, user)
      const gateway = yield* Gateway.Gateway
      const [connection] = yield* (yield* Socket).getAllConnections
      const state = gateway.state(connection!.id)!
      assert.deepInclude(yield* Ref.get(state), { user: user.key, thread_id: null, error_state: null })
      client.send("subscribe", {}, "thread:nowhere")
      yield* client.nextOf("error")
      assert.strictEqual((yield* Ref.get(state)).error_state?._tag, "ThreadError")
      assert.isUndefined(gateway.state(ConnectionId.make("none")))
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[SYN11] [CON6] a drain sends goodbye to every client at once, then closes one per interval with 1012", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const clients = yield* Effect.all([openClient(url), openClient(url), openClient(url)])
      for (const client of clients) yield* signIn(client, makeTestUser())
      yield* Effect.forkChild((yield* Gateway.Gateway).drain, { startImmediately: true })
      const delays = yield* Effect.forEach(clients, (client) =>
        Effect.map(client.next, ({ payload }) => {
          assert.deepInclude(payload, { code: closeCode.restart, resume: true })
          return payload["retry_after_ms"]
        }))
      assert.deepStrictEqual(delays, [0, 5, 10])
      const { getConnectionCount } = yield* Socket
      for (const [closed, client] of clients.entries()) {
        assert.strictEqual(yield* client.closed, closeCode.restart)
        assert.strictEqual(yield* getConnectionCount, clients.length - closed - 1)
        yield* TestClock.adjust(5)
      }
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[CON4] a defect while a connection ends is logged, and affects no other connection", () => {
    const logged = Deferred.makeUnsafe<unknown>()
    const logger = Logger.make(({ message }) => Deferred.doneUnsafe(logged, Effect.succeed(message)))
    return Effect.gen(function*() {
      const url = yield* startListening
      const [leaving, staying] = [yield* openClient(url), yield* openClient(url)]
      yield* signIn(leaving, makeTestUser())
      yield* signIn(staying, makeTestUser())
      leaving.send("subscribe", {}, `thread:${leaving.send("create_thread", { name: "Plans" })}`)
      yield* leaving.nextOf("subscribed")
      leaving.ws.close()
      assert.include(yield* Deferred.await(logged), "a connection failed with a defect")
      staying.send("heartbeat")
      yield* staying.nextOf("heartbeat")
    }).pipe(Effect.provide(
      wsServerLayer({ topics: () => ({ unsubscribe: () => assert.fail("a defect") }) }).pipe(
        Layer.provide(Logger.layer([logger]))
      )
    ))
  })
})
