/** Authentication over the wire (AUT1, AUT2, AUT3, AUT4). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import {
  answerChallenge,
  makeTestUser,
  openClient,
  signIn,
  startListening,
  wsServerLayer
} from "../../support/TestUsers.ts"

describe("authentication", () => {
  it.effect("[AUT1] [AUT2] a signed challenge is answered by init", () =>
    Effect.gen(function*() {
      const ada = makeTestUser()
      const client = yield* openClient(yield* startListening)
      const { answer, challenge } = yield* answerChallenge(client, ada)
      assert.strictEqual(answer.type, "init")
      assert.deepStrictEqual<unknown>(answer.payload["user"], { public_key: ada.key, balance: 10_000 })
      assert.strictEqual(challenge.audience, "http://choir.test")
      assert.strictEqual(Buffer.from(challenge.nonce, "base64url").length, 32)
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[SEC2] a challenge can be answered once, and on its own connection only", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      const first = yield* openClient(url)
      const { challenge, signature } = yield* answerChallenge(first, ada, {
        tamper: (challenge) => ({ ...challenge, nonce: "other" })
      })
      first.send("auth", { signature })
      assert.strictEqual((yield* first.next).payload["code"], "auth_failed")
      const second = yield* openClient(url)
      const replayed = yield* answerChallenge(second, ada, { tamper: () => challenge })
      assert.strictEqual(replayed.answer.payload["code"], "auth_failed")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect.each([
    { audience: "http://elsewhere" },
    { origin: "http://elsewhere" },
    { connection_id: "other" },
    { nonce: "other" },
    { issued_at: 1 },
    { expires_at: 1 }
  ])("[SEC3] a signature over another %o is rejected", (change) =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      const { answer } = yield* answerChallenge(client, makeTestUser(), {
        tamper: (challenge) => ({ ...challenge, ...change })
      })
      assert.strictEqual(answer.payload["code"], "auth_failed")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT3] a connection without authentication within 10 s is closed", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      client.send("heartbeat")
      yield* client.next
      yield* TestClock.adjust(defaults.authTimeout)
      assert.strictEqual((yield* client.next).type, "goodbye")
      assert.strictEqual(yield* client.closed, closeCode.authTimeout)
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[AUT4] no other message is served before authentication", () =>
    Effect.gen(function*() {
      const client = yield* openClient(yield* startListening)
      const payloads: Record<string, object> = { signal: { key: "k", value: 1 }, renew: { session_token: "none" } }
      for (const type of ["subscribe", "unsubscribe", "signal", "get_thread", "get_threads", "get_user", "renew"]) {
        client.send(type, payloads[type] ?? {}, "ledger:main")
        assert.strictEqual((yield* client.next).payload["code"], "unauthenticated", type)
      }
      client.send("create_thread", { name: "mine" })
      assert.strictEqual((yield* client.next).payload["code"], "unauthenticated")
    }).pipe(Effect.provide(wsServerLayer())))

  it.effect("[SEC26] the verifications of one address are limited", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const twist = <A extends object>(challenge: A) => ({ ...challenge, nonce: "other" })
      assert.strictEqual(
        (yield* answerChallenge(yield* openClient(url), makeTestUser(), { tamper: twist })).answer.payload["code"],
        "auth_failed"
      )
      assert.strictEqual(
        (yield* answerChallenge(yield* openClient(url), makeTestUser())).answer.payload["code"],
        "rate_limited"
      )
      yield* TestClock.adjust(1_000)
      assert.strictEqual((yield* answerChallenge(yield* openClient(url), makeTestUser())).answer.type, "init")
    }).pipe(Effect.provide(wsServerLayer({ limits: { authBurst: 1, authPerMinute: 60 } }))))

  it.effect("[SEC24] a user's connection beyond the limit is closed with 4504", () =>
    Effect.gen(function*() {
      const url = yield* startListening
      const ada = makeTestUser()
      yield* signIn(yield* openClient(url), ada)
      const second = yield* openClient(url)
      const { answer } = yield* answerChallenge(second, ada)
      assert.deepInclude(answer.payload, { code: closeCode.connectionLimit, resume: false })
      assert.strictEqual(yield* second.closed, closeCode.connectionLimit)
    }).pipe(Effect.provide(wsServerLayer({ limits: { connectionsPerUser: 1 } }))))
})
