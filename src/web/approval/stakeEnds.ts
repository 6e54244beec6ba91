/** How the vote on a submission can still end, and where its stake goes. Pure; the domain decides (THR4). */
import { Equal } from "effect"
import * as Approval from "../../domain/approval/Approval.ts"
import type { PlainSubmission } from "../../domain/thread/ThreadModel.ts"
import { approvalPolicy } from "../../domain/thread/ThreadSubmissions.ts"

type Staked = Pick<PlainSubmission, "stake" | "status" | "voters" | "votes">

/** Where the stake of a settled submission went; undefined while it is open. */
export const settledShares = (
  { stake, status, voters, votes }: Staked
): ReadonlyArray<Approval.StakeShare> | undefined => {
  if (status === "pending") return undefined
  const ballot = { voters, votes, expired: status === "expired" }
  const outcome = status === "cancelled" ? "undecided" : Approval.tally(approvalPolicy, ballot)
  // It was withdrawn, or nobody was there to vote.
  return outcome === "undecided"
    ? [{ to: { _tag: "Author" }, amount: stake }]
    : Approval.divideStake(approvalPolicy, outcome, stake, ballot)
}

/** An end that votes can lead to. */
export interface PossibleEnd {
  readonly outcome: "approved" | "denied" | "split"
  /** Where the stake goes then; undefined where that depends on votes that are missing. */
  readonly shares: ReadonlyArray<Approval.StakeShare> | undefined
}

/** The ends that the votes of an open submission can still lead to, with `next` cast before: each outcome once. */
export const possibleEnds = (
  { stake, voters, votes }: Staked,
  next?: Approval.Ballot["votes"][number]
): ReadonlyArray<PossibleEnd> => {
  const cast = next === undefined ? votes : [...votes, next]
  const missing = voters.filter((voter) => cast.every((vote) => vote.voter !== voter))
  const ends = new Map<PossibleEnd["outcome"], PossibleEnd>()
  for (let denials = 0; denials <= missing.length; denials++) {
    const rest = missing.map((voter, index) => ({
      voter,
      choice: index < denials ? "deny" as const : "approve" as const
    }))
    const ballot = { voters, votes: [...cast, ...rest], expired: false }
    const outcome = Approval.tally(approvalPolicy, ballot)
    if (outcome === "undecided" || outcome === "expired") continue
    const shares = Approval.divideStake(approvalPolicy, outcome, stake, ballot)
    const known = ends.get(outcome)
    ends.set(outcome, {
      outcome,
      shares: known === undefined || Equal.equals(known.shares, shares) ? shares : undefined
    })
  }
  return [...ends.values()]
}
