import { assert, describe, it } from "@effect/vitest"
import { closeCode } from "../../../src/domain/connection/CloseCode.ts"
import * as Connection from "../../../src/domain/connection/Connection.ts"
import { UserId } from "../../../src/domain/Ids.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import {
  auth,
  challenge,
  closeOf,
  connect,
  drawn,
  errorOf,
  key,
  live,
  type Message,
  ref,
  run,
  says,
  signedIn,
  times,
  topic
} from "./OneConnection.ts"

describe("signing in", () => {
  it("[AUT1] connect asks for a challenge, auth for its check, and a proven key is welcome", () => {
    assert.deepStrictEqual(run([connect]).intents, [{ _tag: "Draw", ref, public_key: key }])
    assert.deepStrictEqual(run([connect, drawn]).tags, ["Answer"])
    assert.deepStrictEqual(run([connect, drawn, auth]).intents, [
      { _tag: "Verify", ref, challenge, public_key: key, signature: "A".repeat(86) }
    ])
    assert.deepStrictEqual(run([connect, drawn, auth, signedIn]).intents, [{ _tag: "Welcome", ref, user: key }])
    assert.deepInclude(live, { user: key, status: { _tag: "Live", session: "s", expires_at: 900_000 } })
  })

  it("[AUT1] [SEC2] a challenge is used up by the first try, and too old after a minute", () => {
    const refused: Message = { _tag: "AuthRefused", at: 0, ref, code: "auth_failed", message: "no" }
    assert.strictEqual(errorOf(run([connect, drawn, auth, refused, auth]).intents)?.code, "auth_failed")
    const late = says({ _tag: "auth", signature: "A".repeat(86) }, null, { at: 60_000 })
    assert.deepStrictEqual(run([connect, drawn, late]).tags, ["Answer"])
    // The key is as good as before: whoever took too long, or saw the clock jump, is told to come again (seed 60304).
    const early = says({ _tag: "auth", signature: "A".repeat(86) }, null, { at: -3_000 })
    for (const stale of [late, early]) {
      assert.deepInclude(errorOf(run([connect, drawn, stale]).intents), { code: "auth_failed", retry_after_ms: 1_000 })
    }
  })

  it("[SEC26] five failures shut the door, and a malformed signature is not even checked", () => {
    const bad = says({ _tag: "auth", signature: "A" })
    const { intents, state } = run(times(defaults.authTries, bad))
    assert.strictEqual(state.status._tag, "Closed")
    assert.deepInclude(closeOf(intents), { code: closeCode.unauthenticated, resume: false })
    assert.notInclude(run([connect, drawn, bad]).tags, "Verify")
  })

  it("[SEC4] a key of small order gets no challenge", () => {
    const weak = UserId.make(Buffer.alloc(32).toString("base64url"))
    assert.strictEqual(errorOf(run([says({ _tag: "connect", public_key: weak })]).intents)?.code, "auth_failed")
  })

  it.each([
    { at: defaults.authTimeout - 1, status: "Open" },
    { at: defaults.authTimeout, status: "Closed" }
  ])("[AUT3] silence for $at ms leaves it $status", ({ at, status }) => {
    assert.strictEqual(run([{ _tag: "Ticked", at }]).state.status._tag, status)
  })

  it("[AUT3] more than sixteen frames, or 64 KB, close it", () => {
    const beat = says({ _tag: "heartbeat" })
    assert.strictEqual(run(times(16, beat)).state.status._tag, "Open")
    assert.strictEqual(run(times(17, beat)).state.status._tag, "Closed")
    assert.strictEqual(run([says({ _tag: "heartbeat" }, null, { bytes: 65_537 })]).state.status._tag, "Closed")
  })

  it("[AUT2] sign-out revokes the session and leaves a connection that may sign in again", () => {
    const subscribed = run([says({ _tag: "subscribe" }, topic)], live).state
    const { state, tags } = run([says({ _tag: "sign_out" })], subscribed)
    assert.deepStrictEqual(tags, ["Unsubscribe", "Revoke", "Answer"])
    assert.deepInclude(state, { user: null, status: { _tag: "Open" }, subscriptions: [] })
  })

  it("[CON5] when the token is over, authentication starts anew, with its deadline", () => {
    const at = 900_000 + defaults.sessionGrace
    const { intents, state } = run([{ _tag: "Ticked", at }], live)
    assert.strictEqual(errorOf(intents)?.code, "unauthenticated")
    assert.deepInclude(state, { user: null, since: at })
    assert.strictEqual(state.error_state?._tag, "AuthError")
    assert.strictEqual(Connection.nextWake(state), at + defaults.authTimeout)
  })
})
