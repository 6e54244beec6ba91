import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as HttpListener from "../../../../src/layers/net/HttpListener.ts"
import * as SocketUws from "../../../../src/layers/socket/uws/SocketUws.ts"
import { engineOptions, openClient, startListening } from "../../../support/TestUsers.ts"
import { uwsFake } from "../../../support/UwsFake.ts"

const engine = (options: Partial<SocketUws.UwsOptions>, trustedProxies: ReadonlyArray<string> = []) =>
  SocketUws.layer({
    ...engineOptions,
    admission: { ...engineOptions.admission, trustedProxies },
    ...options
  }, Effect.succeed(uwsFake)).pipe(Layer.provideMerge(HttpListener.layer))

const tls = { cert: "cert.pem", key: "key.pem" }

/** The engine's own origin, by this scheme. */
const ownOrigin = (scheme: "http" | "https", url: string) => url.replace("ws:", `${scheme}:`).replace("/ws", "")

describe("SocketUws", () => {
  it.live("[AUT6] with a certificate, the same origin is an https one", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      yield* openClient(url, { origin: ownOrigin("https", url) })
      assert.strictEqual(yield* Effect.flip(openClient(url, { origin: ownOrigin("http", url) })), 403)
    }).pipe(Effect.scoped, Effect.provide(engine({ tls }))))

  it.live("[AUT6] [OPS9] behind a trusted proxy with TLS, the same origin is an https one", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const headers = { "x-forwarded-proto": "https" }
      yield* openClient(url, { origin: ownOrigin("https", url), headers })
      assert.strictEqual(yield* Effect.flip(openClient(url, { origin: ownOrigin("http", url), headers })), 403)
    }).pipe(Effect.scoped, Effect.provide(engine({}, ["127.0.0.1"]))))

  it.live("[OPS9] with a certificate, forwarded requests count as encrypted", () =>
    Effect.gen(function*() {
      const server = yield* HttpListener.HttpListener
      server.on("request", ({ socket }, response) => response.end(String("encrypted" in socket && socket.encrypted)))
      const url = ownOrigin("http", yield* startListening)
      assert.strictEqual(yield* Effect.promise(() => fetch(url).then((response) => response.text())), "true")
    }).pipe(Effect.scoped, Effect.provide(engine({ tls }))))
})
