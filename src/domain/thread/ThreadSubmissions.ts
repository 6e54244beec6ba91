/**
 * Submissions: messages of users who are not co-authors, from the ledger's offer to the settlement of the stake
 * (THR2-THR4, THR6). `ThreadModel` has a drawing of their states; `Approval` decides votes and shares.
 */
import * as Approval from "../approval/Approval.ts"
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { type Author, type CommandId, deriveId, type Instant } from "../protocol/Ids.ts"
import { makeRejection, notFound } from "../protocol/Rejection.ts"
import { reject } from "../topic/Topic.ts"
import * as ThreadAgents from "./ThreadAgents.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import type { CommandOf, Event, EventOf, Message, State, Submission, SubmissionOffered } from "./ThreadModel.ts"
import * as ThreadVotes from "./ThreadVotes.ts"

type SubmissionOpened = EventOf<"SubmissionOpened">
type SubmissionSettled = EventOf<"SubmissionSettled">

/** The approval policy of submissions (THR5). */
export const approvalPolicy = Approval.defaultPolicy

// -- Decisions ---------------------------------------------------------------

/** The rejection of a stake below the minimum (THR2). */
export const rejectIfBelowMinimumStake = (stake: number) =>
  stake < ThreadGuards.threadLimits.minimumStake
    ? makeRejection(
      "rule_violated",
      "THR2",
      `the stake is too small: stake at least ${ThreadGuards.threadLimits.minimumStake} tokens`
    )
    : undefined

/**
 * THR2, LED4: opens the submission whose stake the ledger has reserved. A rejection returns the stake. After a crash the
 * ledger offers again, and the answer must be the same: nothing is rejected here that could be accepted later.
 */
export const acceptOffer = (
  state: State,
  { author, content, id, owner, stake }: typeof SubmissionOffered.Type,
  from: Author,
  now: Instant
): ThreadGuards.DecisionResult => {
  if (from !== LedgerModel.authorOfLedger(LedgerModel.ledgerOf(state.id))) {
    return ThreadGuards.rejectWith("forbidden", "THR6", "only the ledger offers submissions")
  }
  const rejection = (ThreadGuards.canRead(state, author) ? ThreadGuards.rejectIfClosed(state) : notFound) ??
    ThreadAgents.rejectOwner(state, { user: author, owner }) ??
    ThreadGuards.rejectIfInvalid(content) ?? rejectIfBelowMinimumStake(stake) ??
    (ThreadGuards.isIdTaken(state, id) ? ThreadGuards.idConflict : undefined)
  if (rejection !== undefined) return reject(rejection)
  const voters = ThreadGuards.isCoAuthor(state, author) ? [] : ThreadAgents.votersOn(state, { user: author, owner })
  const expires_at = now + ThreadGuards.threadLimits.submissionTtlMillis
  const event: SubmissionOpened = {
    _tag: "SubmissionOpened",
    id,
    author,
    ...ThreadAgents.ownerField(owner),
    content,
    stake,
    voters,
    at: now,
    expires_at
  }
  // The author became a co-author while the stake was being reserved, or all co-authors are the author's own agents (AUT8):
  // publish at once and refund (THR2).
  const submission = newSubmission(event, state.version + 1)
  return voters.length === 0
    ? ThreadGuards.acceptEvents(event, settlementOf(state, submission, "approved", refundAuthor(submission), now))
    : ThreadGuards.acceptEvents(event)
}

