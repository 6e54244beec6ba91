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
export const v0_2: ApprovalPolicy = {
  quorum: { _tag: "Unanimous" },
  closeOnFirstDeny: false,
  onExpire: { voted: "treasury", unvoted: "author" },
  shares: { approved: "approvers", denied: "commons", split: "proportional" }
}

/** The older rules (THR5): approved stakes stay with the thread, deniers are rewarded, all else goes to the treasury. */
export const v0_1: ApprovalPolicy = {
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
export type Outcome = "undecided" | "approved" | "denied" | "split" | "expired"

/** What came of a vote. A vote without voters stays undecided until it expires. */
export const outcome = (policy: ApprovalPolicy, ballot: Ballot): Outcome => {
  const weigh = weigher(policy.quorum, ballot.weights)
  const total = sum(ballot.voters.map(weigh))
  const approving = sum(by(ballot, "approve").map(weigh))
  const denying = sum(by(ballot, "deny").map(weigh))
  const needed = required(policy.quorum, total)
  const failed = total - denying < needed && (policy.quorum._tag !== "Unanimous" || approving + denying === total)
  const denied = by(ballot, "deny").length > 0
  if (total > 0 && approving >= needed) return "approved"
  if (denied && (failed || policy.closeOnFirstDeny)) return by(ballot, "approve").length === 0 ? "denied" : "split"
  return ballot.expired ? "expired" : "undecided"
}

/** Unanimity waits for every vote, because the shares depend on all of them; the others end when nothing can change. */
const required = (quorum: Quorum, total: number): number => {
  switch (quorum._tag) {
    case "Unanimous":
      return total
    case "MOfN":
      return Math.max(1, Math.min(quorum.m, total))
    case "StakeWeighted":
      return Math.max(1, Math.min(Math.ceil(total * quorum.permille / 1000), total))
  }
}

const weigher = (quorum: Quorum, weights: ReadonlyMap<string, number> | undefined) => (voter: string): number =>
  quorum._tag === "StakeWeighted" ? weights?.get(voter) ?? 1 : 1

/** Who is paid. */
export type Beneficiary =
  | { readonly _tag: "Treasury" }
  | { readonly _tag: "Commons" }
  | { readonly _tag: "Author" }
  | { readonly _tag: "Voter"; readonly voter: string }

/** A part of a stake, in whole tokens. */
export interface Share {
  readonly to: Beneficiary
  readonly amount: number
}

/** Divides a stake of whole tokens after a vote; the shares add up to it exactly, what cannot be divided to the treasury. */
export const shares = (
  policy: ApprovalPolicy,
  decided: Exclude<Outcome, "undecided">,
  stake: number,
  ballot: Ballot
): ReadonlyArray<Share> => {
  const approvers = by(ballot, "approve")
  switch (destination(policy, decided, ballot)) {
    case "approvers":
      return equally(stake, approvers)
    case "deniers":
      return equally(stake, by(ballot, "deny"))
    case "commons":
      return paid([{ to: { _tag: "Commons" }, amount: stake }])
    case "treasury":
      return paid([{ to: { _tag: "Treasury" }, amount: stake }])
    case "author":
      return paid([{ to: { _tag: "Author" }, amount: stake }])
    case "proportional": {
      // The thread's part is rounded down, so that the remainder is the treasury's.
      const cast = Math.max(1, ballot.votes.length)
      const commons = Math.floor(stake * (cast - approvers.length) / cast)
      return paid([
        { to: { _tag: "Commons" }, amount: commons },
        { to: { _tag: "Treasury" }, amount: stake - commons }
      ])
    }
  }
}

const destination = (
  policy: ApprovalPolicy,
  decided: Exclude<Outcome, "undecided">,
  ballot: Ballot
): Destination =>
  decided === "expired"
    ? ballot.votes.length > 0 ? policy.onExpire.voted : policy.onExpire.unvoted
    : policy.shares[decided]

const equally = (stake: number, voters: ReadonlyArray<string>): ReadonlyArray<Share> => {
  const each = voters.length === 0 ? 0 : Math.floor(stake / voters.length)
  return paid([
    ...voters.map((voter): Share => ({ to: { _tag: "Voter", voter }, amount: each })),
    { to: { _tag: "Treasury" }, amount: stake - each * voters.length }
  ])
}

const paid = (all: ReadonlyArray<Share>): ReadonlyArray<Share> => all.filter((share) => share.amount > 0)

const by = (ballot: Ballot, choice: "approve" | "deny"): ReadonlyArray<string> =>
  ballot.votes.filter((vote) => vote.choice === choice).map((vote) => vote.voter)

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, n) => total + n, 0)
