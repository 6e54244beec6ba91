/** Plain HTTP through a fake of uWebSockets.js to the process's HTTP server, which does not listen itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { request } from "node:http"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as SocketUws from "../../../../src/layers/socket/uws/SocketUws.ts"
import { formatAddress } from "../../../../src/layers/socket/uws/UwsApi.ts"
import { Socket } from "../../../../src/services/Socket.ts"
import { engineOptions } from "../../../support/TestUsers.ts"
import { uwsFake } from "../../../support/UwsFake.ts"

const engine = SocketUws.layer(engineOptions, Effect.succeed(uwsFake)).pipe(Layer.provideMerge(HttpListener.layer))

/** Starts the engine in front of a server that echoes requests; the URL of the engine. */
const startServer = Effect.gen(function*() {
  const server = yield* HttpListener.HttpListener
  server.on("request", (request, response) => {
    const { method, socket, url } = request
    response.setHeader("set-cookie", ["a=1", "b=2"])
    response.setHeader(
      "x-request",
      JSON.stringify({ method, url, from: socket.remoteAddress, host: request.headers.host })
    )
    if (url === "/large") return void response.end("x".repeat(4_000_000))
    if (url === "/broken") return void socket.destroy()
    response.statusCode = url === "/none" ? 404 : 200
    request.pipe(response)
  })
  const { port } = yield* Effect.flatMap(Socket, (socket) => socket.start)
  assert.isFalse(server.listening)
  return `http://127.0.0.1:${port}`
})

const get = (url: string, options?: RequestInit) =>
  Effect.promise(() => fetch(url, options).then((response) => response.text().then((text) => ({ response, text }))))

describe("UwsHttpBridge", () => {
  it.live("[SOC3] a request and its response are forwarded completely: method, query, bodies, status, headers, client address", () =>
    Effect.gen(function*() {
      const url = yield* startServer
      const { response, text } = yield* get(`${url}/some/path?a=1&b=%20`, { method: "POST", body: "y".repeat(500_000) })
      assert.strictEqual(response.status, 200)
      assert.lengthOf(text, 500_000)
      assert.deepStrictEqual<unknown>(JSON.parse(response.headers.get("x-request") ?? ""), {
        method: "POST",
        url: "/some/path?a=1&b=%20",
        from: "127.0.0.1",
        host: url.replace("http://", "")
      })
      assert.deepStrictEqual(response.headers.getSetCookie(), ["a=1", "b=2"])
      assert.strictEqual((yield* get(`${url}/none`)).response.status, 404)
      assert.lengthOf((yield* get(`${url}/large`)).text, 4_000_000)
      assert.strictEqual((yield* get(`${url}/head`, { method: "HEAD" })).text, "")
    }).pipe(Effect.provide(engine)))

  it.live("[SOC3] a failed response is a 502, and the next request is served", () =>
    Effect.gen(function*() {
      const url = yield* startServer
      assert.strictEqual((yield* get(`${url}/broken`)).response.status, 502)
      assert.strictEqual((yield* get(url)).response.status, 200)
    }).pipe(Effect.provide(engine)))

  it.live("[SOC3] a client that aborts a response does not affect the next request", () =>
    Effect.gen(function*() {
      const url = yield* startServer
      yield* Effect.callback<void>((resume) => {
        const aborted = request(`${url}/large`, (response) => {
          response.once("data", () => {
            aborted.destroy()
            resume(Effect.void)
          })
        })
        aborted.on("error", () => {})
        aborted.end()
      })
      assert.strictEqual((yield* get(url)).response.status, 200)
    }).pipe(Effect.provide(engine)))

  it("IP addresses are formatted from their bytes", () => {
    const text = (...bytes: ReadonlyArray<number>) => formatAddress(new Uint8Array(bytes).buffer)
    const zeros = Array.from({ length: 10 }, () => 0)
    assert.strictEqual(text(127, 0, 0, 1), "127.0.0.1")
    assert.strictEqual(text(...zeros, 0xff, 0xff, 192, 0, 2, 7), "192.0.2.7")
    assert.strictEqual(text(0x20, 1, 0xd, 0xb8, ...zeros, 0, 1), "2001:db8:0:0:0:0:0:1")
  })
})
