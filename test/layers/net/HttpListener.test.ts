/** Requests with an `Upgrade` header, as HTTP/2 clients and old proxies send them. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { startInProcessServer } from "../../support/InProcessServer.ts"
import * as RawSocket from "../../support/RawSocket.ts"

class LiveServer
  extends Context.Service<LiveServer, { readonly url: string }>()("choir/test/layers/net/HttpListener.test/LiveServer")
{}

const liveServer = Layer.effect(
  LiveServer,
  Effect.map(startInProcessServer({ CHOIR_METRICS: "public" }), (url) => ({ url }))
)

/** The response to a request with these lines, as text, on a connection that it closes. */
const respond = Effect.fnUntraced(function*(url: string, start: string, lines: ReadonlyArray<string>, body = "") {
  const socket = yield* RawSocket.connectTcp(url)
  return yield* Effect.callback<string>((resume) => {
    let text = ""
    socket.on("data", (chunk) => (text += chunk.toString()))
    socket.on("close", () => resume(Effect.succeed(text)))
    socket.write([start, "Host: 127.0.0.1", ...lines, "", body].join("\r\n"))
  })
})

const upgrades = [
  ["Connection: close, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
  ["Connection: close, Upgrade", "Upgrade: TLS/1.0"],
  ["Connection: close, Upgrade", "Upgrade: foo"],
  ["Connection: close, Upgrade", "Upgrade: h2c, websocket"]
]

layer(liveServer, { excludeTestServices: true })("a request with an Upgrade header", (it) => {
  it.effect.each(["/health/live", "/health/ready", "/metrics", "/", "/topics/thread:a/events", "/ws", "/none"])(
    "to another protocol is answered over HTTP/1.1 as without it: %s",
    (path) =>
      Effect.gen(function*() {
        const { url } = yield* LiveServer
        const statusOf = (response: string) => response.slice(0, response.indexOf("\r\n"))
        const plain = statusOf(yield* respond(url, `GET ${path} HTTP/1.1`, ["Connection: close"]))
        assert.match(plain, /^HTTP\/1\.1 [24]\d\d /)
        for (const lines of upgrades) {
          assert.strictEqual(statusOf(yield* respond(url, `GET ${path} HTTP/1.1`, lines)), plain, lines.join())
        }
      }).pipe(Effect.scoped)
  )

  it.effect("to a WebSocket is one on the path of the engine only", () =>
    Effect.gen(function*() {
      const { url } = yield* LiveServer
      assert.match((yield* RawSocket.open(url, "/ws")).upgrade, /^HTTP\/1\.1 101 /)
      assert.match((yield* RawSocket.open(url, "/ws?x=1")).upgrade, /^HTTP\/1\.1 101 /)
      assert.match((yield* RawSocket.open(url, "/health/live")).upgrade, /^HTTP\/1\.1 200 /)
      assert.match((yield* RawSocket.open(url, "/ws/none")).upgrade, /^HTTP\/1\.1 404 /)
    }).pipe(Effect.scoped))

  it.effect("and a body is read to its end", () =>
    Effect.gen(function*() {
      const { url } = yield* LiveServer
      const lines = [...upgrades[0]!, "Content-Length: 5"]
      assert.match(yield* respond(url, "POST /none HTTP/1.1", lines, "hello"), /^HTTP\/1\.1 404 /)
    }).pipe(Effect.scoped))
})
