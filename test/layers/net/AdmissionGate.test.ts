/** Who is let in to upgrade, on the wire (AUT6, SEC6, SEC24). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { openClient, type RawClient, startListening } from "../../support/TestUsers.ts"
import { recordEvents, wsEngine } from "../socket/ws/SocketWsFixture.ts"

const rejectionStatus = (client: Effect.Effect<RawClient, number, Scope.Scope>) => Effect.flip(client)

describe("who may connect", () => {
  it.effect.each([
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://choir.test.evil.example" },
    { origin: "http://evil-choir.test" },
    { origin: "HTTP://choir.test" },
    { origin: "http://choir.test:81" },
    { origin: "https://choir.test" }
  ])("[AUT6] [SEC6] $origin is turned away before the upgrade", ({ origin }) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* rejectionStatus(openClient(yield* startListening, { origin })), 403)
    }).pipe(Effect.provide(wsEngine({ admission: { origins: ["http://choir.test"] } }))))

  it.effect("[AUT6] an allowed origin, its own origin and, when wanted, no origin are let in", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      yield* openClient(url, { origin: url.replace("ws:", "http:").replace("/ws", "") })
      yield* openClient(url)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC6] native clients can be kept out", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* rejectionStatus(openClient(yield* startListening)), 403)
    }).pipe(Effect.provide(wsEngine({ admission: { nativeClients: false } }))))

  it.effect("[SEC6] a name that points here is not the same origin", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const options = { origin: "http://rebound.example", headers: { host: "rebound.example" } }
      assert.strictEqual(yield* rejectionStatus(openClient(url, options)), 403)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SYN1] an unknown subprotocol or path is refused", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      assert.strictEqual(yield* rejectionStatus(openClient(url, {}, "choir.v9.json")), 400)
      assert.strictEqual(yield* rejectionStatus(openClient(url.replace("/ws", "/other"))), 404)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC24] one address has only so many connections, and gets its places back", () =>
    Effect.gen(function*() {
      const { end } = yield* recordEvents
      const url = yield* startListening
      const first = yield* openClient(url)
      yield* openClient(url)
      assert.strictEqual(yield* rejectionStatus(openClient(url)), 429)
      first.ws.close()
      yield* end
      yield* openClient(url)
    }).pipe(Effect.provide(wsEngine({ limits: { connectionsPerAddress: 2 } }))))

  it.effect("[SEC24] and so has the server, wherever they come from", () =>
    Effect.gen(function*() {
      const { end } = yield* recordEvents
      const url = yield* startListening
      const from = (address: string) => openClient(url, { localAddress: address })
      const first = yield* from("127.0.0.2")
      yield* from("127.0.0.3")
      assert.strictEqual(yield* rejectionStatus(from("127.0.0.4")), 429)
      first.ws.close()
      yield* end
      yield* from("127.0.0.4")
    }).pipe(Effect.provide(wsEngine({ limits: { connections: 2 } }))))

  it.effect("[SEC24] behind a trusted proxy the client's own address counts", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const from = (address: string) => openClient(url, { headers: { "x-forwarded-for": address } })
      yield* from("203.0.113.1")
      yield* from("203.0.113.2")
      assert.strictEqual(yield* rejectionStatus(from("203.0.113.1")), 429)
      yield* from("2001:db8:1:2::1")
      assert.strictEqual(yield* rejectionStatus(from("2001:db8:1:2:3::9")), 429)
    }).pipe(Effect.provide(
      wsEngine({ limits: { connectionsPerAddress: 1 }, admission: { trustedProxies: ["127.0.0.1"] } })
    )))
})
