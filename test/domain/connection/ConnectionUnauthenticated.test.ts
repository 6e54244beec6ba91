import { assert, describe, it } from "@effect/vitest"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import * as Connection from "../../../src/domain/connection/Connection.ts"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import {
  auth,
  authenticated,
  challenge,
  challengeIssued,
  closeOf,
  connect,
  controlReceived,
  errorOf,
  key,
  type Message,
  ref,
  repeat,
  run,
  signedIn,
  topic
} from "./ConnectionFixture.ts"

describe("signing in", () => {
  it("[AUT1] connect asks for a challenge, auth for its check, and a proven key is welcome", () => {
    assert.deepStrictEqual(run([connect]).intents, [{ _tag: "IssueChallenge", ref, public_key: key }])
    assert.deepStrictEqual(run([connect, challengeIssued]).tags, ["SendReply"])
    assert.deepStrictEqual(run([connect, challengeIssued, auth]).intents, [
      { _tag: "VerifySignature", ref, challenge, public_key: key, signature: "A".repeat(86) }
    ])
    assert.deepStrictEqual(run([connect, challengeIssued, auth, signedIn]).intents, [{
      _tag: "SendInit",
      ref,
      user: key
    }])
    assert.deepInclude(authenticated, {
      user: key,
      status: { _tag: "Authenticated", session: "s", expires_at: 900_000 }
    })
  })

  it("[AUT1] [SEC2] a challenge is used up by the first try, and too old after a minute", () => {
    const refused: Message = { _tag: "AuthRejected", at: 0, ref, code: "auth_failed", message: "no" }
    assert.strictEqual(errorOf(run([connect, challengeIssued, auth, refused, auth]).intents)?.code, "auth_failed")
    const late = controlReceived({ _tag: "auth", signature: "A".repeat(86) }, null, { at: 60_000 })
    assert.deepStrictEqual(run([connect, challengeIssued, late]).tags, ["SendReply"])
    // The key is as good as before: whoever took too long, or saw the clock jump, is told to come again (seed 60304).
    const early = controlReceived({ _tag: "auth", signature: "A".repeat(86) }, null, { at: -3_000 })
    for (const stale of [late, early]) {
      assert.deepInclude(errorOf(run([connect, challengeIssued, stale]).intents), {
        code: "auth_failed",
        retry_after_ms: 1_000
      })
    }
  })

  it("[SEC26] five failures shut the door, and a malformed signature is not even checked", () => {
    const bad = controlReceived({ _tag: "auth", signature: "A" })
    const { intents, state } = run(repeat(defaults.authTries, bad))
    assert.strictEqual(state.status._tag, "Closed")
    assert.deepInclude(closeOf(intents), { code: closeCode.unauthenticated, resume: false })
    assert.notInclude(run([connect, challengeIssued, bad]).tags, "VerifySignature")
  })

  it("[SEC4] a key of small order gets no challenge", () => {
    const weak = UserId.make(Buffer.alloc(32).toString("base64url"))
    assert.strictEqual(
      errorOf(run([controlReceived({ _tag: "connect", public_key: weak })]).intents)?.code,
      "auth_failed"
    )
  })

  it.each([
    { at: defaults.authTimeout - 1, status: "Unauthenticated" },
    { at: defaults.authTimeout, status: "Closed" }
  ])("[AUT3] silence for $at ms leaves it $status", ({ at, status }) => {
    assert.strictEqual(run([{ _tag: "TimerFired", at }]).state.status._tag, status)
  })

  it("[AUT3] more than sixteen frames, or 64 KB, close it", () => {
    const beat = controlReceived({ _tag: "heartbeat" })
    assert.strictEqual(run(repeat(16, beat)).state.status._tag, "Unauthenticated")
    assert.strictEqual(run(repeat(17, beat)).state.status._tag, "Closed")
    assert.strictEqual(
      run([controlReceived({ _tag: "heartbeat" }, null, { bytes: 65_537 })]).state.status._tag,
      "Closed"
    )
  })

  it("[AUT2] sign-out revokes the session and leaves a connection that may sign in again", () => {
    const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
    const { state, tags } = run([controlReceived({ _tag: "sign_out" })], subscribed)
    assert.deepStrictEqual(tags, ["Unsubscribe", "RevokeSession", "SendReply"])
    assert.deepInclude(state, { user: null, status: { _tag: "Unauthenticated" }, subscriptions: [] })
  })

  it("[CON5] when the token is over, authentication starts anew, with its deadline", () => {
    const at = 900_000 + defaults.sessionGrace
    const { intents, state } = run([{ _tag: "TimerFired", at }], authenticated)
    assert.strictEqual(errorOf(intents)?.code, "unauthenticated")
    assert.deepInclude(state, { user: null, auth_started_at: at })
    assert.strictEqual(state.error_state?._tag, "AuthError")
    assert.strictEqual(Connection.nextTimerAt(state), at + defaults.authTimeout)
  })
})
