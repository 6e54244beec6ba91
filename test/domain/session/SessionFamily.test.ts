import { assert, describe, it } from "@effect/vitest"
import * as SessionFamily from "../../../src/domain/session/SessionFamily.ts"

describe("a family of sessions", () => {
  const rotatedTwice = SessionFamily.recordRotation(
    SessionFamily.recordRotation(SessionFamily.noFamilies, "first", "second"),
    "second",
    "third"
  )

  it("[SEC7] revoking a session revokes the predecessors whose tokens still resume", () => {
    assert.deepStrictEqual(SessionFamily.revokedWith(rotatedTwice, "third"), ["third", "second", "first"])
    assert.deepStrictEqual(SessionFamily.revokedWith(rotatedTwice, "second"), ["second", "first"])
    assert.deepStrictEqual(SessionFamily.revokedWith(rotatedTwice, "other"), ["other"])
  })

  it("[SEC7] the end of a grace period removes its rotation, and no other", () => {
    const later = SessionFamily.forgetRotation(rotatedTwice, "second")
    assert.deepStrictEqual(SessionFamily.revokedWith(later, "third"), ["third", "second"])
  })
})
