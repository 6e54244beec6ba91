import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as SessionFamily from "../../../src/domain/session/SessionFamily.ts"
import * as SessionLifetime from "../../../src/domain/session/SessionLifetime.ts"

const { sessionGrace, sessionTtl } = defaults
const user = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")

const opened: SessionFamily.SessionFamily = {
  id: "family",
  user,
  tokenHash: "token-0",
  expiresAt: SessionLifetime.expiryOf(0, defaults),
  rotation: null
}

const rotatedAt = 600_000
const rotated = SessionFamily.rotate(
  opened,
  { tokenHash: "token-1", successorKey: "key-1" },
  "phone",
  rotatedAt,
  defaults
)

const statusOf = (tokenHash: string, instance: string | null, now: number) =>
  SessionFamily.tokenStatus(rotated, { tokenHash, instance }, now, defaults)._tag

describe("a family of tokens", () => {
  it("[AUT2] the instance that renewed a token gets its successor again for 25 seconds", () => {
    assert.deepStrictEqual(
      SessionFamily.tokenStatus(rotated, { tokenHash: "token-0", instance: "phone" }, rotatedAt, defaults),
      { _tag: "Repeated", successorKey: "key-1" }
    )
    assert.strictEqual(statusOf("token-0", "phone", rotatedAt + sessionGrace - 1), "Repeated")
    assert.strictEqual(statusOf("token-0", "phone", rotatedAt + sessionGrace), "Reused")
  })

  it("[AUT2] [SEC7] whoever else shows a replaced token revokes the family", () => {
    assert.strictEqual(statusOf("token-0", "laptop", rotatedAt), "Reused")
    assert.strictEqual(statusOf("token-0", null, rotatedAt), "Reused")
    assert.strictEqual(statusOf("token-of-earlier", "phone", rotatedAt), "Reused")
    const byNobody = SessionFamily.rotate(opened, { tokenHash: "token-1", successorKey: "k" }, null, 0, defaults)
    assert.strictEqual(
      SessionFamily.tokenStatus(byNobody, { tokenHash: "token-0", instance: null }, 0, defaults)._tag,
      "Reused"
    )
  })

  it("[AUT2] the current token resumes the session for any instance, until its own grace period ends", () => {
    const end = rotatedAt + sessionTtl + sessionGrace
    for (const instance of ["phone", "laptop", null]) {
      assert.strictEqual(statusOf("token-1", instance, end - 1), "Current")
      assert.strictEqual(statusOf("token-1", instance, end), "Ended")
    }
    // Nothing is left to be revoked.
    assert.strictEqual(statusOf("token-0", "laptop", end), "Ended")
  })

  it("[AUT2] a successor is extended, not rotated, while its predecessor is in its grace period", () => {
    assert.isTrue(SessionFamily.mustRotate(opened, 0, defaults))
    assert.isFalse(SessionFamily.mustRotate(rotated, rotatedAt + sessionGrace - 1, defaults))
    assert.isTrue(SessionFamily.mustRotate(rotated, rotatedAt + sessionGrace, defaults))
    assert.strictEqual(SessionFamily.extend(rotated, rotatedAt + 7, defaults).expiresAt, rotatedAt + 7 + sessionTtl)
  })

  it("[CON5] a hold is shortened neither by a renewal nor by a shorter hold", () => {
    const held = SessionFamily.hold(opened, 10 * sessionTtl, defaults)
    assert.strictEqual(SessionLifetime.resumableUntil(held.expiresAt, defaults), 10 * sessionTtl)
    assert.strictEqual(SessionFamily.extend(held, 1, defaults).expiresAt, held.expiresAt)
    assert.strictEqual(SessionFamily.hold(held, 1, defaults).expiresAt, held.expiresAt)
  })
})

/** A family as the store keeps it, and all of its tokens in the order of their issue. */
class FamilyHistory {
  family: SessionFamily.SessionFamily | undefined = opened
  readonly issued = ["token-0"]
  now = 0

