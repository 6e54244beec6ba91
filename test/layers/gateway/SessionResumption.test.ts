/** Sessions that outlive their connection, and client instances that connect twice (AUT2, AUT7, CON5). */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import { challengeSigningInput, type PublishedEvent } from "../../../src/domain/protocol/Protocol.ts"
import { Socket } from "../../../src/services/Socket.ts"
import { makeTestUser, openClient, signIn, startListening, uuid, wsServerLayer } from "../../support/TestUsers.ts"

describe("resuming a session", () => {
  it.effect("[AUT2] [SEC7] a token resumes its session until sign-out, which closes the other connections of the session", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const first = yield* openClient(url)
      const session_token = (yield* signIn(first, ada)).payload["session_token"]
      const second = yield* openClient(url)
      second.send("resume", { session_token })
      assert.deepInclude((yield* second.next).payload["user"] as object, { public_key: ada.key })
      first.send("sign_out")
      assert.strictEqual((yield* first.next).type, "signed_out")
      assert.strictEqual(yield* second.closed, closeCode.forcedOut)
      first.send("resume", { session_token })
      assert.strictEqual((yield* first.next).payload["code"], "auth_failed")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT6] [SEC5] [SEC6] a token in the URL or in a cookie authenticates no connection", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const { session_token } = (yield* signIn(yield* openClient(url), makeTestUser())).payload
      const text = `session_token=${session_token as string}`
      for (const [address, headers] of [[`${url}?${text}`, {}], [url, { cookie: text }]] as const) {
        const client = yield* openClient(address, { headers })
        client.send("get_user")
        assert.deepInclude((yield* client.next).payload, { code: "unauthenticated" })
      }
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT2] a renewed token is valid longer than the first one", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const client = yield* openClient(url)
      const old = (yield* signIn(client, makeTestUser())).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl / 2)
      client.send("renew", { session_token: old })
      const renewed = (yield* client.nextOf("renewed")).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl / 2 + defaults.sessionGrace)
      client.send("heartbeat")
      assert.strictEqual((yield* client.next).type, "heartbeat")
      const other = yield* openClient(url)
      other.send("resume", { session_token: renewed })
      assert.strictEqual((yield* other.next).type, "init")
      const late = yield* openClient(url)
      late.send("resume", { session_token: old })
      assert.strictEqual((yield* late.next).payload["code"], "auth_failed")
    }).pipe(Effect.provide(wsServerLayer({ limits: { pingInterval: 10_000_000 } }))))

  it.effect("[CON5] [AUT2] a session that is resumed shortly before its end continues under a new token", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const first = yield* openClient(url)
      const session_token = (yield* signIn(first, makeTestUser())).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl - 1_000)
      first.ws.terminate()
      yield* Effect.repeat((yield* Socket).getConnectionCount, { until: (count) => count === 0 })
      yield* TestClock.adjust(defaults.resumeWindow - 1_000)
      const second = yield* openClient(url)
      second.send("resume", { session_token })
      const init = yield* second.next
      assert.strictEqual(init.type, "init")
      assert.notStrictEqual(init.payload["session_token"], session_token)
      yield* TestClock.adjust(defaults.sessionTtl / 2)
      second.send("heartbeat")
      assert.strictEqual((yield* second.next).type, "heartbeat")
    }).pipe(Effect.provide(wsServerLayer({ limits: { pingInterval: 10_000_000 } }))))

  it.effect.each(
    [
      ["just in time", defaults.resumeWindow - 1, "init"],
      ["too late", defaults.resumeWindow, "error"]
    ] as const
  )("[CON5] a session that expires is held for two minutes after its connection was lost: %s", (
    [, after, type]
  ) =>
    Effect.gen(function*() {
      const url = yield* startListening
      const first = yield* openClient(url)
      const session_token = (yield* signIn(first, makeTestUser())).payload["session_token"]
      yield* TestClock.adjust(defaults.sessionTtl + defaults.sessionGrace - 1)
      first.ws.terminate()
      yield* Effect.repeat((yield* Socket).getConnectionCount, { until: (count) => count === 0 })
      yield* TestClock.adjust(after)
      const second = yield* openClient(url)
      second.send("resume", { session_token })
      assert.strictEqual((yield* second.next).type, type)
    }).pipe(Effect.provide(wsServerLayer({ limits: { pingInterval: 10_000_000 } }))))

  it.effect("[CON5] [SYN2] a client resumes before the server has noticed the loss, and catches up from its position", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const instance = uuid()
      const [first, other] = [yield* openClient(url), yield* openClient(url)]
      const session_token = (yield* signIn(first, ada, instance)).payload["session_token"]
      yield* signIn(other, ada)
      const thread = `thread:${first.send("create_thread", { name: "Kept" })}`
      yield* first.nextOf("receipt")
      first.send("subscribe", {}, thread)
      const { position } = (yield* first.nextOf("subscribed")).payload
      first.ws.pause()
      const sent = other.send("submit_message", { content: "meanwhile" }, thread)
      yield* other.nextOf("receipt")
      const second = yield* openClient(url)
      second.send("resume", { session_token, client_id: instance })
      assert.strictEqual((yield* second.next).type, "init")
      second.send("subscribe", { position }, thread)
      const { events, mode } = (yield* second.nextOf("subscribed")).payload
      assert.strictEqual(mode, "deltas")
      assert.deepStrictEqual(
        (events as ReadonlyArray<PublishedEvent>).map(({ cause, seq }) => [cause as string, seq]),
        [
          [sent, 2]
        ]
      )
    }).pipe(Effect.provide(wsServerLayer())))
})

