import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue } from "effect"
import { TestClock } from "effect/testing"
import { connect as connectTcp } from "node:net"
import { closeCode } from "../../../../src/domain/connection/CloseCode.ts"
import { TopicId } from "../../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../../src/domain/protocol/Limits.ts"
import * as OutboundBudget from "../../../../src/layers/delivery/OutboundBudget.ts"
import { encodeJson, makeFrame } from "../../../../src/layers/delivery/SharedFrame.ts"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as SocketWs from "../../../../src/layers/socket/ws/SocketWs.ts"
import type { OutboundFrame } from "../../../../src/services/OutboundFrame.ts"
import { type CoalescedTopics, Socket } from "../../../../src/services/Socket.ts"
import { engineOptions, openClient, startListening } from "../../../support/TestUsers.ts"
import { recordEvents, recordWrites, wsEngine } from "./SocketWsFixture.ts"

describe("incoming frames", () => {
  it.effect("[SEC12] a message of 64 KB is received, one byte more closes with 1009", () =>
    Effect.gen(function*() {
      const { text } = yield* recordEvents
      const client = yield* openClient(yield* startListening)
      client.ws.send("x".repeat(65_536))
      assert.strictEqual((yield* text).length, 65_536)
      client.ws.send("x".repeat(65_537))
      assert.strictEqual(yield* client.closed, closeCode.tooLarge)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC13] a message with more than 64 fragments ends in 1008", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      for (let i = 0; i < 100; i++) client.ws.send("x", { fin: false })
      assert.strictEqual(yield* client.closed, 1008)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC15] compression is not negotiated by default", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening, { perMessageDeflate: true })
      assert.strictEqual(client.ws.extensions, "")
      client.ws.send(Buffer.from("x"), { binary: true })
      assert.strictEqual(yield* client.closed, closeCode.unsupportedData)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC21] an invalid frame ends its connection and no other", () =>
    Effect.gen(function*() {
      const { connection, end } = yield* recordEvents
      const url = yield* startListening
      const good = yield* openClient(url)
      yield* connection
      const raw = connectTcp(Number(new URL(url).port), "127.0.0.1")
      raw.on("error", () => {})
      raw.write(
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
      )
      yield* connection
      raw.write(Buffer.from([0xff, 0x7f, 1, 2, 3]))
      assert.isAbove(yield* end, 1000)
      good.ws.ping()
      yield* Effect.callback<void>((resume) => void good.ws.once("pong", () => resume(Effect.void)))
      raw.destroy()
    }).pipe(Effect.provide(wsEngine())))
})

describe("heartbeat", () => {
  it.effect("[CON3] [CON6] a peer that does not answer a ping within 5 s gets goodbye and is closed with 4012", () =>
    Effect.gen(function*() {
      const { end } = yield* recordEvents
      const client = yield* openClient(yield* startListening, { autoPong: false })
      yield* TestClock.adjust(defaults.pingInterval + defaults.pongTimeout - 1_000)
      assert.strictEqual(client.ws.readyState, client.ws.OPEN)
      yield* TestClock.adjust(1_000)
      const { payload, type } = yield* client.next
      assert.strictEqual(type, "goodbye")
      assert.deepStrictEqual(payload, { code: 4012, reason: "no answer to a ping", resume: true, retry_after_ms: 0 })
      assert.strictEqual(yield* client.closed, closeCode.noPong)
      assert.strictEqual(yield* end, closeCode.noPong)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[CON3] any received frame counts as activity", () =>
    Effect.gen(function*() {
      const { connection, text } = yield* recordEvents
      const client = yield* openClient(yield* startListening, { autoPong: false })
      const server = yield* connection
      for (let i = 0; i < 5; i++) {
        yield* TestClock.adjust(defaults.pingInterval)
        client.ws.send("alive")
        yield* text
      }
      yield* TestClock.adjust(defaults.pongTimeout)
      assert.strictEqual(client.ws.readyState, client.ws.OPEN)
      assert.isAbove(server.lastActivity(), server.connectedAt)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SOC2] ping measures the round trip, and fails when the peer disconnects", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const url = yield* startListening
      yield* openClient(url)
      assert.isAtLeast(yield* (yield* connection).ping, 0)
      const silent = yield* openClient(url, { autoPong: false })
      const waiting = yield* Effect.forkChild(Effect.flip((yield* connection).ping), { startImmediately: true })
      silent.ws.terminate()
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "ConnectionNotFound")
    }).pipe(Effect.provide(wsEngine())))
})