  /** The token that is current after `shown` was used, or undefined if nothing was resumed. */
  use(shown: SessionFamily.ShownToken, isRenewal: boolean): string | undefined {
    const { family, now } = this
    if (family === undefined) return undefined
    const status = SessionFamily.tokenStatus(family, shown, now, defaults)
    switch (status._tag) {
      case "Ended":
        return undefined
      case "Reused":
        this.family = undefined
        return undefined
      case "Repeated":
        return status.successorKey
      case "Current":
        if (!isRenewal) return shown.tokenHash
        if (!SessionFamily.mustRotate(family, now, defaults)) {
          this.family = SessionFamily.extend(family, now, defaults)
          return shown.tokenHash
        }
        // The key stands for the successor that it derives.
        this.issued.push(`token-${this.issued.length}`)
        this.family = SessionFamily.rotate(
          family,
          { tokenHash: this.issued.at(-1)!, successorKey: this.issued.at(-1)! },
          shown.instance,
          now,
          defaults
        )
        return this.issued.at(-1)
    }
  }
}

const wait = Schema.Literals([0, 1, 5_000, sessionGrace - 1, sessionGrace, 300_000, sessionTtl + sessionGrace])
const operation = Schema.Struct({
  tag: Schema.Literals(["renew", "resume", "resume", "sign_out"]),
  /** How many renewals ago the token was issued. */
  age: Schema.Literals([0, 0, 0, 0, 1, 1, 2, 3]),
  instance: Schema.NullOr(Schema.Literals(["phone", "phone", "laptop"])),
  wait
})

describe("histories of a family", () => {
  it.prop(
    "[AUT2] [SEC7] only the current token and, for the instance that renewed it, its predecessor resume; any other ends all",
    { operations: Arbitrary.array(Arbitrary.schema(operation), { minLength: 1, maxLength: 20 }) },
    ({ operations }) => {
      const history = new FamilyHistory()
      // The reference: of each token, when and by whom it was renewed; and whether the family has ended.
      const renewals: Array<{ readonly at: number; readonly instance: string | null }> = []
      let expiresAt = sessionTtl
      let over = false
      for (const { age, instance, tag, wait } of operations) {
        history.now += wait
        const { issued, now } = history
        over ||= now >= expiresAt + sessionGrace
        if (tag === "sign_out") {
          history.family = undefined
          over = true
          continue
        }
        const n = Math.max(0, issued.length - 1 - age)
        const count = issued.length
        const result = history.use({ tokenHash: issued[n]!, instance }, tag === "renew")
        const isLast = n === count - 1
        const renewal = renewals[n]
        const isRepeat = !over && !isLast && n === count - 2 && renewal !== undefined && instance !== null &&
          instance === renewal.instance && now < renewal.at + sessionGrace
        if (!over && isLast && tag === "renew") {
          const before = renewals[n - 1]
          const rotates = before === undefined || now >= before.at + sessionGrace
          assert.strictEqual(result, rotates ? `token-${count}` : issued[n])
          assert.lengthOf(issued, rotates ? count + 1 : count)
          if (rotates) renewals[n] = { at: now, instance }
          expiresAt = now + sessionTtl
        } else {
          assert.strictEqual(result, over ? undefined : isLast ? issued[n] : isRepeat ? issued[n + 1] : undefined)
          // A renewed token is not renewed a second time.
          assert.lengthOf(issued, count)
          if (!over && !isLast && !isRepeat) over = true
        }
        if (over) assert.isUndefined(history.use({ tokenHash: issued.at(-1)!, instance: "phone" }, false))
      }
    },
    { arbitrary: { runs: 1_000 } }
  )

  it.prop(
    "[AUT2] a client that loses answers, and repeats within the grace period, is never signed out",
    {
      renewals: Arbitrary.array(
        Arbitrary.schema(Schema.Struct({
          /** Milliseconds to each repetition; the last one's answer arrives. */
          repetitions: Schema.Array(Schema.Literals([0, 1, 4_000])).check(Schema.isMaxLength(6)),
          resumes: Schema.Boolean,
          wait: Schema.Literals([0, 1_000, 599_000])
        })),
        { minLength: 1, maxLength: 10 }
      )
    },
    ({ renewals }) => {
      const history = new FamilyHistory()
      let token: string | undefined = "token-0"
      for (const { repetitions, resumes, wait } of renewals) {
        history.now += wait
        let answer = history.use({ tokenHash: token, instance: "phone" }, true)
        for (const repetition of repetitions) {
          history.now += repetition
          const again = history.use({ tokenHash: token, instance: "phone" }, !resumes)
          if (answer !== token) assert.strictEqual(again, answer)
          answer = again
        }
        assert.isDefined(answer)
        token = answer!
      }
    },
    { arbitrary: { runs: 500 } }
  )
})
