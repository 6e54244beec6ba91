/** How what outsiders write becomes a message: staked, voted on, settled (THR2-THR4, THR6). */
import * as Approval from "../approval/Approval.ts"
import * as Ledger from "../ledger/LedgerModel.ts"
import { type Author, type CommandId, deriveId, type Instant, type UserId } from "../protocol/Ids.ts"
import { makeRejection, notFound } from "../protocol/Rejection.ts"
import { reject } from "../topic/Topic.ts"
import {
  acceptEvents,
  type Actor,
  canRead,
  type DecisionResult,
  idConflict,
  isCoAuthor,
  isIdTaken,
  rejectIfClosed,
  rejectIfInvalid,
  rejectWith,
  threadLimits
} from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, Message, State, Submission, SubmissionOffered, Vote } from "./ThreadModel.ts"

type SubmissionOpened = EventOf<"SubmissionOpened">
type SubmissionSettled = EventOf<"SubmissionSettled">

/** How submissions are voted on (THR5). */
const approvalPolicy = Approval.defaultPolicy

// -- Decisions ---------------------------------------------------------------

/** Why a stake will not do. */
export const rejectIfBelowMinimumStake = (stake: number) =>
  stake < threadLimits.minimumStake
    ? makeRejection("rule_violated", "THR2", `a submission stakes at least ${threadLimits.minimumStake} tokens`)
    : undefined

/**
 * The ledger has reserved the stake; a refusal here makes it flow back. Asked twice, the answer must be the same, so
 * nothing is refused here that might be accepted later.
 */
export const acceptOffer = (
  state: State,
  { author, content, id, stake }: typeof SubmissionOffered.Type,
  from: Author,
  now: Instant
): DecisionResult => {
  if (from !== Ledger.ledgerAuthor) return rejectWith("forbidden", "THR6", "submissions are offered by the ledger only")
  const rejection = rejectIfClosed(state, author) ?? rejectIfInvalid(content) ?? rejectIfBelowMinimumStake(stake) ??
    (isIdTaken(state, id) ? idConflict : undefined)
  if (rejection !== undefined) return reject(rejection)
  const isAlreadyCoAuthor = isCoAuthor(state, author)
  const voters = isAlreadyCoAuthor ? [] : state.co_authors
  const expires_at = now + threadLimits.submissionTtlMillis
  const event: SubmissionOpened = { _tag: "SubmissionOpened", id, author, content, stake, voters, at: now, expires_at }
  // Whoever became a co-author while the stake was being reserved is published at once and gets it back (THR2).
  const submission = newSubmission(event)
  return isAlreadyCoAuthor
    ? acceptEvents(event, settlementOf(state, submission, "approved", refundAuthor(submission), now))
    : acceptEvents(event)
}

/** One vote each, final, and the settlement when it was the last (THR3, THR4). */
export const castSubmissionVote = (
  state: State,
  { decision, message_id }: CommandOf<"process_approval">,
  { now, user }: Actor
): DecisionResult => {
  const submission = findSubmission(state, message_id, user)
  if ("code" in submission) return reject(submission)
  if (submission.author === user) return rejectWith("forbidden", "THR3", "nobody votes on what they wrote themselves")
  if (!submission.voters.includes(user)) {
    return rejectWith("forbidden", "THR3", "only those who were co-authors when it was submitted vote on it")
  }
  if (submission.votes.some((vote) => vote.voter === user)) {
    return rejectWith("rule_violated", "THR3", "you have voted on this, and a vote is final")
  }
  const rejection = rejectIfVoteClosed(submission, now)
  if (rejection !== undefined) return reject(rejection)
  const newVote: Vote = { voter: user, choice: decision, at: now }
  const updated = { ...submission, votes: [...submission.votes, newVote] }
  return acceptEvents({ _tag: "VoteCast", message_id, ...newVote }, ...settleSubmission(state, updated, false, now))
}

/** THR7: the author takes an open submission back, and the stake with it. */
export const cancelSubmission = (
  state: State,
  { message_id }: CommandOf<"cancel_submission">,
  { now, user }: Actor
): DecisionResult => {
  const submission = findSubmission(state, message_id, user)
  if ("code" in submission) return reject(submission)
  if (submission.author !== user) return rejectWith("forbidden", "THR7", "only its author can take a submission back")
  const rejection = rejectIfVoteClosed(submission, now)
  return rejection === undefined
    ? acceptEvents(settlementOf(state, submission, "cancelled", refundAuthor(submission), now))
    : reject(rejection)
}

/** The clock's work: votes whose time is over. */
export const expireSubmissions = (state: State, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).filter((submission) => submission.expires_at <= now).flatMap((submission) =>
    settleSubmission(state, submission, true, now)
  )

/** Votes that are over because a voter has left. */
export const settleDecided = (state: State, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).flatMap((submission) => settleSubmission(state, submission, false, now))