describe("a client instance that connects twice", () => {
  it.effect("[AUT7] a second connection of a client instance replaces the first", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const instance = uuid()
      const first = yield* openClient(url)
      yield* signIn(first, ada, instance)
      const otherUser = yield* openClient(url)
      yield* signIn(otherUser, makeTestUser(), instance)
      const second = yield* openClient(url)
      yield* signIn(second, ada, instance)
      assert.strictEqual(yield* first.closed, closeCode.replaced)
      otherUser.send("heartbeat")
      assert.strictEqual((yield* otherUser.next).type, "heartbeat")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT7] of two connections the newer one stays, whichever authenticates first", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const instance = uuid()
      const older = yield* openClient(url)
      older.send("connect", { public_key: ada.key, client_id: instance })
      const challenge = (yield* older.next).payload as unknown as Parameters<typeof challengeSigningInput>[0]
      const newer = yield* openClient(url)
      const session_token = (yield* signIn(newer, ada, instance)).payload["session_token"]
      older.send("auth", { signature: ada.sign(challengeSigningInput(challenge, ada.key)) })
      assert.strictEqual(yield* older.closed, closeCode.replaced)
      newer.send("heartbeat")
      assert.strictEqual((yield* newer.next).type, "heartbeat")
      // Resuming replaces as well, repeatedly.
      for (let before = newer, i = 0; i < 3; i++) {
        const next = yield* openClient(url)
        next.send("resume", { session_token, client_id: instance })
        assert.strictEqual((yield* next.next).type, "init")
        assert.strictEqual(yield* before.closed, closeCode.replaced)
        before = next
      }
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT7] a command that was queued when its connection was replaced is not executed", () => {
    const gate = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const instance = uuid()
      const older = yield* openClient(url)
      yield* signIn(older, ada, instance)
      const id = uuid()
      older.send("create_thread", { name: "Late" }, undefined, { id, signature: "A".repeat(86) })
      older.send("heartbeat")
      const newer = yield* openClient(url)
      yield* signIn(newer, ada, instance)
      assert.strictEqual(yield* older.closed, closeCode.replaced)
      yield* Deferred.succeed(gate, undefined)
      // The same command under the same id is no duplicate, as it was never executed.
      newer.send("create_thread", { name: "Late" }, undefined, { id })
      const receipt = (yield* newer.next).payload
      assert.deepInclude(receipt, { ref_id: id, seq: 1 })
      assert.notProperty(receipt, "duplicate")
    }).pipe(
      Effect.provide(wsServerLayer({ sessions: () => ({ verifyText: () => Effect.as(Deferred.await(gate), true) }) }))
    )
  })
})
