/**
 * How co-authors come and go but by what they write: invited with everybody's
 * approval, or leaving with their share (THR7). An invitation is a command that
 * waits behind a gate until the others have voted on it (THR9).
 */
import * as Approval from "../Approval.ts"
import * as Identity from "../Identity.ts"
import { derivedId, type Instant, type UserId } from "../Ids.ts"
import { refuse, type Tell } from "../Topic.ts"
import * as Ledger from "./LedgerModel.ts"
import type { CommandOf, Event, EventOf, Gate, State, Vote } from "./ThreadModel.ts"
import {
  accepted,
  type By,
  closedTo,
  idTaken,
  isCoAuthor,
  isKnown,
  type Outcome,
  policy,
  refused
} from "./ThreadRules.ts"
import * as Submissions from "./ThreadSubmissions.ts"

// -- Decisions ---------------------------------------------------------------

/** THR7: by a co-author; all others must approve. Whoever is alone decides alone. */
export const invite = (
  state: State,
  { user: guest }: CommandOf<"invite_co_author">,
  { id, now, user }: By
): Outcome => {
  const fault = closedTo(state, user)
  if (fault !== undefined) return refuse(fault)
  if (!isCoAuthor(state, user)) return refused("forbidden", "THR7", "only co-authors invite others")
  if (isKnown(state, id)) return refuse(idTaken)
  // Somebody who can never sign in could never vote, and so would block every vote from then on.
  if (!Identity.isSafeKey(guest)) return refused("malformed", "SEC4", "this is not a key that anybody could prove")
  if (isCoAuthor(state, guest)) return refused("rule_violated", "THR7", "they are a co-author already")
  if (state.gates.some(({ action }) => action.user === guest)) {
    return refused("rule_violated", "THR7", "they are invited already, and the vote is still open")
  }
  if (state.gates.length >= policy.gates) {
    return refused("rule_violated", "THR7", `${policy.gates} invitations are open already; wait for the votes on them`)
  }
  const voters = state.co_authors.filter((one) => one !== user)
  const action = { _tag: "Invite", user: guest } as const
  const event: EventOf<"GateOpened"> = {
    _tag: "GateOpened",
    id,
    action,
    by: user,
    voters,
    at: now,
    expires_at: now + policy.submissionTtl
  }
  return accepted(event, ...settle(gateOf(event), false, now))
}

/** One vote each, final; the last one opens the gate or closes it. */
export const castVote = (gate: Gate, { decision }: CommandOf<"process_approval">, { now, user }: By): Outcome => {
  if (!gate.voters.includes(user)) return refused("forbidden", "THR9", "this is not yours to vote on")
  if (gate.votes.some((vote) => vote.voter === user)) {
    return refused("rule_violated", "THR3", "you have voted on this, and a vote is final")
  }
  if (gate.expires_at <= now) return refused("rule_violated", "THR9", "the time to vote on this is over")
  const cast: Vote = { voter: user, choice: decision, at: now }
  return accepted(
    { _tag: "VoteCast", message_id: gate.id, ...cast },
    ...settle({ ...gate, votes: [...gate.votes, cast] }, false, now)
  )
}

/** THR7: out, with an equal share of what the thread holds; votes that waited for the leaver alone are over. */
export const divest = (state: State, { id, now, user }: By): Outcome => {
  const fault = closedTo(state, user)
  if (fault !== undefined) return refuse(fault)
  if (!isCoAuthor(state, user)) return refused("forbidden", "THR7", "only a co-author can leave with a share")
  if (state.co_authors.length === 1) {
    return refused("rule_violated", "THR7", "the last co-author cannot leave, but can close the thread")
  }
  const amount = Math.floor(state.token_balance / state.co_authors.length)
  const event: EventOf<"Divested"> = {
    _tag: "Divested",
    user,
    amount,
    asks: amount === 0 ? null : payment(state, { id, user }, amount),
    at: now
  }
  const after = divested(state, event)
  return accepted(
    event,
    ...Submissions.ripe(after, now),
    ...after.gates.flatMap((gate) => settle(gate, false, now))
  )
}

const payment = (state: State, { id, user }: Pick<By, "id" | "user">, amount: number): Tell => ({
  _tag: "Tell",
  id: derivedId(id, ":share"),
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
export const expire = (state: State, now: Instant): ReadonlyArray<Event> =>
  state.gates.filter((gate) => gate.expires_at <= now).flatMap((gate) => settle(gate, true, now))

/** When the next gate's time is over. */
export const nextExpiry = (state: State): Instant | undefined =>
  state.gates.length === 0 ? undefined : Math.min(...state.gates.map((gate) => gate.expires_at))

const settle = (gate: Gate, expired: boolean, at: Instant): ReadonlyArray<Event> => {
  const decided = gate.voters.length === 0
    ? "approved"
    : Approval.outcome(Approval.v0_2, { voters: gate.voters, votes: gate.votes, expired })
  if (decided === "undecided") return []
  const outcome = decided === "approved" || decided === "expired" ? decided : "rejected"
  return [{ _tag: "GateClosed", id: gate.id, outcome, at }]
}

// -- Evolution ---------------------------------------------------------------

const gateOf = ({ action, at, by, expires_at, id, voters }: EventOf<"GateOpened">): Gate => ({
  id,
  action,
  by,
  voters,
  votes: [],
  opened_at: at,
  expires_at
})

export const opened = (state: State, event: EventOf<"GateOpened">): State => ({
  ...state,
  gates: [...state.gates, gateOf(event)]
})

/** Undefined when the vote is on something else. */
export const voted = (state: State, { message_id, ...cast }: EventOf<"VoteCast">): State | undefined => {
  if (!state.gates.some((gate) => gate.id === message_id)) return undefined
  const vote: Vote = { voter: cast.voter, choice: cast.choice, at: cast.at }
  const gates = state.gates.map((gate) => gate.id === message_id ? { ...gate, votes: [...gate.votes, vote] } : gate)
  return { ...state, gates }
}

/** What waited behind an approved gate happens. */
export const closed = (state: State, { id, outcome }: EventOf<"GateClosed">): State => {
  const gate = state.gates.find((gate) => gate.id === id)
  const gates = state.gates.filter((gate) => gate.id !== id)
  return gate === undefined || outcome !== "approved" || isCoAuthor(state, gate.action.user)
    ? { ...state, gates }
    : { ...state, gates, co_authors: [...state.co_authors, gate.action.user] }
}

/** THR3: a leaver's missing vote leaves the quorum. */
export const divested = (state: State, { amount, asks, user }: EventOf<"Divested">): State => ({
  ...state,
  co_authors: state.co_authors.filter((one) => one !== user),
  submissions: state.submissions.map((one) => one.status === "pending" ? without(one, user) : one),
  gates: state.gates.map((gate) => without(gate, user)),
  token_balance: state.token_balance - amount,
  owed: asks === null ? state.owed : [...state.owed, asks]
})

const without = <A extends Pick<Gate, "voters" | "votes">>(ballot: A, user: UserId): A =>
  !ballot.voters.includes(user) || ballot.votes.some((vote) => vote.voter === user)
    ? ballot
    : { ...ballot, voters: ballot.voters.filter((one) => one !== user) }
