import { assert, describe, it } from "@effect/vitest"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as SignInAdmission from "../../../src/domain/session/SignInAdmission.ts"

const admit = (epoch: number, existingEpoch: number | undefined, connectionCount: number) =>
  SignInAdmission.admitSignIn({ epoch, existingEpoch, connectionCount }, defaults)

describe("a sign-in beside the user's other connections", () => {
  it("[AUT7] of two connections of one client instance the newer one stays, whichever signs in first", () => {
    assert.strictEqual(admit(2, 1, 1), "Admitted")
    assert.strictEqual(admit(1, 2, 1), "Superseded")
    assert.strictEqual(admit(1, undefined, 1), "Admitted")
  })

  it("[AUT7] the same client id of two users names two instances", () => {
    const [ada, ben] = ["A", "B"].map((letter) => UserId.make(`${letter.repeat(42)}A`))
    assert.notStrictEqual(
      SignInAdmission.instanceKeyOf(ada!, "tab"),
      SignInAdmission.instanceKeyOf(ben!, "tab")
    )
  })

  it("[SEC24] a user has at most sixteen connections; one that is replaced does not count", () => {
    assert.strictEqual(admit(99, undefined, 15), "Admitted")
    assert.strictEqual(admit(99, undefined, 16), "OverQuota")
    assert.strictEqual(admit(99, 1, 16), "Admitted")
    assert.strictEqual(admit(99, 1, 17), "OverQuota")
  })
})