describe("outgoing frames", () => {
  it.effect("[SYN9] the frames of a turn arrive in order, and one encoding serves all", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const url = yield* startListening
      const clients = [yield* openClient(url), yield* openClient(url)]
      const connections = [yield* connection, yield* connection]
      const frames = [1, 2, 3].map((n): OutboundFrame => ({ text: `{"n":${n}}`, lane: { _tag: "Reply" } }))
      for (const frame of frames) for (const connection of connections) connection.deliver(frame)
      for (const client of clients) {
        for (const n of [1, 2, 3]) assert.deepStrictEqual<unknown>(yield* client.next, { n })
      }
      assert.isTrue(frames.every((frame) => frame.encoded !== undefined))
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SYN9] a turn is one write per connection, and connections with the same frames share the buffer", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const writes = yield* recordWrites
      const url = yield* startListening
      const clients = [yield* openClient(url), yield* openClient(url)]
      const connections = [yield* connection, yield* connection]
      writes.length = 0
      for (const n of [1, 2, 3]) {
        const frame: OutboundFrame = { text: `{"n":${n}}`, lane: { _tag: "Reply" } }
        for (const connection of connections) connection.deliver(frame)
      }
      for (const client of clients) yield* Effect.replicateEffect(client.next, 3)
      assert.lengthOf(writes, 2)
      assert.strictEqual(writes[0], writes[1])
    }).pipe(Effect.provide(wsEngine())))
})

describe("slow clients over ws", () => {
  it.effect("[CON8] a slow client's deltas are coalesced, then it catches up; the latest signal reaches it", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const drained = yield* Queue.unbounded<CoalescedTopics>()
      const socket = yield* Socket
      yield* socket.onDrained((_connection, coalesced) => Queue.offerUnsafe(drained, coalesced))
      const client = yield* openClient(yield* startListening)
      const slow = yield* connection
      const topic = TopicId.make("thread:a")
      client.ws.pause()
      const delta = (seq: number): OutboundFrame => ({
        text: JSON.stringify({ seq, pad: "x".repeat(10_000) }),
        lane: { _tag: "Durable", topic, seq }
      })
      const cursor = (value: number): OutboundFrame => ({
        text: JSON.stringify({ value }),
        lane: { _tag: "Ephemeral", topic, key: "cursor" }
      })
      for (let seq = 1; seq <= 100; seq++) slow.deliver(delta(seq))
      for (let value = 1; value <= 50; value++) slow.deliver(cursor(value))
      assert.isBelow(slow.bufferedAmount(), defaults.outboxFold + 10_200)
      client.ws.resume()
      const first = (yield* Queue.take(drained)).get(topic)!
      assert.deepInclude(first.lane, { topic })
      slow.deliver(delta(101))
      slow.uncoalesce(topic)
      slow.deliver(delta(102))
      const seqs: Array<unknown> = []
      const values: Array<unknown> = []
      while (seqs.at(-1) !== 102) {
        const message = (yield* client.next) as unknown as { readonly seq?: number; readonly value?: number }
        if (message.value === undefined) seqs.push(message.seq)
        else values.push(message.value)
      }
      const before = seqs.slice(0, -1)
      assert.deepStrictEqual(before, before.map((_, i) => i + 1))
      assert.strictEqual(first.lane._tag === "Durable" && first.lane.seq, before.length + 1)
      assert.strictEqual(values.at(-1), 50)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[CON6] [CON8] [SEC27] above 1 MiB of replies the connection is closed with 4008 after a resumable goodbye", () =>
    Effect.gen(function*() {
      const { connection, end } = yield* recordEvents
      const client = yield* openClient(yield* startListening)
      const first = yield* connection
      client.ws.pause()
      for (let i = 0; i < 120; i++) first.deliver({ text: `"${"x".repeat(10_000)}"`, lane: { _tag: "Reply" } })
      client.ws.resume()
      // CON6: behind everything that was queued.
      assert.deepInclude((yield* client.nextOf("goodbye")).payload, { code: closeCode.slowConsumer, resume: true })
      assert.strictEqual(yield* client.closed, closeCode.slowConsumer)
      assert.strictEqual(yield* end, closeCode.slowConsumer)
    }).pipe(Effect.provide(wsEngine())))
})

