/** Limits of TCP connections (SEC24), with sockets of several loopback addresses. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, type Scope } from "effect"
import { HttpRouter } from "effect/http"
import type { AddressInfo, Socket } from "node:net"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as HttpApp from "../../../src/layers/http/HttpApp.ts"
import * as Readiness from "../../../src/layers/http/Readiness.ts"
import * as HttpListener from "../../../src/layers/net/HttpListener.ts"
import * as RawSocket from "../../support/RawSocket.ts"

/** A server that allows two connections per address; its URL. */
const serve = Effect.fnUntraced(function*(trustedProxies: ReadonlyArray<string> = []) {
  const context = yield* Layer.build(
    HttpApp.layer({
      webRoot: "none",
      limits: { ...defaults, connectionsPerAddress: 1 },
      trustedProxies,
      metrics: { access: "off", token: null },
      extraRoutes: HttpRouter.add("GET", "/wait", Effect.never)
    }).pipe(Layer.provideMerge(HttpListener.layer), Layer.provide(Readiness.layer))
  )
  return yield* Effect.gen(function*() {
    const listener = yield* HttpListener.HttpListener
    yield* Effect.callback<void>((resume) => void listener.listen(0, "127.0.0.1", () => resume(Effect.void)))
    return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  }).pipe(Effect.provide(context))
})

/** Everything that a connection receives, until it is closed. */
const received = (socket: Socket): Effect.Effect<string> =>
  Effect.callback((resume) => {
    let text = ""
    socket.on("data", (chunk) => text += chunk.toString("latin1"))
    socket.once("close", () => resume(Effect.succeed(text)))
  })

/** The status of a request on a connection of its own, which stays open. */
const request = Effect.fnUntraced(function*(url: string, localAddress: string, forwardedFor?: string) {
  const socket = yield* RawSocket.connectTcp(url, localAddress)
  const headers = forwardedFor === undefined ? "" : `X-Forwarded-For: ${forwardedFor}\r\n`
  socket.write(`GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`)
  const status = yield* Effect.callback<string>((resume) =>
    void socket.once("data", (chunk) => resume(Effect.succeed(chunk.toString("latin1").split(" ")[1]!)))
  )
  return { socket, status }
})

const test = (title: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) => it.live(title, body)

describe("connections of one address", () => {
  test("[SEC24] are counted from the first moment on, silent ones as well, and released when they end", () =>
    Effect.gen(function*() {
      const url = yield* serve()
      const silent = yield* RawSocket.connectTcp(url, "127.0.0.2")
      // Keep-alive: the connection stays open.
      assert.strictEqual((yield* request(url, "127.0.0.2")).status, "200")
      const rejected = yield* RawSocket.connectTcp(url, "127.0.0.2")
      assert.match(yield* received(rejected), /^HTTP\/1.1 429 /)
      assert.strictEqual((yield* request(url, "127.0.0.3")).status, "200")
      silent.destroy()
      yield* Effect.repeat(request(url, "127.0.0.2"), { until: ({ status }) => status === "200" })
    }))

  test("[SEC24] of a trusted proxy are not counted: its requests are, by the address that it forwards", () =>
    Effect.gen(function*() {
      const url = yield* serve(["127.0.0.2"])
      for (let n = 0; n < 2; n++) {
        const waiting = yield* RawSocket.connectTcp(url, "127.0.0.2")
        waiting.write("GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
      }
      yield* Effect.repeat(request(url, "127.0.0.2", "192.0.2.1"), { until: ({ status }) => status === "429" })
      assert.strictEqual((yield* request(url, "127.0.0.2", "192.0.2.2")).status, "200")
    }))
})
