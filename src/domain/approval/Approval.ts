/**
 * The approval primitive: the outcome of a vote, and the division of the stake (THR4, THR5, THR9).
 *
 * Arithmetic over names. It owns neither messages nor accounts, so that it can gate any command of any kind.
 */
import { Schema } from "effect"

/** The votes that approval requires (THR5). */
export const Quorum = Schema.TaggedUnion({
  /** All voters approve. The vote continues until everyone has voted. */
  Unanimous: {},
  /** `m` approvals, or all voters when there are fewer. */
  MOfN: { m: Schema.Natural },
  /** Approvals with at least `permille` thousandths of the weight of all voters. */
  StakeWeighted: { permille: Schema.Natural }
})
export type Quorum = typeof Quorum.Type

/**
 * The beneficiary of a stake. `approvers` and `deniers` share it equally. `commons` is the account of the place of the
 * vote, the thread. `proportional` gives stake x approvers / votes cast to the treasury and the rest to the commons.
 */
export const Destination = Schema.Literals([
  "approvers",
  "deniers",
  "commons",
  "treasury",
  "author",
  "proportional"
])
export type Destination = typeof Destination.Type

/** The rules of a vote as data (THR5). */
export const ApprovalPolicy = Schema.Struct({
  quorum: Quorum,
  /** Whether the first denial ends the vote, with the votes cast so far. */
  closeOnFirstDeny: Schema.Boolean,
  onExpire: Schema.Struct({ voted: Destination, unvoted: Destination }),
  shares: Schema.Struct({ approved: Destination, denied: Destination, split: Destination })
})
export type ApprovalPolicy = typeof ApprovalPolicy.Type

/** The default (THR4): approvers share the stake; a denied stake goes to the thread. */
export const defaultPolicy: ApprovalPolicy = {
  quorum: { _tag: "Unanimous" },
  closeOnFirstDeny: false,
  onExpire: { voted: "treasury", unvoted: "author" },
  shares: { approved: "approvers", denied: "commons", split: "proportional" }
}

/** The rules of version 0.1 (THR5): the thread gets an approved stake, deniers share a denied one, the treasury gets all others. */
export const legacyPolicy: ApprovalPolicy = {
  quorum: { _tag: "Unanimous" },
  closeOnFirstDeny: false,
  onExpire: { voted: "treasury", unvoted: "treasury" },
  shares: { approved: "commons", denied: "deniers", split: "treasury" }
}

/** The voters and the votes cast so far, at most one of each voter. */
export interface Ballot {
  readonly voters: ReadonlyArray<string>
  readonly votes: ReadonlyArray<{ readonly voter: string; readonly choice: "approve" | "deny" }>
  readonly expired: boolean
  /** The weights for `StakeWeighted`; default 1. */
  readonly weights?: ReadonlyMap<string, number>
}

/** The state of a vote. `denied` (no approval) and `split` both reject; they differ in the beneficiary of the stake. */
export type BallotOutcome = "undecided" | "approved" | "denied" | "split" | "expired"

/** The outcome of a vote (THR4, THR5). A vote without voters is undecided until it expires. */
export const tally = (policy: ApprovalPolicy, ballot: Ballot): BallotOutcome => {
  const weightOf = makeWeightOf(policy.quorum, ballot.weights)
  const approvers = votersChoosing(ballot, "approve")
  const deniers = votersChoosing(ballot, "deny")
  const total = sum(ballot.voters.map(weightOf))
  const approvingWeight = sum(approvers.map(weightOf))
  const denyingWeight = sum(deniers.map(weightOf))
  const neededWeight = requiredWeight(policy.quorum, total)
  // Unanimity waits for all votes, because the shares depend on them. Other votes end when they can no longer pass.
  const quorumUnreachable = total - denyingWeight < neededWeight &&
    (policy.quorum._tag !== "Unanimous" || approvingWeight + denyingWeight === total)
  if (total > 0 && approvingWeight >= neededWeight) return "approved"
  if (deniers.length > 0 && (quorumUnreachable || policy.closeOnFirstDeny)) {
    return approvers.length === 0 ? "denied" : "split"
  }
  return ballot.expired ? "expired" : "undecided"
}

/** The weight of approvals that passes the vote. */
const requiredWeight = (quorum: Quorum, totalWeight: number): number => {
  switch (quorum._tag) {
    case "Unanimous":
      return totalWeight
    case "MOfN":
      return Math.max(1, Math.min(quorum.m, totalWeight))
    case "StakeWeighted":
      return Math.max(1, Math.min(Math.ceil(totalWeight * quorum.permille / 1000), totalWeight))
  }
}

const makeWeightOf = (quorum: Quorum, weights: ReadonlyMap<string, number> | undefined) => (voter: string): number =>
  quorum._tag === "StakeWeighted" ? weights?.get(voter) ?? 1 : 1

/** The recipient of a share. */
export type Beneficiary =
  | { readonly _tag: "Treasury" }
  | { readonly _tag: "Commons" }
  | { readonly _tag: "Author" }
  | { readonly _tag: "Voter"; readonly voter: string }

/** A share of a stake, in whole tokens. */
export interface StakeShare {
  readonly to: Beneficiary
  readonly amount: number
}

/** Divides a stake after a vote (THR4, THR5). The shares add up to the stake; the treasury gets the remainder. */
export const divideStake = (
  policy: ApprovalPolicy,
  outcome: Exclude<BallotOutcome, "undecided">,
  stake: number,
  ballot: Ballot
): ReadonlyArray<StakeShare> => {
  const approvers = votersChoosing(ballot, "approve")
  switch (selectDestination(policy, outcome, ballot)) {
    case "approvers":
      return divideEqually(stake, approvers)
    case "deniers":
      return divideEqually(stake, votersChoosing(ballot, "deny"))
    case "commons":
      return withoutZeroShares([{ to: { _tag: "Commons" }, amount: stake }])
    case "treasury":
      return withoutZeroShares([{ to: { _tag: "Treasury" }, amount: stake }])
    case "author":
      return withoutZeroShares([{ to: { _tag: "Author" }, amount: stake }])
    case "proportional": {
      // The thread's part is rounded down, so that the remainder is the treasury's.
      const cast = Math.max(1, ballot.votes.length)
      const commons = Math.floor(stake * (cast - approvers.length) / cast)
      return withoutZeroShares([
        { to: { _tag: "Commons" }, amount: commons },
        { to: { _tag: "Treasury" }, amount: stake - commons }
      ])
    }
  }
}

const selectDestination = (
  policy: ApprovalPolicy,
  outcome: Exclude<BallotOutcome, "undecided">,
  ballot: Ballot
): Destination =>
  outcome === "expired"
    ? ballot.votes.length > 0 ? policy.onExpire.voted : policy.onExpire.unvoted
    : policy.shares[outcome]

const divideEqually = (stake: number, voters: ReadonlyArray<string>): ReadonlyArray<StakeShare> => {
  const each = voters.length === 0 ? 0 : Math.floor(stake / voters.length)
  return withoutZeroShares([
    ...voters.map((voter): StakeShare => ({ to: { _tag: "Voter", voter }, amount: each })),
    { to: { _tag: "Treasury" }, amount: stake - each * voters.length }
  ])
}

const withoutZeroShares = (stakeShares: ReadonlyArray<StakeShare>): ReadonlyArray<StakeShare> =>
  stakeShares.filter((share) => share.amount > 0)

const votersChoosing = (ballot: Ballot, choice: "approve" | "deny"): ReadonlyArray<string> =>
  ballot.votes.filter((vote) => vote.choice === choice).map((vote) => vote.voter)

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, n) => total + n, 0)
