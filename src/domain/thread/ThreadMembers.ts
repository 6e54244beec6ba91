/**
 * Inviting co-authors and leaving a thread (THR7), and the gate that an invitation waits behind until the other
 * co-authors have voted (THR9). Does not own co-authors by an approved submission; see `ThreadSubmissions`.
 */
import * as Approval from "../approval/Approval.ts"
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { deriveId, type Instant } from "../protocol/Ids.ts"
import * as Identity from "../session/Identity.ts"
import { reject } from "../topic/Topic.ts"
import * as ThreadAgents from "./ThreadAgents.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, PendingApproval, State } from "./ThreadModel.ts"
import * as ThreadSubmissions from "./ThreadSubmissions.ts"
import * as ThreadVotes from "./ThreadVotes.ts"

// -- Decisions ---------------------------------------------------------------

/** THR7, THR9: opens a gate. Without other co-authors it passes at once. */
export const inviteCoAuthor = (
  state: State,
  { user: invitee }: CommandOf<"invite_co_author">,
  { id, now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const rejection = ThreadGuards.rejectIfClosed(state)
  if (rejection !== undefined) return reject(rejection)
  if (!ThreadGuards.isCoAuthor(state, user)) {
    return ThreadGuards.rejectWith("forbidden", "THR7", "only co-authors can invite others")
  }
  if (ThreadGuards.isIdTaken(state, id)) return reject(ThreadGuards.idConflict)
  // A key that cannot sign could never vote, and would block every unanimous vote from then on.
  if (!Identity.isValidPublicKey(invitee)) {
    return ThreadGuards.rejectWith(
      "malformed",
      "SEC4",
      "this is not a valid Ed25519 public key: ask the user for theirs"
    )
  }
  if (ThreadGuards.isCoAuthor(state, invitee)) {
    return ThreadGuards.rejectWith("rule_violated", "THR7", "this user is a co-author already")
  }
  if (state.gates.some(({ action }) => action.user === invitee)) {
    return ThreadGuards.rejectWith("rule_violated", "THR7", "this user is invited already: wait for the vote")
  }
  if (state.gates.length >= ThreadGuards.threadLimits.maxPendingApprovals) {
    return ThreadGuards.rejectWith(
      "rule_violated",
      "THR7",
      `${ThreadGuards.threadLimits.maxPendingApprovals} invitations are open: wait for a vote to end`
    )
  }
  const voters = ThreadAgents.votersOn(state, { user, owner })
  const action = { _tag: "Invite", user: invitee } as const
  const event: EventOf<"GateOpened"> = {
    _tag: "GateOpened",
    id,
    action,
    by: user,
    ...ThreadAgents.ownerField(owner),
    voters,
    at: now,
    expires_at: now + ThreadGuards.threadLimits.submissionTtlMillis
  }
  return ThreadGuards.acceptEvents(event, ...settleApproval(approvalOf(event), false, now))
}

/** THR9: one final vote per voter; the deciding vote closes the gate. */
export const castApprovalVote = (
  approval: PendingApproval,
  { decision }: CommandOf<"process_approval">,
  { now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const agentRejection = ThreadAgents.rejectVote(approval.voters, { user: approval.by, owner: approval.owner }, {
    user,
    owner
  })
  if (agentRejection !== undefined) return reject(agentRejection)
  if (!approval.voters.includes(user)) {
    return ThreadGuards.rejectWith(
      "forbidden",
      "THR9",
      "you are not a voter of this gate: the other co-authors at its opening vote"
    )
  }
  const rejection = ThreadVotes.rejectIfVoted(approval, user)
  if (rejection !== undefined) return reject(rejection)
  if (approval.expires_at <= now) return ThreadGuards.rejectWith("rule_violated", "THR9", "the vote has expired")
  const event = {
    _tag: "VoteCast",
    message_id: approval.id,
    voter: user,
    ...ThreadAgents.ownerField(owner),
    choice: decision,
    at: now
  } as const
  return ThreadGuards.acceptEvents(event, ...settleApproval(ThreadVotes.withVote(approval, event), false, now))
}

/** THR7: leaves with an equal share of the balance. Votes that only the leaver's vote held open are settled (THR3). */
export const leaveWithShare = (
  state: State,
  { agent }: CommandOf<"divest">,
  { id, now, owner, user: sender }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const rejection = ThreadGuards.rejectIfClosed(state)
  if (rejection !== undefined) return reject(rejection)
  if (agent !== undefined && ThreadAgents.ownerIn(state, agent) !== sender) {
    return ThreadGuards.rejectWith("forbidden", "AUT8", "only the owner can make an agent leave")
  }
  const user = agent ?? sender
  if (!ThreadGuards.isCoAuthor(state, user)) {
    return ThreadGuards.rejectWith("forbidden", "THR7", "only a co-author can leave the thread")
  }
  if (state.co_authors.length === 1) {
    return ThreadGuards.rejectWith("rule_violated", "THR7", "the last co-author cannot leave: close the thread instead")
  }
  const amount = Math.floor(state.token_balance / state.co_authors.length)
  const event: EventOf<"Divested"> = {
    _tag: "Divested",
    user,
    amount,
    ledger_request: amount === 0 ? null : LedgerModel.ledgerRequest(state.id, deriveId(id, ":share"), {
      _tag: "Transfer",
      from: LedgerModel.threadAccount(state.id),
      to: owner === undefined ? ThreadAgents.accountOf(state, user) : LedgerModel.userAccount(owner),
      amount,
      cause: { _tag: "Divested", thread: state.id }
    }),
    at: now
  }
  const next = applyDivested(state, event)
  return ThreadGuards.acceptEvents(
    event,
    ...ThreadSubmissions.settleDecided(next, now),
    ...next.gates.flatMap((gate) => settleApproval(gate, false, now))
  )
}

/** Settles the gates whose time to vote has expired. */
export const expireApprovals = (state: State, now: Instant): ReadonlyArray<Event> =>
  state.gates.filter((gate) => gate.expires_at <= now).flatMap((gate) => settleApproval(gate, true, now))

const settleApproval = (approval: PendingApproval, expired: boolean, at: Instant): ReadonlyArray<Event> => {
  const tallied = approval.voters.length === 0
    ? "approved"
    : Approval.tally(Approval.defaultPolicy, { voters: approval.voters, votes: approval.votes, expired })
  return tallied === "undecided"
    ? []
    : [{ _tag: "GateClosed", id: approval.id, outcome: ThreadVotes.outcomeOf(tallied), at }]
}

// -- Evolution ---------------------------------------------------------------

const approvalOf = ({ action, at, by, expires_at, id, owner, voters }: EventOf<"GateOpened">): PendingApproval => ({
  id,
  action,
  by,
  ...ThreadAgents.ownerField(owner),
  voters,
  votes: [],
  opened_at: at,
  expires_at
})

/** THR9: the gate is open. */
export const applyGateOpened = (state: State, event: EventOf<"GateOpened">): State => ({
  ...state,
  gates: [...state.gates, approvalOf(event)]
})

/** THR9: a vote on a gate; undefined if the vote is on a submission. */
export const applyApprovalVote = (state: State, event: EventOf<"VoteCast">): State | undefined =>
  state.gates.some((gate) => gate.id === event.message_id)
    ? {
      ...state,
      gates: state.gates.map((gate) => gate.id === event.message_id ? ThreadVotes.withVote(gate, event) : gate)
    }
    : undefined

/** THR7, THR9: the command of an approved gate is applied to the present state; if it has no effect now, nothing changes. */
export const applyGateClosed = (state: State, { id, outcome }: EventOf<"GateClosed">): State => {
  const approval = state.gates.find((gate) => gate.id === id)
  const gates = state.gates.filter((gate) => gate.id !== id)
  return approval === undefined || outcome !== "approved" || ThreadGuards.isCoAuthor(state, approval.action.user)
    ? { ...state, gates }
    : { ...state, gates, co_authors: [...state.co_authors, approval.action.user] }
}

/** THR3, THR7: the co-author has left, and is no longer a voter where the vote is missing. */
export const applyDivested = (state: State, { amount, ledger_request, user }: EventOf<"Divested">): State => ({
  ...state,
  co_authors: state.co_authors.filter((coAuthor) => coAuthor !== user),
  submissions: state.submissions.map((submission) =>
    submission.status === "pending" ? ThreadVotes.withoutVoter(submission, user) : submission
  ),
  gates: state.gates.map((gate) => ThreadVotes.withoutVoter(gate, user)),
  token_balance: state.token_balance - amount,
  ledger_requests: ledger_request === null ? state.ledger_requests : [...state.ledger_requests, ledger_request]
})