/** THR7: a thread that closes gives every open submission its stake back. */
export const cancelOpenSubmissions = (state: State, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).map((submission) =>
    settlementOf(state, submission, "cancelled", refundAuthor(submission), now)
  )

/** When the next vote runs out. */
export const nextSubmissionExpiry = (state: State): Instant | undefined =>
  openSubmissions(state).reduce<Instant | undefined>(
    (next, { expires_at }) => Math.min(next ?? expires_at, expires_at),
    undefined
  )

/** Those whose vote is not over. */
export const openSubmissions = (state: State): ReadonlyArray<Submission> =>
  state.submissions.filter((submission) => submission.status === "pending")

const findSubmission = (state: State, id: CommandId, user: UserId) => {
  if (!canRead(state, user)) return notFound
  return state.submissions.find((submission) => submission.id === id) ??
    makeRejection("not_found", "THR3", "there is no such submission in this thread")
}

const rejectIfVoteClosed = (submission: Submission, now: Instant) => {
  if (submission.status !== "pending") {
    return makeRejection("rule_violated", "THR8", `the vote is over: it was ${submission.status}`)
  }
  return submission.expires_at <= now
    ? makeRejection("rule_violated", "THR4", "the time to vote on this is over")
    : undefined
}

// -- Settlement --------------------------------------------------------------

const settleSubmission = (
  thread: State,
  submission: Submission,
  expired: boolean,
  now: Instant
): ReadonlyArray<Event> => {
  const ballot = { voters: submission.voters, votes: submission.votes, expired }
  const tallied = Approval.tally(approvalPolicy, ballot)
  if (tallied === "undecided") return []
  const outcome = tallied === "approved" || tallied === "expired" ? tallied : "rejected"
  return [
    settlementOf(
      thread,
      submission,
      outcome,
      Approval.divideStake(approvalPolicy, tallied, submission.stake, ballot),
      now
    )
  ]
}

const refundAuthor = (
  submission: Submission
): ReadonlyArray<Approval.StakeShare> => [{ to: { _tag: "Author" }, amount: submission.stake }]

/** The end of a submission, with what the ledger is asked to do with its stake (THR6). */
const settlementOf = (
  thread: State,
  submission: Submission,
  outcome: SubmissionSettled["outcome"],
  shares: ReadonlyArray<Approval.StakeShare>,
  at: Instant
): SubmissionSettled => {
  const ledgerShares = shares.map(({ amount, to }) => ({ to: beneficiaryAccount(thread, submission, to), amount }))
  const input = {
    _tag: "Settle",
    stake: submission.id,
    shares: ledgerShares,
    reason: `submission ${submission.id} ${outcome}`
  } as const
  const settleCommand = {
    _tag: "Tell",
    id: deriveId(submission.id, ":settle"),
    topic: Ledger.mainLedger,
    input
  } as const
  return { _tag: "SubmissionSettled", id: submission.id, outcome, asks: settleCommand, at }
}

const beneficiaryAccount = (thread: State, submission: Submission, to: Approval.Beneficiary): Ledger.AccountId => {
  switch (to._tag) {
    case "Treasury":
      return "treasury"
    case "Commons":
      return Ledger.threadAccount(thread.id)
    case "Author":
      return Ledger.userAccount(submission.author)
    case "Voter":
      return Ledger.userAccount(to.voter)
  }
}

// -- Evolution ---------------------------------------------------------------

/** A pending submission as its event opened it. */
const newSubmission = ({ at, author, content, expires_at, id, stake, voters }: SubmissionOpened): Submission => ({
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
export const applySubmissionOpened = (state: State, event: SubmissionOpened): State => ({
  ...state,
  submissions: [...state.submissions, newSubmission(event)]
})

/** THR3: a vote is on record. */
export const applySubmissionVote = (state: State, event: EventOf<"VoteCast">): State => {
  const cast: Vote = { voter: event.voter, choice: event.choice, at: event.at }
  return updateSubmission(
    state,
    event.message_id,
    (submission) => ({ ...submission, votes: [...submission.votes, cast] })
  )
}

/** THR4: what was approved is a message, and its author a co-author. */
export const applySubmissionSettled = (previous: State, { asks, at, id, outcome }: SubmissionSettled): State => {
  const submission = previous.submissions.find((submission) => submission.id === id)
  const state = updateSubmission(previous, id, (submission) => ({ ...submission, status: outcome }))
  const owed = [...state.owed, asks]
  if (outcome !== "approved" || submission === undefined) return { ...state, owed }
  const { author, content } = submission
  const message: Message = { id, author, content, at, origin: "approved", source: null }
  return {
    ...state,
    owed,
    messages: [...state.messages, message],
    co_authors: isCoAuthor(state, author) ? state.co_authors : [...state.co_authors, author]
  }
}

const updateSubmission = (state: State, id: CommandId, change: (submission: Submission) => Submission): State => ({
  ...state,
  submissions: state.submissions.map((submission) => submission.id === id ? change(submission) : submission)
})
