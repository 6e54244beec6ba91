/** Admission of upgrades over HTTP (AUT6, SEC6, SEC24). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { openClient, type RawClient, startListening } from "../../support/TestUsers.ts"
import { recordEvents, wsEngine } from "../socket/ws/SocketWsFixture.ts"

const rejectionStatus = (client: Effect.Effect<RawClient, number, Scope.Scope>) => Effect.flip(client)

describe("admission of upgrades", () => {
  it.effect.each([
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://choir.test.evil.example" },
    { origin: "http://evil-choir.test" },
    { origin: "HTTP://choir.test" },
    { origin: "http://choir.test:81" },
    { origin: "https://choir.test" }
  ])(
    "[AUT6] [SEC6] the origin $origin is rejected with 403 before the upgrade",
    ({ origin }) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* rejectionStatus(openClient(yield* startListening, { origin })), 403)
      }).pipe(Effect.provide(wsEngine({ admission: { origins: ["http://choir.test"] } })))
  )

  it.effect("[AUT6] the same origin and requests without an origin are admitted by default", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      yield* openClient(url, { origin: url.replace("ws:", "http:").replace("/ws", "") })
      yield* openClient(url)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SEC6] requests without an origin can be rejected", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* rejectionStatus(openClient(yield* startListening)), 403)
    }).pipe(Effect.provide(wsEngine({ admission: { nativeClients: false } }))))

  it.effect("[SEC6] a DNS name that points at the server is not the same origin", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const options = { origin: "http://rebound.example", headers: { host: "rebound.example" } }
      assert.strictEqual(yield* rejectionStatus(openClient(url, options)), 403)
    }).pipe(Effect.provide(wsEngine())))

  it.effect("[SYN1] an unknown subprotocol or path is rejected", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      assert.strictEqual(yield* rejectionStatus(openClient(url, {}, "choir.v9.json")), 400)
      assert.strictEqual(yield* rejectionStatus(openClient(url.replace("/ws", "/other"))), 404)
    }).pipe(Effect.provide(wsEngine())))
})

describe("connection quotas", () => {
  it.effect("[SEC24] connections of one address are limited, and released when they end", () =>
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

  it.effect("[SEC24] connections in all are limited, and released when they end", () =>
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

  it.effect("[SEC24] behind a trusted proxy connections are counted by the client's address", () =>
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

  it.effect("[SEC24] [OPS9] the header of a peer that is no trusted proxy is ignored", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const from = (address: string) => openClient(url, { headers: { "x-forwarded-for": address } })
      yield* from("203.0.113.1")
      assert.strictEqual(yield* rejectionStatus(from("203.0.113.2")), 429)
    }).pipe(Effect.provide(
      wsEngine({ limits: { connectionsPerAddress: 1 }, admission: { trustedProxies: ["127.0.0.2"] } })
    )))
})