describe("the contract over ws", () => {
  it.effect("[SOC1] start, look up, send, broadcast, close, stop", () =>
    Effect.gen(function*() {
      const socket = yield* Socket
      assert.isFalse(yield* socket.isRunning)
      const { connection } = yield* recordEvents
      const url = yield* startListening
      assert.isTrue(yield* socket.isRunning)
      assert.strictEqual(yield* socket.getPort, Number(new URL(url).port))
      assert.strictEqual(yield* socket.getAddress, "127.0.0.1")
      const [a, b] = [yield* openClient(url), yield* openClient(url)]
      const [first, second] = [yield* connection, yield* connection]
      assert.strictEqual(yield* socket.getConnectionCount, 2)
      assert.sameMembers([...(yield* socket.getAllConnections)], [first, second])
      assert.strictEqual(yield* socket.getConnection(first.id), first)
      yield* socket.send(first.id, "1")
      assert.strictEqual<unknown>(yield* a.next, 1)
      assert.strictEqual(yield* socket.broadcast("2", (connection) => connection === second), 1)
      assert.strictEqual<unknown>(yield* b.next, 2)
      yield* socket.closeConnection(first.id, closeCode.normal, "bye")
      assert.strictEqual(yield* a.closed, closeCode.normal)
      yield* socket.stop
      assert.strictEqual(yield* b.closed, closeCode.restart)
      assert.isFalse(yield* socket.isRunning)
      assert.strictEqual((yield* Effect.flip(socket.send(first.id, "x"))).reason._tag, "ConnectionNotFound")
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SOC1] a handler of a type takes precedence over the handler of *", () =>
    Effect.gen(function*() {
      const socket = yield* Socket
      const { connection, text } = yield* recordEvents
      const special = yield* Queue.unbounded<string>()
      yield* socket.registerMessageHandler("special", (_connection, text) => Queue.offerUnsafe(special, text))
      const client = yield* openClient(yield* startListening)
      client.ws.send(`{"type":"special"}`)
      client.ws.send(`{"type":"other"}`)
      assert.strictEqual(yield* Queue.take(special), `{"type":"special"}`)
      assert.strictEqual(yield* text, `{"type":"other"}`)
      yield* socket.routeMessage(yield* connection, `{"type":"special"}`)
      assert.strictEqual(yield* Queue.take(special), `{"type":"special"}`)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SOC1] an address in use is a typed failure", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const second = SocketWs.layer({ ...engineOptions, port: Number(new URL(url).port) }).pipe(
        Layer.provide(Layer.fresh(HttpListener.layer))
      )
      const error = yield* Effect.flip(
        Effect.flatMap(Socket, (socket) => socket.start).pipe(
          Effect.provide(Layer.fresh(second))
        )
      )
      assert.deepInclude(error.reason, { _tag: "ListenFailed", code: "EADDRINUSE" })
    }).pipe(Effect.provide(wsEngine())))
})

describe("large messages that connections share", () => {
  /** More than the kernel's buffers hold. */
  const largeState = Array.from({ length: 400 }, (_, n) => `${n} ${"€".repeat(10_000)}`)
  const shared = encodeJson(largeState)
  const makeLargeFrame = (n: number) =>
    makeFrame({ type: "subscribed", payload: { n }, field: "state", json: shared }, { id: "1", timestamp: n }, {
      _tag: "Reply"
    })

  it.effect("[CON8] arrive whole and in order, and pings pass between their fragments", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const client = yield* openClient(yield* startListening)
      const server = yield* connection
      client.ws.pause()
      server.deliver(makeLargeFrame(1))
      server.deliver({ text: JSON.stringify({ type: "after", payload: {} }), lane: { _tag: "Reply" } })
      const ping = yield* Effect.forkChild(server.ping, { startImmediately: true })
      client.ws.resume()
      yield* Fiber.join(ping)
      const large = yield* client.next
      assert.deepStrictEqual([large.payload["n"], large.payload["state"]], [1, largeState])
      assert.strictEqual((yield* client.next).type, "after")
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[CON8] [SEC27] are not copied for a peer that does not read; beyond the budget of all peers the slowest is closed", () =>
    Effect.gen(function*() {
      const { connection, end } = yield* recordEvents
      const socket = yield* Socket
      const budget = yield* OutboundBudget.OutboundBudget
      const url = yield* startListening
      const [slow, slower] = yield* Effect.replicateEffect(openClient(url), 2)
      const [toSlow, toSlower] = [yield* connection, yield* connection]
      slow!.ws.pause()
      slower!.ws.pause()
      const waitUntilFull = (server: typeof toSlow) =>
        Effect.repeat(Effect.sync(() => server.bufferedAmount()), { until: (bytes) => bytes > 0 })
      toSlower.deliver(makeLargeFrame(1))
      yield* waitUntilFull(toSlower)
      toSlow.deliver(makeLargeFrame(2))
      yield* waitUntilFull(toSlow)
      // Fragments of both, and the value once.
      assert.isBelow(budget.pendingBytes(), shared.length + 500_000)
      toSlow.deliver({ text: "x".repeat(1_000_000), lane: { _tag: "Reply" } })
      yield* Effect.repeat(Effect.sync(() => budget.pendingBytes()), {
        until: (bytes) => bytes > shared.length + 900_000
      })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* end, closeCode.slowConsumer)
      assert.strictEqual((yield* socket.getAllConnections)[0], toSlow)
    }).pipe(Effect.provide(
      wsEngine().pipe(
        Layer.provideMerge(OutboundBudget.layer({ outboxTotal: shared.length + 800_000 }))
      )
    )))
})
