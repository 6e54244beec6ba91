import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Queue } from "effect"
import { TestClock } from "effect/testing"
import { connect as connectTcp } from "node:net"
import { closeCode } from "../../../../src/domain/connection/CloseCode.ts"
import { TopicId } from "../../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../../src/domain/protocol/Limits.ts"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as SocketWs from "../../../../src/layers/socket/ws/SocketWs.ts"
import type { OutboundFrame } from "../../../../src/services/OutboundFrame.ts"
import { type CoalescedTopics, Socket } from "../../../../src/services/Socket.ts"
import { openClient, startListening } from "../../../support/TestUsers.ts"
import { recordEvents, wsEngine } from "./SocketWsFixture.ts"

describe("what comes in", () => {
  it.effect("[SEC12] 64 KB are heard, one byte more closes with 1009", () =>
    Effect.gen(function*() {
      const { text } = yield* recordEvents
      const client = yield* openClient(yield* startListening)
      client.ws.send("x".repeat(65_536))
      assert.strictEqual((yield* text).length, 65_536)
      client.ws.send("x".repeat(65_537))
      assert.strictEqual(yield* client.closed, closeCode.tooLarge)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC13] a message in a thousand pieces is cut", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      for (let i = 0; i < 100; i++) client.ws.send("x", { fin: false })
      assert.strictEqual(yield* client.closed, 1008)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC15] compression is not agreed to; binary is not understood", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening, { perMessageDeflate: true })
      assert.strictEqual(client.ws.extensions, "")
      client.ws.send(Buffer.from("x"), { binary: true })
      assert.strictEqual(yield* client.closed, closeCode.unsupportedData)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC21] broken frames end their connection and nothing else", () =>
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
  it.effect("[CON3] [CON6] who does not answer a ping within five seconds hears goodbye and is closed with 4012", () =>
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

  it.effect("[CON3] any frame counts as life, a pong as well as a message", () =>
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

  it.effect("[SOC2] ping measures the round trip, and fails when the peer goes", () =>
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

describe("what goes out", () => {
  it.effect("[SYN9] the frames of a turn arrive in order, and one encoding serves all", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const url = yield* startListening
      const clients = [yield* openClient(url), yield* openClient(url)]
      const connections = [yield* connection, yield* connection]
      const frames = [1, 2, 3].map((n): OutboundFrame => ({ text: `{"n":${n}}`, lane: { _tag: "Reply" } }))
      for (const frame of frames) for (const one of connections) one.deliver(frame)
      for (const client of clients) {
        for (const n of [1, 2, 3]) assert.deepStrictEqual<unknown>(yield* client.next, { n })
      }
      assert.isTrue(frames.every((frame) => frame.encoded !== undefined))
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SYN9] a turn is one write per socket, and sockets with the same frames share its bytes", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const writes: Array<unknown> = []
      const server = yield* HttpListener.HttpListener
      server.prependListener("upgrade", (_request, raw) => {
        const write = raw.write.bind(raw)
        raw.write = (chunk: unknown) => {
          writes.push(chunk)
          return write(chunk)
        }
      })
      const url = yield* startListening
      const clients = [yield* openClient(url), yield* openClient(url)]
      const connections = [yield* connection, yield* connection]
      writes.length = 0
      for (const n of [1, 2, 3]) {
        const frame: OutboundFrame = { text: `{"n":${n}}`, lane: { _tag: "Reply" } }
        for (const one of connections) one.deliver(frame)
      }
      for (const client of clients) yield* Effect.replicateEffect(client.next, 3)
      assert.lengthOf(writes, 2)
      assert.strictEqual(writes[0], writes[1])
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[CON8] a slow client is folded, then catches up; the latest signal reaches it", () =>
    Effect.gen(function*() {
      const { connection } = yield* recordEvents
      const drained = yield* Queue.unbounded<CoalescedTopics>()
      const socket = yield* Socket
      yield* socket.onDrained((_connection, folded) => Queue.offerUnsafe(drained, folded))
      const client = yield* openClient(yield* startListening)
      const one = yield* connection
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
      for (let seq = 1; seq <= 100; seq++) one.deliver(delta(seq))
      for (let value = 1; value <= 50; value++) one.deliver(cursor(value))
      assert.isBelow(one.bufferedAmount(), defaults.outboxFold + 10_200)
      client.ws.resume()
      const first = (yield* Queue.take(drained)).get(topic)!
      assert.deepInclude(first.lane, { topic })
      one.deliver(delta(101))
      one.uncoalesce(topic)
      one.deliver(delta(102))
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

  it.effect("[CON6] [CON8] [SEC27] above 1 MiB of answers the connection is given up, resumably, with a goodbye", () =>
    Effect.gen(function*() {
      const { connection, end } = yield* recordEvents
      const client = yield* openClient(yield* startListening)
      const one = yield* connection
      client.ws.pause()
      for (let i = 0; i < 120; i++) one.deliver({ text: `"${"x".repeat(10_000)}"`, lane: { _tag: "Reply" } })
      client.ws.resume()
      // CON6: behind everything that waited.
      assert.deepInclude((yield* client.nextOf("goodbye")).payload, { code: closeCode.slowConsumer, resume: true })
      assert.strictEqual(yield* client.closed, closeCode.slowConsumer)
      assert.strictEqual(yield* end, closeCode.slowConsumer)
    }).pipe(Effect.provide(wsEngine())))
})

describe("the contract", () => {
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
      const [one, two] = [yield* connection, yield* connection]
      assert.strictEqual(yield* socket.getConnectionCount, 2)
      assert.sameMembers([...(yield* socket.getAllConnections)], [one, two])
      assert.strictEqual(yield* socket.getConnection(one.id), one)
      yield* socket.send(one.id, "1")
      assert.strictEqual<unknown>(yield* a.next, 1)
      assert.strictEqual(yield* socket.broadcast("2", (connection) => connection === two), 1)
      assert.strictEqual<unknown>(yield* b.next, 2)
      yield* socket.closeConnection(one.id, closeCode.normal, "bye")
      assert.strictEqual(yield* a.closed, closeCode.normal)
      yield* socket.stop
      assert.strictEqual(yield* b.closed, closeCode.restart)
      assert.isFalse(yield* socket.isRunning)
      assert.strictEqual((yield* Effect.flip(socket.send(one.id, "x"))).reason._tag, "ConnectionNotFound")
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SOC1] a handler of a type takes its messages from the one for all", () =>
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

  it.effect("[SOC1] an address that is taken is a typed failure", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const second = SocketWs.layer({
        host: "127.0.0.1",
        port: Number(new URL(url).port),
        limits: defaults,
        admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
      }).pipe(Layer.provide(Layer.fresh(HttpListener.layer)))
      const error = yield* Effect.flip(
        Effect.flatMap(Socket, (socket) => socket.start).pipe(
          Effect.provide(Layer.fresh(second))
        )
      )
      assert.deepInclude(error.reason, { _tag: "ListenFailed", code: "EADDRINUSE" })
    }).pipe(Effect.provide(wsEngine())))
})
