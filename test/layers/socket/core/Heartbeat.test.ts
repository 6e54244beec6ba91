/** Heartbeats of slow connections: a ping is queued behind unsent bytes, so that its pong may be late (CON3). */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Socket } from "node:net"
import { connect } from "node:tls"
import { closeCode } from "../../../../src/domain/connection/CloseCode.ts"
import { defaults } from "../../../../src/domain/protocol/Limits.ts"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as TimerWheel from "../../../../src/layers/runtime/TimerWheel.ts"
import * as SocketEngine from "../../../../src/layers/socket/core/SocketEngine.ts"
import * as SocketWs from "../../../../src/layers/socket/ws/SocketWs.ts"
import * as Service from "../../../../src/services/Socket.ts"
import { hasOpenSsl, makeCertificate } from "../../../support/Certificate.ts"
import * as Prerequisite from "../../../support/Prerequisite.ts"
import * as RawSocket from "../../../support/RawSocket.ts"
import { waitUntil } from "../../../support/RoomClients.ts"
import { engineOptions, startListening } from "../../../support/TestUsers.ts"

const { pingInterval, pongTimeout } = defaults

const makeEngine = SocketEngine.make({
  limits: defaults,
  capabilities: ["ping", "backpressure"],
  runAfterTurn: (task) => task()
})

/** A peer that answers neither a ping nor a close, over a transport whose progress the test controls. */
const silentConnection = Effect.gen(function*() {
  const engine = yield* makeEngine
  const state = { unsent: 0, code: undefined as number | undefined, pings: 0, terminated: false }
  const events = engine.accept({
    write: () => {},
    unsentBytes: () => state.unsent,
    ping: () => void (state.pings += 1),
    close: (code) => {
      state.code = code
    },
    terminate: () => {
      state.terminated = true
    }
  }, { address: "", origin: "", userAgent: "" })
  return { state, events }
})

describe("the heartbeat of a slow transport", () => {
  it.effect("[CON3] a peer that takes unsent bytes in every interval stays connected without a pong", () =>
    Effect.gen(function*() {
      const { state } = yield* silentConnection
      state.unsent = 1_000_000
      yield* TestClock.adjust(pingInterval)
      for (let i = 0; i < 5; i++) {
        state.unsent -= 8_192
        yield* TestClock.adjust(pingInterval)
      }
      assert.isUndefined(state.code)
      // The last bytes may still be on their way through the network.
      state.unsent = 0
      yield* TestClock.adjust(pingInterval)
      assert.isUndefined(state.code)
      const { pings } = state
      yield* TestClock.adjust(pingInterval)
      assert.strictEqual(state.pings, pings + 1)
      yield* TestClock.adjust(pongTimeout)
      assert.strictEqual(state.code, closeCode.noPong)
    }))

  it.effect("[CON3] a peer that takes nothing is closed", () =>
    Effect.gen(function*() {
      const { state } = yield* silentConnection
      state.unsent = 1_000_000
      yield* TestClock.adjust(2 * pingInterval + pongTimeout)
      assert.strictEqual(state.code, closeCode.noPong)
    }))

  it.effect("[CON3] a growing send buffer is no progress", () =>
    Effect.gen(function*() {
      const { state } = yield* silentConnection
      for (let i = 0; i < 2 * pingInterval + pongTimeout; i += 1_000) {
        state.unsent += 100
        yield* TestClock.adjust(1_000)
      }
      assert.strictEqual(state.code, closeCode.noPong)
    }))

  it.live("[CON3] a hundred connections share the timer of the first one", () =>
    Effect.gen(function*() {
      const engine = yield* makeEngine
      const accept = () =>
        engine.accept({ write: () => {}, unsentBytes: () => 0, close: () => {}, terminate: () => {} }, {
          address: "",
          origin: "",
          userAgent: ""
        })
      const countTimers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length
      accept()
      const before = countTimers()
      for (let n = 0; n < 100; n++) accept()
      assert.strictEqual(countTimers(), before)
    }))

  it.effect("[SEC27] [FLT9] a peer that reads nothing is closed above 1 MiB at once, and terminated a second later", () =>
    Effect.gen(function*() {
      const { events, state } = yield* silentConnection
      state.unsent = defaults.outboxMax
      events.connection.deliver({ text: "1", lane: { _tag: "Reply" } })
      assert.isUndefined(state.code)
      state.unsent += 1
      events.connection.deliver({ text: "2", lane: { _tag: "Reply" } })
      assert.strictEqual(state.code, closeCode.slowConsumer)
      yield* TestClock.adjust(999)
      assert.isFalse(state.terminated)
      yield* TestClock.adjust(TimerWheel.defaultTickMillis)
      assert.isTrue(state.terminated)
    }))
})