/** One final vote per voter, and the settlement when it decides (THR3, THR4). */
export const castSubmissionVote = (
  state: State,
  { decision, message_id }: CommandOf<"process_approval">,
  { now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const submission = findSubmission(state, message_id)
  if ("code" in submission) return reject(submission)
  const proposer = { user: submission.author, owner: submission.owner }
  const agentRejection = ThreadAgents.rejectVote(submission.voters, proposer, { user, owner })
  if (agentRejection !== undefined) return reject(agentRejection)
  if (submission.author === user) {
    return ThreadGuards.rejectWith("forbidden", "THR3", "authors do not vote on their own submissions")
  }
  if (!submission.voters.includes(user)) {
    return ThreadGuards.rejectWith(
      "forbidden",
      "THR3",
      "you are not a voter: the co-authors at the time of submission vote"
    )
  }
  const rejection = ThreadVotes.rejectIfVoted(submission, user) ?? rejectIfVoteClosed(submission, now)
  if (rejection !== undefined) return reject(rejection)
  const event = {
    _tag: "VoteCast",
    message_id,
    voter: user,
    ...ThreadAgents.ownerField(owner),
    choice: decision,
    at: now
  } as const
  return ThreadGuards.acceptEvents(
    event,
    ...settleSubmission(state, ThreadVotes.withVote(submission, event), false, now)
  )
}

/** THR7: the author cancels an open submission, and gets the stake back; so does the owner of the agent who wrote it. */
export const cancelSubmission = (
  state: State,
  { message_id }: CommandOf<"cancel_submission">,
  { now, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const submission = findSubmission(state, message_id)
  if ("code" in submission) return reject(submission)
  if (submission.author !== user && submission.owner !== user) {
    return ThreadGuards.rejectWith("forbidden", "THR7", "only the author can cancel a submission")
  }
  const rejection = rejectIfVoteClosed(submission, now)
  return rejection === undefined
    ? ThreadGuards.acceptEvents(settlementOf(state, submission, "cancelled", refundAuthor(submission), now))
    : reject(rejection)
}

/** THR4: settles the submissions whose time to vote has expired. */
export const expireSubmissions = (state: State, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).filter((submission) => submission.expires_at <= now).flatMap((submission) =>
    settleSubmission(state, submission, true, now)
  )

/** THR3: settles the submissions that are decided without a voter who has left. */
export const settleDecided = (state: State, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).flatMap((submission) => settleSubmission(state, submission, false, now))

/** THR7: cancels and refunds every open submission of a closing thread. */
export const cancelOpenSubmissions = (state: State, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).map((submission) =>
    settlementOf(state, submission, "cancelled", refundAuthor(submission), now)
  )

/** TOP10: cancels and refunds the open submissions whose text was erased: nobody can judge them any more. */
export const cancelErased = (state: State, commitments: ReadonlySet<string>, now: Instant): ReadonlyArray<Event> =>
  openSubmissions(state).filter(({ content }) => commitments.has(content.c)).map((submission) =>
    settlementOf(state, submission, "cancelled", refundAuthor(submission), now)
  )

/** The pending submissions. */
export const openSubmissions = (state: State): ReadonlyArray<Submission> =>
  state.submissions.filter((submission) => submission.status === "pending")

const findSubmission = (state: State, id: CommandId) =>
  state.submissions.find((submission) => submission.id === id) ??
    makeRejection("not_found", "THR3", "this thread has no submission or gate with this id")

const rejectIfVoteClosed = (submission: Submission, now: Instant) => {
  if (submission.status !== "pending") {
    return makeRejection("rule_violated", "THR8", `the vote has ended: the submission is ${submission.status}`)
  }
  return submission.expires_at <= now
    ? makeRejection("rule_violated", "THR4", "the vote has expired")
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
  const shares = Approval.divideStake(approvalPolicy, tallied, submission.stake, ballot)
  return [settlementOf(thread, submission, ThreadVotes.outcomeOf(tallied), shares, now)]
}

const refundAuthor = (
  submission: Submission
): ReadonlyArray<Approval.StakeShare> => [{ to: { _tag: "Author" }, amount: submission.stake }]

/** The event that ends a submission, with the request to the ledger to settle its stake (THR6). */
const settlementOf = (
  thread: State,
  submission: Submission,
  outcome: SubmissionSettled["outcome"],
  shares: ReadonlyArray<Approval.StakeShare>,
  at: Instant
): SubmissionSettled => {
  const ledger_request = LedgerModel.ledgerRequest(thread.id, deriveId(submission.id, ":settle"), {
    _tag: "Settle",
    stake: submission.id,
    shares: shares.map(({ amount, to }) => ({ to: beneficiaryAccount(thread, submission, to), amount })),
    cause: { _tag: "Settled", thread: thread.id, submission: submission.id, outcome }
  })
  return { _tag: "SubmissionSettled", id: submission.id, outcome, ledger_request, at }
}

const beneficiaryAccount = (thread: State, submission: Submission, to: Approval.Beneficiary): LedgerModel.AccountId => {
  switch (to._tag) {
    case "Treasury":
      return "treasury"
    case "Commons":
      return LedgerModel.threadAccount(thread.id)
    case "Author":
      return LedgerModel.userAccount(submission.owner ?? submission.author)
    case "Voter": {
      // Of a vote that is being cast, the thread does not know the agent yet.
      const owner = submission.votes.find(({ voter }) => voter === to.voter)?.owner
      return LedgerModel.userAccount(owner ?? to.voter)
    }
  }
}

// -- Evolution ---------------------------------------------------------------

/** The pending submission that the event opens. */
const newSubmission = (
  { at, author, content, expires_at, id, owner, stake, voters }: SubmissionOpened,
  seq: number
): Submission => ({
  id,
  seq,
  author,
  ...ThreadAgents.ownerField(owner),
  content,
  stake,
  voters,
  votes: [],
  submitted_at: at,
  expires_at,
  status: "pending"
})

/** THR2: the submission is pending. */
export const applySubmissionOpened = (state: State, event: SubmissionOpened): State => ({
  ...state,
  submissions: [...state.submissions, newSubmission(event, state.version)]
})

/** THR3: the vote is cast. */
export const applySubmissionVote = (state: State, event: EventOf<"VoteCast">): State =>
  updateSubmission(state, event.message_id, (submission) => ThreadVotes.withVote(submission, event))

/** THR4: the submission has ended; an approved one is a message, and its author a co-author. */
export const applySubmissionSettled = (
  previous: State,
  { ledger_request, at, id, outcome }: SubmissionSettled
): State => {
  const submission = previous.submissions.find((submission) => submission.id === id)
  const state = updateSubmission(previous, id, (submission) => ({ ...submission, status: outcome }))
  const settling = { ...state, ledger_requests: [...state.ledger_requests, ledger_request] }
  if (outcome !== "approved" || submission === undefined) return settling
  const { author, content, owner, seq } = submission
  const approvals = submission.votes.flatMap(({ choice, voter }) => choice === "approve" ? [voter] : [])
  const message: Message = {
    id,
    seq,
    author,
    ...ThreadAgents.ownerField(owner),
    content,
    at,
    thread: state.id,
    status: "approved",
    approvals,
    source: null
  }
  return {
    ...settling,
    messages: [...state.messages, message],
    co_authors: ThreadGuards.isCoAuthor(state, author) ? state.co_authors : [...state.co_authors, author]
  }
}

const updateSubmission = (state: State, id: CommandId, change: (submission: Submission) => Submission): State => ({
  ...state,
  submissions: state.submissions.map((submission) => submission.id === id ? change(submission) : submission)
})
