import { assert, describe, it } from "@effect/vitest"
import { Arbitrary } from "effect"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import * as Connection from "../../../src/domain/connection/Connection.ts"
import { ClientMessage } from "../../../src/domain/connection/FrameDecoder.ts"
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
  initial,
  key,
  type Message,
  messageReceived,
  ref,
  repeat,
  run,
  signedIn,
  topic
} from "./ConnectionFixture.ts"

describe("a connection without a user", () => {
  it("[AUT1] connect leads to a challenge, auth to its verification, and a valid signature to init", () => {
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

  it("[AUT1] [SEC2] a challenge is consumed by the first try, and expires after 60 s", () => {
    for (const signature of ["A", "A".repeat(86)]) {
      const { state } = run([
        connect,
        challengeIssued,
        controlReceived({ _tag: "auth", signature }, null, { at: 60_000 })
      ])
      assert.strictEqual(state.status._tag, "Unauthenticated")
    }
    const refused: Message = { _tag: "AuthRejected", at: 0, ref, code: "auth_failed", message: "no" }
    assert.strictEqual(errorOf(run([connect, challengeIssued, auth, refused, auth]).intents)?.code, "auth_failed")
    const late = controlReceived({ _tag: "auth", signature: "A".repeat(86) }, null, { at: 60_000 })
    assert.deepStrictEqual(run([connect, challengeIssued, late]).tags, ["SendReply"])
    // Retryable: the key may be valid, and only time passed, or the clock jumped (seed 60304).
    const early = controlReceived({ _tag: "auth", signature: "A".repeat(86) }, null, { at: -3_000 })
    for (const stale of [late, early]) {
      assert.deepInclude(errorOf(run([connect, challengeIssued, stale]).intents), {
        code: "auth_failed",
        retry_after_ms: 1_000
      })
    }
  })

  it("[SEC26] the fifth failure closes the connection; a malformed signature is not verified", () => {
    const bad = controlReceived({ _tag: "auth", signature: "A" })
    const { intents, state } = run(repeat(defaults.authTries, bad))
    assert.strictEqual(state.status._tag, "Closed")
    assert.deepInclude(closeOf(intents), { code: closeCode.unauthenticated, resume: false })
    assert.notInclude(run([connect, challengeIssued, bad]).tags, "VerifySignature")
  })

  it("[SEC4] a key of small order is not challenged", () => {
    const weak = UserId.make(Buffer.alloc(32).toString("base64url"))
    assert.strictEqual(
      errorOf(run([controlReceived({ _tag: "connect", public_key: weak })]).intents)?.code,
      "auth_failed"
    )
  })

  it.prop("[SEC1] every other message is answered with unauthenticated, and counts towards the 16 frames", {
    incoming: Arbitrary.schema(ClientMessage)
  }, ({ incoming }) => {
    const served = ["connect", "auth", "resume", "heartbeat"]
    if (incoming._tag === "Control" && served.includes(incoming.control._tag)) return
    const { intents, state } = run([messageReceived(incoming)])
    assert.lengthOf(intents, 1)
    assert.deepInclude(errorOf(intents), { code: "unauthenticated", ref_id: incoming.id })
    assert.deepStrictEqual(state, { ...initial, pre_auth_frames: 1, pre_auth_bytes: 100 })
  })

  it("[SEC2] a challenge that was issued for an earlier connect is replaced by the later one", () => {
    const later = { ...challenge, nonce: "later" }
    const { intents } = run([
      connect,
      challengeIssued,
      connect,
      { _tag: "ChallengeIssued", ref, public_key: key, challenge: later },
      auth
    ])
    assert.deepStrictEqual(intents, [
      { _tag: "VerifySignature", ref, challenge: later, public_key: key, signature: "A".repeat(86) }
    ])
  })

  it("[AUT2] resume verifies a token instead of a signature", () => {
    const resume = controlReceived({ _tag: "resume", session_token: "token" })
    assert.deepStrictEqual(run([resume]).intents, [{ _tag: "ResumeSession", ref, token: "token" }])
    assert.strictEqual(errorOf(run([resume, resume]).intents)?.code, "auth_failed")
  })

  it.each([[undefined, false], [false, false], [true, true]])(
    "[CON7] commands are in order if sign-in says so: %s",
    (in_order, expected) => {
      const option = in_order === undefined ? {} : { in_order }
      assert.strictEqual(
        run([controlReceived({ _tag: "connect", public_key: key, ...option })]).state.in_order,
        expected
      )
      assert.strictEqual(
        run([controlReceived({ _tag: "resume", session_token: "t", ...option })]).state.in_order,
        expected
      )
    }
  )

  it.each([
    { at: defaults.authTimeout - 1, status: "Unauthenticated" },
    { at: defaults.authTimeout, status: "Closed" }
  ])("[AUT3] without authentication for $at ms it is $status", ({ at, status }) => {
    assert.strictEqual(run([{ _tag: "TimerFired", at }]).state.status._tag, status)
  })

  it("[AUT3] more than 16 frames, or more than 64 KB, close it", () => {
    const beat = controlReceived({ _tag: "heartbeat" })
    assert.strictEqual(run(repeat(16, beat)).state.status._tag, "Unauthenticated")
    assert.strictEqual(run(repeat(17, beat)).state.status._tag, "Closed")
    assert.strictEqual(
      run([controlReceived({ _tag: "heartbeat" }, null, { bytes: 65_537 })]).state.status._tag,
      "Closed"
    )
  })

  it("[AUT2] sign-out revokes the session, and the connection may sign in again", () => {
    const subscribed = run([controlReceived({ _tag: "subscribe" }, topic)], authenticated).state
    const { state, tags } = run([controlReceived({ _tag: "sign_out" })], subscribed)
    assert.deepStrictEqual(tags, ["Unsubscribe", "RevokeSession"])
    assert.deepInclude(state, { user: null, status: { _tag: "Unauthenticated" }, subscriptions: [] })
  })

  it("[CON5] an AuthError resets authentication: when the session expires it starts anew, with its deadline", () => {
    const at = 900_000 + defaults.sessionGrace
    const { intents, state } = run([{ _tag: "TimerFired", at }], authenticated)
    assert.strictEqual(errorOf(intents)?.code, "unauthenticated")
    assert.deepInclude(state, { user: null, auth_started_at: at })
    assert.strictEqual(state.error_state?._tag, "AuthError")
    assert.strictEqual(Connection.nextTimerAt(state), at + defaults.authTimeout)
  })
})
