import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as SessionLifetime from "../../../src/domain/session/SessionLifetime.ts"

const { resumeWindow, sessionGrace, sessionTtl } = defaults
const issuedAt = 1_000
const expiresAt = SessionLifetime.expiryOf(issuedAt, defaults)
const instant = Arbitrary.schema(Schema.Natural)

describe("the lifetime of a session", () => {
  it("[AUT2] a token expires after 15 minutes, and resumes its session for another 25 seconds", () => {
    assert.strictEqual(expiresAt, issuedAt + 15 * 60_000)
    const end = SessionLifetime.resumableUntil(expiresAt, defaults)
    assert.strictEqual(end, expiresAt + 25_000)
    assert.deepStrictEqual(
      [issuedAt, expiresAt, end - 1, end].map((at) => SessionLifetime.isResumable(expiresAt, at, defaults)),
      [true, true, true, false]
    )
  })

  it("[AUT2] resuming rotates a token in the second half of its lifetime", () => {
    const half = issuedAt + sessionTtl / 2
    assert.deepStrictEqual(
      [issuedAt, half, half + 1, expiresAt + 1].map((at) =>
        SessionLifetime.mustRotateOnResume(expiresAt, at, defaults)
      ),
      [false, false, true, true]
    )
  })

  it("[CON5] a lost connection holds its session for two minutes, unless its token is valid that long anyway", () => {
    const late = expiresAt + sessionGrace - 1
    assert.strictEqual(SessionLifetime.holdAfterLoss(expiresAt, late, defaults), late + 120_000)
    assert.isUndefined(SessionLifetime.holdAfterLoss(expiresAt, issuedAt, defaults))
  })

  it.prop(
    "[CON5] a hold makes a token resumable until its end, and never shortens it",
    [instant, instant],
    ([at, until]) => {
      const held = SessionLifetime.expiryForHold(at, until, defaults)
      assert.isAtLeast(held, at)
      assert.strictEqual(
        SessionLifetime.resumableUntil(held, defaults),
        Math.max(until, SessionLifetime.resumableUntil(at, defaults))
      )
    }
  )

  it.prop("[CON5] whenever the connection is lost, the session can be resumed during the window", [instant], ([at]) => {
    const until = SessionLifetime.holdAfterLoss(expiresAt, at, defaults)
    const held = until === undefined ? expiresAt : SessionLifetime.expiryForHold(expiresAt, until, defaults)
    assert.isTrue(SessionLifetime.isResumable(held, at + resumeWindow - 1, defaults))
  })
})
