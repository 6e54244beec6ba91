/** Slow lines: a ping stands behind all that was sent before it, so that its answer may be long in coming. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Socket } from "node:net"
import { connect } from "node:tls"
import { closeCode } from "../../../../src/domain/connection/CloseCode.ts"
import { defaults } from "../../../../src/domain/protocol/Limits.ts"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as SocketEngine from "../../../../src/layers/socket/core/SocketEngine.ts"
import * as SocketWs from "../../../../src/layers/socket/ws/SocketWs.ts"
import * as Service from "../../../../src/services/Socket.ts"
import { hasOpenSsl, makeCertificate } from "../../../support/Certificate.ts"
import * as Proof from "../../../support/Proof.ts"
import * as Raw from "../../../support/RawSocket.ts"
import { waitUntil } from "../../../support/RoomClients.ts"
import { startListening } from "../../../support/TestUsers.ts"

const { pingInterval, pongTimeout } = defaults

/** A peer that answers no ping, over a line that the test moves. */
const silentConnection = Effect.gen(function*() {
  const engine = yield* SocketEngine.make({
    limits: defaults,
    capabilities: ["ping", "backpressure"],
    nextId: () => "one",
    runAfterTurn: (task) => task()
  })
  const line = { unsent: 0, code: undefined as number | undefined, pings: 0 }
  const port = engine.accept({
    write: () => {},
    unsentBytes: () => line.unsent,
    ping: () => void (line.pings += 1),
    close: (code) => {
      line.code = code
    },
    terminate: () => {}
  }, { address: "", origin: "", userAgent: "" })
  return { line, port }
})

describe("a slow line", () => {
  it.effect("[CON3] who takes some of what waits in every half minute is alive, without a pong", () =>
    Effect.gen(function*() {
      const { line } = yield* silentConnection
      line.unsent = 1_000_000
      yield* TestClock.adjust(pingInterval)
      for (let i = 0; i < 5; i++) {
        line.unsent -= 8_192
        yield* TestClock.adjust(pingInterval)
      }
      assert.isUndefined(line.code)
      // The last of it has left for the network, where it takes its time as well.
      line.unsent = 0
      yield* TestClock.adjust(pingInterval)
      assert.isUndefined(line.code)
      const { pings } = line
      yield* TestClock.adjust(pingInterval)
      assert.strictEqual(line.pings, pings + 1)
      yield* TestClock.adjust(pongTimeout)
      assert.strictEqual(line.code, closeCode.noPong)
    }))

  it.effect("[CON3] who takes nothing of it is not", () =>
    Effect.gen(function*() {
      const { line } = yield* silentConnection
      line.unsent = 1_000_000
      yield* TestClock.adjust(2 * pingInterval + pongTimeout)
      assert.strictEqual(line.code, closeCode.noPong)
    }))

  it.effect("[CON3] nor is who is sent more and more, whatever the kernel takes of it", () =>
    Effect.gen(function*() {
      const { line } = yield* silentConnection
      for (let i = 0; i < 2 * pingInterval + pongTimeout; i += 1_000) {
        line.unsent += 100
        yield* TestClock.adjust(1_000)
      }
      assert.strictEqual(line.code, closeCode.noPong)
    }))
})

/** Far more than the kernels of both sides take. */
const largeTextBytes = 48 * 1_048_576

const connectTls = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", rejectUnauthorized: false })
      socket.once("secureConnect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** With and without TLS. */
const listenerLayer = (tls: boolean) =>
  tls
    ? Layer.unwrap(Effect.map(makeCertificate(), (files) => HttpListener.layerTls(files, defaults))).pipe(
      Layer.provide(NodeServices.layer)
    )
    : HttpListener.layer

const engineLayer = (tls: boolean) =>
  SocketWs.layer({
    host: "127.0.0.1",
    port: 0,
    limits: { ...defaults, pingInterval: 500, pongTimeout: 2_500 },
    admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
  }).pipe(Layer.provide(listenerLayer(tls)))

/** A peer that was sent one large text, its bytes to be read by hand; and the code of its end. */
const connectReader = Effect.fnUntraced(function*(tls: boolean) {
  const socket = yield* Service.Socket
  const ended = yield* Deferred.make<number>()
  yield* socket.onConnection((connection) =>
    connection.deliver({ text: "x".repeat(largeTextBytes), lane: { _tag: "Reply" } })
  )
  yield* socket.onDisconnection((_connection, code) => Deferred.doneUnsafe(ended, Effect.succeed(code)))
  const tcp = yield* tls ? connectTls(yield* startListening) : Raw.connectTcp(yield* startListening)
  tcp.write(Raw.upgradeRequest("/ws"))
  const heard = { bytes: 0 }
  const read = () => {
    const chunk: unknown = tcp.read()
    if (Buffer.isBuffer(chunk)) heard.bytes += chunk.length
  }
  return { tcp, heard, read, ended }
})

describe("a slow reader on a network", () => {
  it.live.each([false, ...Proof.outcomeOf(Proof.openSsl(hasOpenSsl)) === "skip" ? [] : [true]])(
    "[CON3] [CON8] hears a large copy to its end, though that takes longer than a pong may (TLS: %s)",
    (tls) =>
      Effect.gen(function*() {
        const { ended, heard, read, tcp } = yield* connectReader(tls)
        for (let i = 0; i < 450; i++) {
          read()
          yield* Effect.sleep(8)
        }
        assert.isBelow(heard.bytes, largeTextBytes)
        assert.isFalse(yield* Deferred.isDone(ended))
        tcp.on("data", (chunk: Buffer) => void (heard.bytes += chunk.length))
        yield* waitUntil(() => heard.bytes > largeTextBytes)
      }).pipe(Effect.scoped, Effect.provide(engineLayer(tls)))
  )

  it.live("[CON3] is given up when it reads no more", () =>
    Effect.gen(function*() {
      const { ended, heard, read } = yield* connectReader(false)
      read()
      assert.strictEqual(yield* Deferred.await(ended), closeCode.noPong)
      assert.isBelow(heard.bytes, largeTextBytes)
    }).pipe(Effect.scoped, Effect.provide(engineLayer(false))))
})
