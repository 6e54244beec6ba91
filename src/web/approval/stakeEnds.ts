/** How the vote on a submission has ended or can still end, and where its stake goes then. Pure; the domain decides (THR4). */
import { Equal } from "effect"
import * as Approval from "../../domain/approval/Approval.ts"
import type { PlainSubmission } from "../../domain/thread/ThreadModel.ts"
import { approvalPolicy } from "../../domain/thread/ThreadSubmissions.ts"

/** What the end of a vote depends on. */
export type Staked = Pick<PlainSubmission, "stake" | "status" | "voters" | "votes">

/** An end of a vote. `returned`: it was withdrawn, or there was nobody to vote. */
export interface StakeEnd {
  readonly outcome: Exclude<Approval.BallotOutcome, "undecided"> | "returned"
  /** Where the stake goes; undefined where that depends on votes that are missing. */
  readonly shares: ReadonlyArray<Approval.StakeShare> | undefined
}

const endOf = (stake: number, ballot: Approval.Ballot): StakeEnd | undefined => {
  const outcome = Approval.tally(approvalPolicy, ballot)
  return outcome === "undecided"
    ? undefined
    : { outcome, shares: Approval.divideStake(approvalPolicy, outcome, stake, ballot) }
}

/** The end of a settled submission; undefined while it is open. */
export const settledEnd = ({ stake, status, voters, votes }: Staked): StakeEnd | undefined => {
  if (status === "pending") return undefined
  const returned: StakeEnd = { outcome: "returned", shares: [{ to: { _tag: "Author" }, amount: stake }] }
  return status === "cancelled"
    ? returned
    : endOf(stake, { voters, votes, expired: status === "expired" }) ?? returned
}

/** The ends that the votes of an open submission can still lead to, with `next` cast before: each outcome once. */
export const possibleEnds = (
  { stake, voters, votes }: Staked,
  next?: Approval.Ballot["votes"][number]
): ReadonlyArray<StakeEnd> => {
  const cast = next === undefined ? votes : [...votes, next]
  const missing = voters.filter((voter) => cast.every((vote) => vote.voter !== voter))
  const ends = new Map<StakeEnd["outcome"], StakeEnd>()
  for (let denials = 0; denials <= missing.length; denials++) {
    const rest = missing.map((voter, index) => ({
      voter,
      choice: index < denials ? "deny" as const : "approve" as const
    }))
    const end = endOf(stake, { voters, votes: [...cast, ...rest], expired: false })
    if (end === undefined) continue
    const known = ends.get(end.outcome)
    ends.set(end.outcome, known === undefined || Equal.equals(known, end) ? end : { ...end, shares: undefined })
  }
  return [...ends.values()]
}
