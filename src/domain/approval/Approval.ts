/**
 * The approval primitive: when a vote is over, what came of it, and who gets
 * what was staked on it (THR4, THR5, THR9).
 *
 * Pure arithmetic over names: it knows neither messages nor accounts, so any
 * command of any kind can be put behind it.
 */
import { Schema } from "effect"

/** What approval takes. */
export const Quorum = Schema.TaggedUnion({
  /** Every voter has voted, and all approve. */
  Unanimous: {},
  /** `m` approvals, or all voters when there are fewer. */
  MOfN: { m: Schema.Natural },
  /** Approvals that weigh `permille` thousandths of all voters' weight. */
  StakeWeighted: { permille: Schema.Natural }
})
export type Quorum = typeof Quorum.Type

/**
 * Where a stake goes. `approvers` and `deniers` share equally; `commons` is what the vote was held in (the thread);
 * `proportional` sends the approvers' part (stake x approvers / votes cast) to the treasury and the rest to the commons.
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

/** A vote's rules as data (THR5). */
export const ApprovalPolicy = Schema.Struct({
  quorum: Quorum,
  /** Whether one denial ends the vote, settled on the votes cast so far. */
  closeOnFirstDeny: Schema.Boolean,
  onExpire: Schema.Struct({ voted: Destination, unvoted: Destination }),
  shares: Schema.Struct({ approved: Destination, denied: Destination, split: Destination })
})
export type ApprovalPolicy = typeof ApprovalPolicy.Type

/** The default (THR4): approvers are rewarded, denied stakes stay with the thread. */
export const defaultPolicy: ApprovalPolicy = {
  quorum: { _tag: "Unanimous" },
  closeOnFirstDeny: false,
  onExpire: { voted: "treasury", unvoted: "author" },
  shares: { approved: "approvers", denied: "commons", split: "proportional" }
}

/** The older rules (THR5): approved stakes stay with the thread, deniers are rewarded, all else goes to the treasury. */
export const legacyPolicy: ApprovalPolicy = {
  quorum: { _tag: "Unanimous" },
  closeOnFirstDeny: false,
  onExpire: { voted: "treasury", unvoted: "treasury" },
  shares: { approved: "commons", denied: "deniers", split: "treasury" }
}

/** The votes cast so far. Every vote is by one of `voters`, one each. */
export interface Ballot {
  readonly voters: ReadonlyArray<string>
  readonly votes: ReadonlyArray<{ readonly voter: string; readonly choice: "approve" | "deny" }>
  readonly expired: boolean
  /** For `StakeWeighted`; a voter who is not in it weighs 1. */
  readonly weights?: ReadonlyMap<string, number>
}

/** `denied` and `split` are both refusals; they differ in where the stake goes. */
export type BallotOutcome = "undecided" | "approved" | "denied" | "split" | "expired"

/** What came of a vote. A vote without voters stays undecided until it expires. */
export const tally = (policy: ApprovalPolicy, ballot: Ballot): BallotOutcome => {
  const weightOf = makeWeightOf(policy.quorum, ballot.weights)
  const total = sum(ballot.voters.map(weightOf))
  const approvingWeight = sum(votersChoosing(ballot, "approve").map(weightOf))
  const denyingWeight = sum(votersChoosing(ballot, "deny").map(weightOf))
  const neededWeight = requiredWeight(policy.quorum, total)
  const quorumUnreachable = total - denyingWeight < neededWeight &&
    (policy.quorum._tag !== "Unanimous" || approvingWeight + denyingWeight === total)
  const hasDenials = votersChoosing(ballot, "deny").length > 0
  if (total > 0 && approvingWeight >= neededWeight) return "approved"
  if (hasDenials && (quorumUnreachable || policy.closeOnFirstDeny)) {
    return votersChoosing(ballot, "approve").length === 0 ? "denied" : "split"
  }
  return ballot.expired ? "expired" : "undecided"
}

/** Unanimity waits for every vote, because the shares depend on all of them; the others end when nothing can change. */
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

/** Who is paid. */
export type Beneficiary =
  | { readonly _tag: "Treasury" }
  | { readonly _tag: "Commons" }
  | { readonly _tag: "Author" }
  | { readonly _tag: "Voter"; readonly voter: string }

/** A part of a stake, in whole tokens. */
export interface StakeShare {
  readonly to: Beneficiary
  readonly amount: number
}

/** Divides a stake of whole tokens after a vote; the shares add up to it exactly, what cannot be divided to the treasury. */
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
