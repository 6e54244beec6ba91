/** How what outsiders write becomes a message: staked, voted on, settled (THR2-THR4, THR6). */
import * as Approval from "../Approval.ts"
import { type Author, type CommandId, derivedId, type Instant, type UserId } from "../Ids.ts"
import { notFound, reject } from "../Rejection.ts"
import { refuse } from "../Topic.ts"
import * as Ledger from "./LedgerModel.ts"
import type { CommandOf, Event, EventOf, Message, State, Submission, SubmissionOffered, Vote } from "./ThreadModel.ts"
import {
  accepted,
  type By,
  canRead,
  closedTo,
  idTaken,
  isCoAuthor,
  isKnown,
  type Outcome,
  policy,
  refused,
  unfit
} from "./ThreadRules.ts"

type Opened = EventOf<"SubmissionOpened">
type Settled = EventOf<"SubmissionSettled">

/** How submissions are voted on (THR5). */
const approval = Approval.v0_2

// -- Decisions ---------------------------------------------------------------

/** Why a stake will not do. */
export const tooLittle = (stake: number) =>
  stake < policy.minimumStake
    ? reject("rule_violated", "THR2", `a submission stakes at least ${policy.minimumStake} tokens`)
    : undefined

/**
 * The ledger has reserved the stake; a refusal here makes it flow back. Asked twice, the answer must be the same, so
 * nothing is refused here that might be accepted later.
 */
export const takeUp = (
  state: State,
  { author, content, id, stake }: typeof SubmissionOffered.Type,
  from: Author,
  now: Instant
): Outcome => {
  if (from !== Ledger.ledgerAuthor) return refused("forbidden", "THR6", "submissions are offered by the ledger only")
  const fault = closedTo(state, author) ?? unfit(content) ?? tooLittle(stake) ??
    (isKnown(state, id) ? idTaken : undefined)
  if (fault !== undefined) return refuse(fault)
  const joined = isCoAuthor(state, author)
  const voters = joined ? [] : state.co_authors
  const expires_at = now + policy.submissionTtl
  const event: Opened = { _tag: "SubmissionOpened", id, author, content, stake, voters, at: now, expires_at }
  // Whoever became a co-author while the stake was being reserved is published at once and gets it back (THR2).
  const one = submissionOf(event)
  return joined ? accepted(event, settlement(state, one, "approved", refund(one), now)) : accepted(event)
}

/** One vote each, final, and the settlement when it was the last (THR3, THR4). */
export const castVote = (
  state: State,
  { decision, message_id }: CommandOf<"process_approval">,
  { now, user }: By
): Outcome => {
  const found = find(state, message_id, user)
  if ("code" in found) return refuse(found)
  if (found.author === user) return refused("forbidden", "THR3", "nobody votes on what they wrote themselves")
  if (!found.voters.includes(user)) {
    return refused("forbidden", "THR3", "only those who were co-authors when it was submitted vote on it")
  }
  if (found.votes.some((vote) => vote.voter === user)) {
    return refused("rule_violated", "THR3", "you have voted on this, and a vote is final")
  }
  const late = over(found, now)
  if (late !== undefined) return refuse(late)
  const cast: Vote = { voter: user, choice: decision, at: now }
  const after = { ...found, votes: [...found.votes, cast] }
  return accepted({ _tag: "VoteCast", message_id, ...cast }, ...settle(state, after, false, now))
}

/** THR7: the author takes an open submission back, and the stake with it. */
export const cancel = (state: State, { message_id }: CommandOf<"cancel_submission">, { now, user }: By): Outcome => {
  const found = find(state, message_id, user)
  if ("code" in found) return refuse(found)
  if (found.author !== user) return refused("forbidden", "THR7", "only its author can take a submission back")
  const late = over(found, now)
  return late === undefined
    ? accepted(settlement(state, found, "cancelled", refund(found), now))
    : refuse(late)
}

/** The clock's work: votes whose time is over. */
export const expire = (state: State, now: Instant): ReadonlyArray<Event> =>
  open(state).filter((one) => one.expires_at <= now).flatMap((one) => settle(state, one, true, now))

/** Votes that are over because a voter has left. */
export const ripe = (state: State, now: Instant): ReadonlyArray<Event> =>
  open(state).flatMap((one) => settle(state, one, false, now))

