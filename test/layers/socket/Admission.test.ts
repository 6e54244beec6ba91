/** Who is let in to upgrade, on the wire (AUT6, SEC6, SEC24). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type Client, listening, open } from "../../support/People.ts"
import { engine, listen } from "./WsEngine.ts"

const status = (client: Effect.Effect<Client, number, Scope.Scope>) => Effect.flip(client)

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
      assert.strictEqual(yield* status(open(yield* listening, { origin })), 403)
    }).pipe(Effect.provide(engine({ admission: { origins: ["http://choir.test"] } }))))

  it.effect("[AUT6] an allowed origin, its own origin and, when wanted, no origin are let in", () =>
    Effect.gen(function*() {
      const url = yield* listening
      yield* open(url, { origin: url.replace("ws:", "http:").replace("/ws", "") })
      yield* open(url)
    }).pipe(Effect.provide(engine())))

  it.effect("[SEC6] native clients can be kept out", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* status(open(yield* listening)), 403)
    }).pipe(Effect.provide(engine({ admission: { nativeClients: false } }))))

  it.effect("[SEC6] a name that points here is not the same origin", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const options = { origin: "http://rebound.example", headers: { host: "rebound.example" } }
      assert.strictEqual(yield* status(open(url, options)), 403)
    }).pipe(Effect.provide(engine())))

  it.effect("[SYN1] an unknown subprotocol or path is refused", () =>
    Effect.gen(function*() {
      const url = yield* listening
      assert.strictEqual(yield* status(open(url, {}, "choir.v9.json")), 400)
      assert.strictEqual(yield* status(open(url.replace("/ws", "/other"))), 404)
    }).pipe(Effect.provide(engine())))

  it.effect("[SEC24] one address has only so many connections, and gets its places back", () =>
    Effect.gen(function*() {
      const { end } = yield* listen
      const url = yield* listening
      const first = yield* open(url)
      yield* open(url)
      assert.strictEqual(yield* status(open(url)), 429)
      first.ws.close()
      yield* end
      yield* open(url)
    }).pipe(Effect.provide(engine({ limits: { connectionsPerAddress: 2 } }))))

  it.effect("[SEC24] and so has the server, wherever they come from", () =>
    Effect.gen(function*() {
      const { end } = yield* listen
      const url = yield* listening
      const from = (address: string) => open(url, { localAddress: address })
      const first = yield* from("127.0.0.2")
      yield* from("127.0.0.3")
      assert.strictEqual(yield* status(from("127.0.0.4")), 429)
      first.ws.close()
      yield* end
      yield* from("127.0.0.4")
    }).pipe(Effect.provide(engine({ limits: { connections: 2 } }))))

  it.effect("[SEC24] behind a trusted proxy the client's own address counts", () =>
    Effect.gen(function*() {
      const url = yield* listening
      const from = (address: string) => open(url, { headers: { "x-forwarded-for": address } })
      yield* from("203.0.113.1")
      yield* from("203.0.113.2")
      assert.strictEqual(yield* status(from("203.0.113.1")), 429)
      yield* from("2001:db8:1:2::1")
      assert.strictEqual(yield* status(from("2001:db8:1:2:3::9")), 429)
    }).pipe(Effect.provide(
      engine({ limits: { connectionsPerAddress: 1 }, admission: { trustedProxies: ["127.0.0.1"] } })
    )))
})
