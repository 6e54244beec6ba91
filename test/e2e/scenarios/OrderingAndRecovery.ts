/** Scenarios of event order, deduplication and catch-up: no event is missed, duplicated or reordered. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import {
  connectInRoom,
  connectSignedIn,
  type E2eServer,
  eventsOf,
  eventsUpTo,
  positionOf
} from "../../support/E2eServerFixture.ts"
import { makeTestUser, replyTo, request, uuid } from "../../support/TestUsers.ts"
import { indices, range, seqsOf, unbounded } from "./Helpers.ts"

/** Registers the scenarios. */
export const orderingAndRecovery = (it: Vitest.MethodsNonLive<E2eServer>) => {
  ordering(it)
  unsubscription(it)
  recovery(it)
}

const ordering = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[SYN2] 200 clients that resubscribe at once from their positions miss and repeat no event", () =>
    Effect.gen(function*() {
      const topic = "room:storm"
      const author = yield* connectInRoom(topic)
      for (const i of indices(100)) yield* request(author, "send_message", { content: i }, topic)
      const { epoch } = positionOf(yield* request(author, "subscribe", {}, topic))
      const clients = yield* Effect.forEach(indices(200), () => connectSignedIn(author.user), { concurrency: 32 })
      const caughtUp = yield* Effect.forkChild(
        Effect.forEach(clients, (client, i) =>
          Effect.gen(function*() {
            const caught = yield* request(client, "subscribe", { position: { epoch, seq: i % 100 } }, topic)
            assert.strictEqual(caught.payload["mode"], "deltas")
            return [...eventsOf(caught), ...yield* eventsUpTo(client, 111)]
          }), unbounded),
        { startImmediately: true }
      )
      for (const i of indices(10)) yield* request(author, "send_message", { content: i }, topic)
      for (const [i, all] of (yield* Fiber.join(caughtUp)).entries()) {
        assert.deepStrictEqual(seqsOf(all), range(i % 100 + 1, 111))
      }
    }))

  it.effect("[SYN4][SYN5] a command sent by eight connections at once is applied once, and each gets a receipt", () =>
    Effect.gen(function*() {
      const topic = "room:race"
      const user = makeTestUser()
      const all = yield* Effect.forEach(indices(8), () => connectInRoom(topic, user), { concurrency: 1 })
      const id = uuid()
      const text = JSON.stringify({
        id,
        type: "send_message",
        payload: { content: "once" },
        timestamp: 0,
        thread_id: topic
      })
      for (const { ws } of all) ws.send(text)
      const receipts = yield* Effect.forEach(all, (client) => replyTo(client, id), unbounded)
      assert.deepStrictEqual(receipts.map(({ payload }) => payload["seq"]), indices(8).map(() => 2))
      assert.lengthOf(receipts.filter(({ payload }) => payload["duplicate"] !== true), 1)
      const whole = yield* request(all[0]!, "subscribe", {}, topic)
      assert.strictEqual(positionOf(whole).seq, 2)
    }))

  it.effect("[TOP3][SYN2] concurrent writers produce one dense order, the same for every subscriber", () =>
    Effect.gen(function*() {
      const topic = "room:order"
      const all = yield* Effect.forEach(indices(6), () => connectInRoom(topic), { concurrency: 1 })
      for (const i of indices(20)) for (const client of all) client.send("send_message", { content: i }, topic)
      const logs = yield* Effect.forEach(all, (client) => eventsUpTo(client, 126), unbounded)
      for (const one of logs) {
        assert.deepStrictEqual(seqsOf(one), range(one[0]!.seq, 126))
        assert.deepStrictEqual(one.slice(-120), logs[0]!.slice(-120))
      }
    }))

  it.effect("[ROO2] a client that disconnects while subscribing leaves no presence behind", () =>
    Effect.gen(function*() {
      const topic = "room:leaving-early"
      const watcher = yield* connectInRoom(topic)
      yield* Effect.forEach(indices(40), () =>
        Effect.scoped(Effect.gen(function*() {
          const client = yield* connectSignedIn()
          client.send("subscribe", {}, topic)
        })), { concurrency: 8 })
      yield* request(watcher, "send_message", { content: "still here" }, topic)
      const seen = yield* Effect.repeat(request(watcher, "subscribe", {}, topic), {
        until: ({ payload }) => (payload["presence"] as ReadonlyArray<unknown>).length === 1
      })
      assert.strictEqual(positionOf(seen).seq, 2)
    }))
}

const unsubscription = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[SYN2] no delta follows the answer to unsubscribe", () =>
    Effect.gen(function*() {
      const topic = "room:leaving"
      const [author, reader] = [yield* connectInRoom(topic), yield* connectInRoom(topic)]
      for (const i of indices(30)) author.send("send_message", { content: i }, topic)
      yield* reader.nextOf("delta")
      yield* request(reader, "unsubscribe", {}, topic)
      yield* request(author, "send_message", { content: "last" }, topic)
      const id = reader.send("heartbeat")
      const rest: Array<string> = []
      yield* Effect.repeat(Effect.tap(reader.next, ({ type }) => Effect.sync(() => rest.push(type))), {
        until: ({ payload }) => payload["ref_id"] === id
      })
      assert.deepStrictEqual(rest, ["heartbeat"])
    }))
}

const recovery = (it: Vitest.MethodsNonLive<E2eServer>) => {
  it.effect("[SYN2] repeated subscriptions deliver each event once", () =>
    Effect.gen(function*() {
      const topic = "room:again"
      const client = yield* connectInRoom(topic)
      for (const _ of indices(20)) {
        client.send("subscribe", {}, topic)
        client.send("unsubscribe", {}, topic)
      }
      yield* request(client, "subscribe", {}, topic)
      yield* request(client, "subscribe", {}, topic)
      for (const i of indices(10)) client.send("send_message", { content: i }, topic)
      assert.deepStrictEqual(seqsOf(yield* eventsUpTo(client, 11)), range(2, 11))
    }))

  it.effect("[SYN2][SYN8] a position ahead of the log or of another epoch is answered with a snapshot", () =>
    Effect.gen(function*() {
      const topic = "room:elsewhere"
      const client = yield* connectInRoom(topic)
      const { epoch, seq } = positionOf(yield* request(client, "subscribe", {}, topic))
      for (const from of [{ epoch, seq: seq + 1 }, { epoch: epoch.replace(/./g, "0"), seq }]) {
        const answer = yield* request(client, "subscribe", { position: from }, topic)
        assert.strictEqual(answer.payload["mode"], "snapshot")
        assert.deepStrictEqual(positionOf(answer), { epoch, seq })
      }
    }))

  it.effect("[SYN2] 300 missed events are sent as deltas, 301 as a snapshot", () =>
    Effect.gen(function*() {
      const topic = "room:behind"
      const client = yield* connectInRoom(topic)
      const { epoch } = positionOf(yield* request(client, "subscribe", {}, topic))
      for (const i of indices(310)) yield* request(client, "send_message", { content: i }, topic)
      const top = 311
      const near = yield* request(client, "subscribe", { position: { epoch, seq: top - 300 } }, topic)
      assert.deepStrictEqual(seqsOf(eventsOf(near)), range(top - 299, top))
      const far = yield* request(client, "subscribe", { position: { epoch, seq: top - 301 } }, topic)
      assert.strictEqual(far.payload["mode"], "snapshot")
      assert.strictEqual(positionOf(far).seq, top)
    }))
}