/** THR7: a thread that closes gives every open submission its stake back. */
export const cancelAll = (state: State, now: Instant): ReadonlyArray<Event> =>
  open(state).map((one) => settlement(state, one, "cancelled", refund(one), now))

/** When the next vote runs out. */
export const nextExpiry = (state: State): Instant | undefined =>
  open(state).reduce<Instant | undefined>((next, { expires_at }) => Math.min(next ?? expires_at, expires_at), undefined)

/** Those whose vote is not over. */
export const open = (state: State): ReadonlyArray<Submission> =>
  state.submissions.filter((one) => one.status === "pending")

const find = (state: State, id: CommandId, user: UserId) => {
  if (!canRead(state, user)) return notFound
  return state.submissions.find((one) => one.id === id) ??
    reject("not_found", "THR3", "there is no such submission in this thread")
}

const over = (one: Submission, now: Instant) => {
  if (one.status !== "pending") return reject("rule_violated", "THR8", `the vote is over: it was ${one.status}`)
  return one.expires_at <= now ? reject("rule_violated", "THR4", "the time to vote on this is over") : undefined
}

// -- Settlement --------------------------------------------------------------

const settle = (thread: State, one: Submission, expired: boolean, now: Instant): ReadonlyArray<Event> => {
  const ballot = { voters: one.voters, votes: one.votes, expired }
  const decided = Approval.outcome(approval, ballot)
  if (decided === "undecided") return []
  const outcome = decided === "approved" || decided === "expired" ? decided : "rejected"
  return [settlement(thread, one, outcome, Approval.shares(approval, decided, one.stake, ballot), now)]
}

const refund = (one: Submission): ReadonlyArray<Approval.Share> => [{ to: { _tag: "Author" }, amount: one.stake }]

/** The end of a submission, with what the ledger is asked to do with its stake (THR6). */
const settlement = (
  thread: State,
  one: Submission,
  outcome: Settled["outcome"],
  shares: ReadonlyArray<Approval.Share>,
  at: Instant
): Settled => {
  const paid = shares.map(({ amount, to }) => ({ to: account(thread, one, to), amount }))
  const input = { _tag: "Settle", stake: one.id, shares: paid, reason: `submission ${one.id} ${outcome}` } as const
  const asks = { _tag: "Tell", id: derivedId(one.id, ":settle"), topic: Ledger.mainLedger, input } as const
  return { _tag: "SubmissionSettled", id: one.id, outcome, asks, at }
}

const account = (thread: State, one: Submission, to: Approval.Beneficiary): Ledger.AccountId => {
  switch (to._tag) {
    case "Treasury":
      return "treasury"
    case "Commons":
      return Ledger.threadAccount(thread.id)
    case "Author":
      return Ledger.userAccount(one.author)
    case "Voter":
      return Ledger.userAccount(to.voter)
  }
}

// -- Evolution ---------------------------------------------------------------

/** A pending submission as its event opened it. */
const submissionOf = ({ at, author, content, expires_at, id, stake, voters }: Opened): Submission => ({
  id,
  author,
  content,
  stake,
  voters,
  votes: [],
  submitted_at: at,
  expires_at,
  status: "pending"
})

/** THR2: a submission is up for the vote. */
export const opened = (state: State, event: Opened): State => ({
  ...state,
  submissions: [...state.submissions, submissionOf(event)]
})

/** THR3: a vote is on record. */
export const voted = (state: State, event: EventOf<"VoteCast">): State => {
  const cast: Vote = { voter: event.voter, choice: event.choice, at: event.at }
  return update(state, event.message_id, (one) => ({ ...one, votes: [...one.votes, cast] }))
}

/** THR4: what was approved is a message, and its author a co-author. */
export const settled = (before: State, { asks, at, id, outcome }: Settled): State => {
  const one = before.submissions.find((one) => one.id === id)
  const state = update(before, id, (one) => ({ ...one, status: outcome }))
  const owed = [...state.owed, asks]
  if (outcome !== "approved" || one === undefined) return { ...state, owed }
  const { author, content } = one
  const message: Message = { id, author, content, at, origin: "approved", source: null }
  return {
    ...state,
    owed,
    messages: [...state.messages, message],
    co_authors: isCoAuthor(state, author) ? state.co_authors : [...state.co_authors, author]
  }
}

const update = (state: State, id: CommandId, change: (one: Submission) => Submission): State => ({
  ...state,
  submissions: state.submissions.map((one) => one.id === id ? change(one) : one)
})
