import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Approval from "../../../src/domain/approval/Approval.ts"

const policy = Approval.defaultPolicy

/** `+` approves, `-` denies, `.` has not voted. */
const ballot = (votes: string, expired = false): Approval.Ballot => {
  const voters = [...votes].map((_, n) => `v${n}`)
  return {
    voters,
    votes: voters.flatMap((voter, n) =>
      votes[n] === "." ? [] : [{ voter, choice: votes[n] === "+" ? "approve" as const : "deny" as const }]
    ),
    expired
  }
}

/** Shares as text: `v0 500`. */
const shareTexts = (
  approvalPolicy: Approval.ApprovalPolicy,
  outcome: Exclude<Approval.BallotOutcome, "undecided">,
  stake: number,
  votes: string
) =>
  Approval.divideStake(approvalPolicy, outcome, stake, ballot(votes)).map(({ amount, to }) =>
    `${to._tag === "Voter" ? to.voter : to._tag} ${amount}`
  )

const mOfN = (m: number): Approval.ApprovalPolicy => ({ ...policy, quorum: { _tag: "MOfN", m } })

describe("The default policy", () => {
  it.each([
    ["+", false, "approved"],
    ["-", false, "denied"],
    ["++", false, "approved"],
    ["--", false, "denied"],
    ["+-", false, "split"],
    ["+.", false, "undecided"],
    ["-.", false, "undecided"],
    ["-.", true, "expired"],
    ["..", true, "expired"],
    ["", false, "undecided"],
    ["", true, "expired"],
    // A vote that was decided in time does not expire.
    ["++", true, "approved"]
  ])("[THR4] votes '%s', expired %s: %s", (votes, expired, expected) => {
    assert.strictEqual(Approval.tally(policy, ballot(votes, expired)), expected)
  })

  it("[THR4] the stake is divided by the outcome", () => {
    assert.deepStrictEqual(shareTexts(policy, "approved", 1_000, "+++"), ["v0 333", "v1 333", "v2 333", "Treasury 1"])
    assert.deepStrictEqual(shareTexts(policy, "denied", 1_000, "--"), ["Commons 1000"])
    assert.deepStrictEqual(shareTexts(policy, "split", 1_000, "++-"), ["Commons 333", "Treasury 667"])
    assert.deepStrictEqual(shareTexts(policy, "expired", 1_000, "+."), ["Treasury 1000"])
    assert.deepStrictEqual(shareTexts(policy, "expired", 1_000, ".."), ["Author 1000"])
  })
})

describe("Other policies", () => {
  it("[THR5] the rules of version 0.1 are a preset", () => {
    assert.deepStrictEqual(shareTexts(Approval.legacyPolicy, "approved", 1_000, "++"), ["Commons 1000"])
    assert.deepStrictEqual(shareTexts(Approval.legacyPolicy, "denied", 1_000, "--"), ["v0 500", "v1 500"])
    assert.deepStrictEqual(shareTexts(Approval.legacyPolicy, "split", 1_000, "+-"), ["Treasury 1000"])
    assert.deepStrictEqual(shareTexts(Approval.legacyPolicy, "expired", 1_000, ".."), ["Treasury 1000"])
  })

  it.each([
    ["++.", "approved"],
    ["+-.", "undecided"],
    ["--.", "denied"],
    ["+--", "split"],
    ["+", "approved"]
  ])("[THR5] two of n with votes '%s': %s", (votes, expected) => {
    assert.strictEqual(Approval.tally(mOfN(2), ballot(votes)), expected)
  })

  it("[THR5] with closeOnFirstDeny the first denial ends the vote", () => {
    const strict = { ...policy, closeOnFirstDeny: true }
    assert.strictEqual(Approval.tally(strict, ballot("-..")), "denied")
    assert.strictEqual(Approval.tally(strict, ballot("+-.")), "split")
    assert.deepStrictEqual(shareTexts(strict, "split", 1_000, "+-."), ["Commons 500", "Treasury 500"])
  })

  it("[THR5] a stake-weighted quorum counts the weights of the voters", () => {
    const weighted: Approval.ApprovalPolicy = { ...policy, quorum: { _tag: "StakeWeighted", permille: 600 } }
    const weights = new Map([["v0", 60], ["v1", 30], ["v2", 10]])
    assert.strictEqual(Approval.tally(weighted, { ...ballot("+.."), weights }), "approved")
    assert.strictEqual(Approval.tally(weighted, { ...ballot("-.."), weights }), "denied")
    assert.strictEqual(Approval.tally(weighted, { ...ballot(".++"), weights }), "undecided")
  })

  const anyBallot = Arbitrary.all({
    policy: Arbitrary.schema(Approval.ApprovalPolicy),
    votes: Arbitrary.array(Arbitrary.schema(Schema.Literals(["+", "-", "."])), { maxLength: 9 }),
    stake: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000_000_000 }))),
    expired: Arbitrary.schema(Schema.Boolean)
  })

  it.prop("[THR4][LED2] under every policy the shares add up to the stake", { anyBallot }, ({ anyBallot }) => {
    const cast = ballot(anyBallot.votes.join(""), anyBallot.expired)
    const decided = Approval.tally(anyBallot.policy, cast)
    if (decided === "undecided") {
      assert.isFalse(anyBallot.expired)
      return
    }
    const shares = Approval.divideStake(anyBallot.policy, decided, anyBallot.stake, cast)
    assert.strictEqual(shares.reduce((sum, share) => sum + share.amount, 0), anyBallot.stake)
    assert.isTrue(shares.every(({ amount }) => Number.isSafeInteger(amount) && amount > 0))
  })

  it.prop("[THR4] a unanimous vote is decided only when every voter has voted", { anyBallot }, ({ anyBallot }) => {
    const decided = Approval.tally(policy, ballot(anyBallot.votes.join("")))
    if (decided === "undecided") return
    assert.notInclude(anyBallot.votes, ".")
  })
})