/** More than the kernels of both sides buffer. */
const largeTextBytes = 48 * 1_048_576

const connectTls = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", rejectUnauthorized: false })
      socket.once("secureConnect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** A listener with or without TLS. */
const listenerLayer = (tls: boolean) =>
  tls
    ? Layer.unwrap(Effect.map(makeCertificate(), (files) => HttpListener.layerTls(files, defaults))).pipe(
      Layer.provide(NodeServices.layer)
    )
    : HttpListener.layer

const engineLayer = (tls: boolean) =>
  SocketWs.layer({ ...engineOptions, limits: { ...defaults, pingInterval: 500, pongTimeout: 2_500 } }).pipe(
    Layer.provide(listenerLayer(tls))
  )

/** A peer that is sent one large text and reads under the control of the test; and its close code. */
const connectReader = Effect.fnUntraced(function*(tls: boolean) {
  const socket = yield* Service.Socket
  const ended = yield* Deferred.make<number>()
  yield* socket.onConnection((connection) =>
    connection.deliver({ text: "x".repeat(largeTextBytes), lane: { _tag: "Reply" } })
  )
  yield* socket.onDisconnection((_connection, code) => Deferred.doneUnsafe(ended, Effect.succeed(code)))
  const tcp = yield* tls ? connectTls(yield* startListening) : RawSocket.connectTcp(yield* startListening)
  tcp.write(RawSocket.upgradeRequest("/ws"))
  const received = { bytes: 0 }
  const read = () => {
    const chunk: unknown = tcp.read()
    if (Buffer.isBuffer(chunk)) received.bytes += chunk.length
  }
  return { tcp, received, read, ended }
})

/** Reads a large text for longer than the pong timeout, then its rest: the connection stays open. */
const readSlowly = (tls: boolean) =>
  Effect.gen(function*() {
    const { ended, received, read, tcp } = yield* connectReader(tls)
    for (let i = 0; i < 450; i++) {
      read()
      yield* Effect.sleep(8)
    }
    assert.isBelow(received.bytes, largeTextBytes)
    assert.isFalse(yield* Deferred.isDone(ended))
    tcp.on("data", (chunk: Buffer) => void (received.bytes += chunk.length))
    yield* waitUntil(() => received.bytes > largeTextBytes)
  }).pipe(Effect.scoped, Effect.provide(engineLayer(tls)))

describe("the heartbeat of a slow reader on a network", () => {
  it.live("[CON3] [CON8] reading a large message may take longer than the pong timeout", () => readSlowly(false))

  Prerequisite.describeWith(Prerequisite.openSsl(hasOpenSsl), "over TLS", () => {
    it.live("[CON3] [CON8] reading a large message may take longer than the pong timeout", () => readSlowly(true))
  })

  it.live("[CON3] a reader that stops reading is closed", () =>
    Effect.gen(function*() {
      const { ended, received, read } = yield* connectReader(false)
      read()
      assert.strictEqual(yield* Deferred.await(ended), closeCode.noPong)
      assert.isBelow(received.bytes, largeTextBytes)
    }).pipe(Effect.scoped, Effect.provide(engineLayer(false))))
})
