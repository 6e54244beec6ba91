/**
 * How co-authors come and go but by what they write: invited with everybody's
 * approval, or leaving with their share (THR7). An invitation is a command that
 * waits behind a gate until the others have voted on it (THR9).
 */
import * as Approval from "../approval/Approval.ts"
import * as Ledger from "../ledger/LedgerModel.ts"
import { deriveId, type Instant, type UserId } from "../protocol/Ids.ts"
import * as Identity from "../session/Identity.ts"
import { reject, type SendCommand } from "../topic/Topic.ts"
import {
  acceptEvents,
  type Actor,
  type DecisionResult,
  idConflict,
  isCoAuthor,
  isIdTaken,
  rejectIfClosed,
  rejectWith,
  threadLimits
} from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, PendingApproval, State, Vote } from "./ThreadModel.ts"
import * as Submissions from "./ThreadSubmissions.ts"

// -- Decisions ---------------------------------------------------------------

/** THR7: by a co-author; all others must approve. Whoever is alone decides alone. */
export const inviteCoAuthor = (
  state: State,
  { user: invitee }: CommandOf<"invite_co_author">,
  { id, now, user }: Actor
): DecisionResult => {
  const rejection = rejectIfClosed(state, user)
  if (rejection !== undefined) return reject(rejection)
  if (!isCoAuthor(state, user)) return rejectWith("forbidden", "THR7", "only co-authors invite others")
  if (isIdTaken(state, id)) return reject(idConflict)
  // Somebody who can never sign in could never vote, and so would block every vote from then on.
  if (!Identity.isValidPublicKey(invitee)) {
    return rejectWith("malformed", "SEC4", "this is not a key that anybody could prove")
  }
  if (isCoAuthor(state, invitee)) return rejectWith("rule_violated", "THR7", "they are a co-author already")
  if (state.gates.some(({ action }) => action.user === invitee)) {
    return rejectWith("rule_violated", "THR7", "they are invited already, and the vote is still open")
  }
  if (state.gates.length >= threadLimits.maxPendingApprovals) {
    return rejectWith(
      "rule_violated",
      "THR7",
      `${threadLimits.maxPendingApprovals} invitations are open already; wait for the votes on them`
    )
  }
  const voters = state.co_authors.filter((coAuthor) => coAuthor !== user)
  const action = { _tag: "Invite", user: invitee } as const
  const event: EventOf<"GateOpened"> = {
    _tag: "GateOpened",
    id,
    action,
    by: user,
    voters,
    at: now,
    expires_at: now + threadLimits.submissionTtlMillis
  }
  return acceptEvents(event, ...settleApproval(approvalOf(event), false, now))
}

/** One vote each, final; the last one opens the gate or closes it. */
export const castApprovalVote = (
  approval: PendingApproval,
  { decision }: CommandOf<"process_approval">,
  { now, user }: Actor
): DecisionResult => {
  if (!approval.voters.includes(user)) return rejectWith("forbidden", "THR9", "this is not yours to vote on")
  if (approval.votes.some((vote) => vote.voter === user)) {
    return rejectWith("rule_violated", "THR3", "you have voted on this, and a vote is final")
  }
  if (approval.expires_at <= now) return rejectWith("rule_violated", "THR9", "the time to vote on this is over")
  const newVote: Vote = { voter: user, choice: decision, at: now }
  return acceptEvents(
    { _tag: "VoteCast", message_id: approval.id, ...newVote },
    ...settleApproval({ ...approval, votes: [...approval.votes, newVote] }, false, now)
  )
}

/** THR7: out, with an equal share of what the thread holds; votes that waited for the leaver alone are over. */
export const leaveWithShare = (state: State, { id, now, user }: Actor): DecisionResult => {
  const rejection = rejectIfClosed(state, user)
  if (rejection !== undefined) return reject(rejection)
  if (!isCoAuthor(state, user)) return rejectWith("forbidden", "THR7", "only a co-author can leave with a share")
  if (state.co_authors.length === 1) {
    return rejectWith("rule_violated", "THR7", "the last co-author cannot leave, but can close the thread")
  }
  const amount = Math.floor(state.token_balance / state.co_authors.length)
  const event: EventOf<"Divested"> = {
    _tag: "Divested",
    user,
    amount,
    asks: amount === 0 ? null : sharePayout(state, { id, user }, amount),
    at: now
  }
  const next = applyDivested(state, event)
  return acceptEvents(
    event,
    ...Submissions.settleDecided(next, now),
    ...next.gates.flatMap((gate) => settleApproval(gate, false, now))
  )
}

