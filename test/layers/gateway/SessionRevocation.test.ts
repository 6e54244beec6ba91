import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Redacted } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { SessionError, SessionsUnavailable } from "../../../src/services/Sessions.ts"
import {
  makeTestUser,
  openClient,
  type RawClient,
  type ReceivedMessage,
  signIn,
  startListening,
  uuid,
  wsServerLayer
} from "../../support/TestUsers.ts"

/** Resumes a session on another connection. */
const resume = (client: RawClient, session_token: unknown) => {
  client.send("resume", { session_token })
  return client.nextOf("init")
}

/** All messages that a client receives from now on. */
const collectMessages = ({ ws }: RawClient): ReadonlyArray<ReceivedMessage> => {
  const messages: Array<ReceivedMessage> = []
  ws.on("message", (data) => messages.push(JSON.parse(String(data)) as ReceivedMessage))
  return messages
}

describe("revoking a session", () => {
  it.live.each([false, true])(
    "[SEC7] closes all its connections, which receive no further message (renewed: %s)",
    (renewed) =>
      Effect.gen(function*() {
        const url = yield* startListening
        const ada = makeTestUser()
        const first = yield* openClient(url)
        const tokens = [(yield* signIn(first, ada)).payload["session_token"]]
        const second = yield* openClient(url)
        yield* resume(second, tokens[0])
        const other = yield* openClient(url)
        yield* signIn(other, ada)
        const thread = `thread:${first.send("create_thread", { name: "Private" })}`
        yield* first.nextOf("receipt")
        for (const client of [second, other]) {
          client.send("subscribe", {}, thread)
          yield* client.nextOf("subscribed")
        }
        if (renewed) {
          first.send("renew", { session_token: tokens[0] })
          tokens.push((yield* first.nextOf("renewed")).payload["session_token"])
        }
        const received = collectMessages(second)
        first.send("sign_out")
        yield* first.nextOf("signed_out")
        assert.strictEqual(yield* Effect.timeout(second.closed, 1_000), closeCode.forcedOut)

        other.send("submit_message", { content: "among ourselves" }, thread)
        yield* other.nextOf("delta")
        assert.deepStrictEqual(received.filter(({ type }) => type === "delta"), [])
        for (const session_token of tokens) {
          const late = yield* openClient(url)
          late.send("resume", { session_token })
          assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
        }
      }).pipe(Effect.scoped, Effect.provide(wsServerLayer()))
  )

  it.live("[SEC7] revokes the successor of a renewal that was under way", () => {
    const gate = Deferred.makeUnsafe<void>()
    const successors: Array<string> = []
    return Effect.gen(function*() {
      const url = yield* startListening
      const first = yield* openClient(url)
      const { session_token } = (yield* signIn(first, makeTestUser())).payload
      const second = yield* openClient(url)
      yield* resume(second, session_token)
      first.send("renew", { session_token })
      first.send("sign_out")
      assert.strictEqual(yield* second.closed, closeCode.forcedOut)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* first.next).payload["code"], "auth_failed")
      assert.strictEqual((yield* first.next).type, "signed_out")
      const late = yield* openClient(url)
      late.send("resume", { session_token: successors[0] })
      assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
    }).pipe(
      Effect.scoped,
      Effect.provide(wsServerLayer({
        sessions: ({ renew }) => ({
          renew: (...args) =>
            Effect.tap(renew(...args), ({ token }) => {
              successors.push(Redacted.value(token))
              return Deferred.await(gate)
            })
        })
      }))
    )
  })

  it.live("[SEC7] refuses a sign-in that read the session before it was revoked", () => {
    const gate = Deferred.makeUnsafe<void>()
    const read = Deferred.makeUnsafe<void>()
    return Effect.gen(function*() {
      const url = yield* startListening
      const first = yield* openClient(url)
      const { session_token } = (yield* signIn(first, makeTestUser())).payload
      const second = yield* openClient(url)
      second.send("resume", { session_token })
      yield* Deferred.await(read)
      first.send("sign_out")
      yield* first.nextOf("signed_out")
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* second.closed, closeCode.forcedOut)
    }).pipe(
      Effect.scoped,
      Effect.provide(wsServerLayer({
        sessions: ({ resume }) => ({
          resume: (...args) =>
            Effect.tap(resume(...args), () => Effect.andThen(Deferred.succeed(read, undefined), Deferred.await(gate)))
        })
      }))
    )
  })

  it.live("[SEC7] is answered when it is durable, and not if the store failed", () =>
    Effect.gen(function*() {
      const first = yield* openClient(yield* startListening)
      yield* signIn(first, makeTestUser())
      first.send("sign_out")
      assert.deepInclude((yield* first.next).payload, { code: "unavailable", retryable: true })
      first.send("get_user")
      assert.deepInclude((yield* first.next).payload, { code: "unauthenticated" })
    }).pipe(
      Effect.scoped,
      Effect.provide(wsServerLayer({
        sessions: () => ({
          revoke: () =>
            Effect.fail(new SessionError({ reason: new SessionsUnavailable({ operation: "revoke", cause: "test" }) }))
        })
      }))
    ))
})

