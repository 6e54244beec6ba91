/** The votes on a submission or a gate: casting and losing them (THR3, THR9). `Approval` decides their outcome. */
import type { BallotOutcome } from "../approval/Approval.ts"
import type { UserId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import { ownerField } from "./ThreadAgents.ts"
import type { EventOf, PendingApproval } from "./ThreadModel.ts"

/** The fields that submissions and gates share. */
type Votes = Pick<PendingApproval, "voters" | "votes">

const hasVoted = ({ votes }: Votes, user: UserId): boolean => votes.some(({ voter }) => voter === user)

/** The rejection of a second vote (THR3). */
export const rejectIfVoted = (votes: Votes, user: UserId): Rejection | undefined =>
  hasVoted(votes, user)
    ? makeRejection("rule_violated", "THR3", "you have voted on this already: a vote is final")
    : undefined

/** THR3: with one more vote. */
export const withVote = <A extends Votes>(votes: A, { at, choice, owner, voter }: EventOf<"VoteCast">): A => ({
  ...votes,
  votes: [...votes.votes, { voter, ...ownerField(owner), choice, at }]
})

/** THR3: without a voter who has left, unless the vote is cast. */
export const withoutVoter = <A extends Votes>(votes: A, user: UserId): A =>
  !votes.voters.includes(user) || hasVoted(votes, user)
    ? votes
    : { ...votes, voters: votes.voters.filter((voter) => voter !== user) }

/** The outcome of a vote that has ended. Denied and split votes differ in their shares only (THR4). */
export const outcomeOf = (tallied: Exclude<BallotOutcome, "undecided">): "approved" | "expired" | "rejected" =>
  tallied === "approved" || tallied === "expired" ? tallied : "rejected"