const sharePayout = (state: State, { id, user }: Pick<Actor, "id" | "user">, amount: number): SendCommand => ({
  _tag: "Tell",
  id: deriveId(id, ":share"),
  topic: Ledger.mainLedger,
  input: {
    _tag: "Transfer",
    from: Ledger.threadAccount(state.id),
    to: Ledger.userAccount(user),
    amount,
    reason: `a co-author left ${state.id}`
  }
})

/** The clock's work: gates whose time is over. */
export const expireApprovals = (state: State, now: Instant): ReadonlyArray<Event> =>
  state.gates.filter((gate) => gate.expires_at <= now).flatMap((gate) => settleApproval(gate, true, now))

/** When the next gate's time is over. */
export const nextApprovalExpiry = (state: State): Instant | undefined =>
  state.gates.length === 0 ? undefined : Math.min(...state.gates.map((gate) => gate.expires_at))

const settleApproval = (approval: PendingApproval, expired: boolean, at: Instant): ReadonlyArray<Event> => {
  const tallied = approval.voters.length === 0
    ? "approved"
    : Approval.tally(Approval.defaultPolicy, { voters: approval.voters, votes: approval.votes, expired })
  if (tallied === "undecided") return []
  const outcome = tallied === "approved" || tallied === "expired" ? tallied : "rejected"
  return [{ _tag: "GateClosed", id: approval.id, outcome, at }]
}

// -- Evolution ---------------------------------------------------------------

const approvalOf = ({ action, at, by, expires_at, id, voters }: EventOf<"GateOpened">): PendingApproval => ({
  id,
  action,
  by,
  voters,
  votes: [],
  opened_at: at,
  expires_at
})

export const applyGateOpened = (state: State, event: EventOf<"GateOpened">): State => ({
  ...state,
  gates: [...state.gates, approvalOf(event)]
})

/** Undefined when the vote is on something else. */
export const applyApprovalVote = (state: State, { message_id, ...cast }: EventOf<"VoteCast">): State | undefined => {
  if (!state.gates.some((gate) => gate.id === message_id)) return undefined
  const vote: Vote = { voter: cast.voter, choice: cast.choice, at: cast.at }
  const gates = state.gates.map((gate) => gate.id === message_id ? { ...gate, votes: [...gate.votes, vote] } : gate)
  return { ...state, gates }
}

/** What waited behind an approved gate happens. */
export const applyGateClosed = (state: State, { id, outcome }: EventOf<"GateClosed">): State => {
  const approval = state.gates.find((gate) => gate.id === id)
  const gates = state.gates.filter((gate) => gate.id !== id)
  return approval === undefined || outcome !== "approved" || isCoAuthor(state, approval.action.user)
    ? { ...state, gates }
    : { ...state, gates, co_authors: [...state.co_authors, approval.action.user] }
}

/** THR3: a leaver's missing vote leaves the quorum. */
export const applyDivested = (state: State, { amount, asks, user }: EventOf<"Divested">): State => ({
  ...state,
  co_authors: state.co_authors.filter((coAuthor) => coAuthor !== user),
  submissions: state.submissions.map((submission) =>
    submission.status === "pending" ? withoutVoter(submission, user) : submission
  ),
  gates: state.gates.map((gate) => withoutVoter(gate, user)),
  token_balance: state.token_balance - amount,
  owed: asks === null ? state.owed : [...state.owed, asks]
})

const withoutVoter = <A extends Pick<PendingApproval, "voters" | "votes">>(ballot: A, user: UserId): A =>
  !ballot.voters.includes(user) || ballot.votes.some((vote) => vote.voter === user)
    ? ballot
    : { ...ballot, voters: ballot.voters.filter((voter) => voter !== user) }