describe("a stolen token", () => {
  const renew = (client: RawClient, session_token: unknown) => {
    client.send("renew", { session_token })
    return Effect.map(client.nextOf("renewed"), ({ payload }) => payload["session_token"])
  }

  it.live("[AUT2] [SEC7] that is shown after its owner renewed it ends the session, and its owner may sign in again", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const [ada, instance] = [makeTestUser(), uuid()]
      const owner = yield* openClient(url)
      const stolen = (yield* signIn(owner, ada, instance)).payload["session_token"]
      const mine = yield* renew(owner, stolen)
      const thief = yield* openClient(url)
      thief.send("resume", { session_token: stolen, client_id: uuid() })
      assert.strictEqual((yield* thief.nextOf("error")).payload["code"], "auth_failed")
      const goodbye = yield* owner.nextOf("goodbye")
      assert.deepInclude(goodbye.payload, { code: closeCode.sessionReused, resume: false })
      assert.strictEqual(yield* owner.closed, closeCode.sessionReused)
      for (const session_token of [stolen, mine]) {
        thief.send("resume", { session_token, client_id: instance })
        assert.strictEqual((yield* thief.nextOf("error")).payload["code"], "auth_failed")
      }
      assert.strictEqual((yield* signIn(yield* openClient(url), ada, instance)).type, "init")
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT2] [SEC7] that the thief renewed first ends the thief's connection when its owner renews it", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const owner = yield* openClient(url)
      const stolen = (yield* signIn(owner, makeTestUser(), uuid())).payload["session_token"]
      const thief = yield* openClient(url)
      thief.send("resume", { session_token: stolen, client_id: uuid() })
      yield* thief.nextOf("init")
      yield* renew(thief, stolen)
      owner.send("renew", { session_token: stolen })
      assert.strictEqual(yield* owner.closed, closeCode.sessionReused)
      assert.strictEqual(yield* thief.closed, closeCode.sessionReused)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT2] a client that lost the answer to renew gets it again, on the same and on another connection", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const instance = uuid()
      const first = yield* openClient(url)
      const old = (yield* signIn(first, makeTestUser(), instance)).payload["session_token"]
      const lost = yield* renew(first, old)
      assert.strictEqual(yield* renew(first, old), lost)
      const second = yield* openClient(url)
      second.send("resume", { session_token: old, client_id: instance })
      assert.strictEqual((yield* second.nextOf("init")).payload["session_token"], lost)
      assert.strictEqual(yield* renew(second, old), lost)
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer())))

  it.live("[AUT2] renewed and resumed at once by its client instance, it has one successor", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      for (let round = 0; round < 20; round++) {
        const instance = uuid()
        const first = yield* openClient(url)
        const { session_token } = (yield* signIn(first, makeTestUser(), instance)).payload
        const second = yield* openClient(url)
        const received = [first, second].map(collectMessages)
        first.send("renew", { session_token })
        second.send("resume", { session_token, client_id: instance })
        first.send("renew", { session_token })
        yield* second.nextOf("init")
        second.send("renew", { session_token })
        yield* second.nextOf("renewed")
        const tokens = new Set(received.flat().map(({ payload }) => payload["session_token"]))
        tokens.delete(undefined)
        tokens.delete(session_token)
        assert.strictEqual(tokens.size, 1)
      }
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { authBurst: 1_000 } }))))

  it.live("[SEC7] renewed while its session is signed out, it resumes nothing, nor does its successor", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      for (let round = 0; round < 20; round++) {
        const instance = uuid()
        const first = yield* openClient(url)
        const { session_token } = (yield* signIn(first, makeTestUser(), instance)).payload
        const second = yield* openClient(url)
        second.send("resume", { session_token })
        yield* second.nextOf("init")
        const received = collectMessages(first)
        first.send("renew", { session_token })
        first.send("sign_out")
        yield* first.nextOf("signed_out")
        assert.strictEqual(yield* second.closed, closeCode.forcedOut)
        for (const token of [session_token, ...received.map(({ payload }) => payload["session_token"])]) {
          if (token === undefined) continue
          const late = yield* openClient(url)
          late.send("resume", { session_token: token, client_id: instance })
          assert.strictEqual((yield* late.nextOf("error")).payload["code"], "auth_failed")
        }
      }
    }).pipe(Effect.scoped, Effect.provide(wsServerLayer({ limits: { authBurst: 1_000 } }))))
})
