/**
 * The invariants of submissions and invitations, checked with those of the thread (THR8).
 *
 * 1. A submission is Created at the end, without votes; its voters are co-authors and not its author. It is never
 *    Deleted, and its author, text, stake and times never change (THR2, THR3).
 * 2. It ends once, with its settlement, and if approved, as a message (THR4).
 * 3. An invitation is Created by a co-author, for the others to vote, and Deleted by its outcome or with the thread
 *    (THR9). At most `maxPendingApprovals` are open.
 * 4. Votes are only added: one of each voter. Voters are only removed: who left without having voted (THR3).
 */
import type { CommandId } from "../protocol/Ids.ts"
import { type Change, type Faults, isPrefix, type Transition, transitionsOf } from "../topic/Transition.ts"
import { threadLimits } from "./ThreadGuards.ts"
import type { Event, PendingApproval, State, Submission } from "./ThreadModel.ts"

/** A thread before and after the events of one command. */
export type ThreadChange = Change<State, Event>

/** Adds the faults of the submissions and invitations of a change. */
export const validateSubmissions = (change: ThreadChange, faults: Faults): void => {
  const { new: next, old } = change
  const submissions = transitionsOf(old.submissions, next.submissions, ({ id }) => id)
  faults.when(
    next.submissions !== old.submissions && old.submissions.some(({ id }, n) => id !== next.submissions[n]?.id),
    "a submission was removed or moved"
  )
  for (const transition of submissions) validateSubmission(change, transition, faults)
  validateEvents(change, faults)
  if (next.gates === old.gates) return
  faults.when(next.gates.length > threadLimits.maxPendingApprovals, "too many invitations are open")
  for (const transition of transitionsOf(old.gates, next.gates, ({ id }) => id)) {
    validateInvitation(change, transition, faults)
  }
}

/** Submissions, invitations, votes and settlements that an event states are in the state. */
const validateEvents = ({ events, new: { gates, submissions } }: ThreadChange, faults: Faults): void => {
  const closedGates = new Set(events.flatMap((event) => event._tag === "GateClosed" ? [event.id] : []))
  const hasGate = (id: CommandId) => closedGates.has(id) || gates.some((gate) => gate.id === id)
  for (const event of events) {
    switch (event._tag) {
      case "SubmissionOpened":
        faults.when(!submissions.some(({ id }) => id === event.id), "a submission is missing")
        break
      case "SubmissionSettled":
        faults.when(
          submissions.find(({ id }) => id === event.id)?.status !== event.outcome,
          "a submission has not ended as settled"
        )
        break
      case "GateOpened":
        faults.when(!hasGate(event.id), "an invitation is missing")
        break
      case "VoteCast": {
        const votes = [...gates, ...submissions].find(({ id }) => id === event.message_id)?.votes ?? []
        const isCast = closedGates.has(event.message_id) ||
          votes.some(({ choice, voter }) => voter === event.voter && choice === event.choice)
        faults.when(!isCast, "a vote is missing")
      }
    }
  }
}

const validateSubmission = (change: ThreadChange, transition: Transition<Submission>, faults: Faults): void => {
  const { events, new: next, old } = change
  if (transition._tag === "Deleted") return
  const submission = transition.new
  if (transition._tag === "Created") {
    const wasOpened = events.some((event) =>
      event._tag === "SubmissionOpened" && event.id === submission.id && event.author === submission.author &&
      event.owner === submission.owner && event.content === submission.content && event.stake === submission.stake
    )
    faults.when(!wasOpened, "a submission is not what its author submitted")
    faults.when(submission.votes.length > 0, "a new submission has votes")
    faults.when(submission.stake < threadLimits.minimumStake, "the stake is below the minimum")
    faults.when(
      submission.voters.some((voter) => voter === submission.author || !old.co_authors.includes(voter)),
      "a submission has a voter who is no co-author"
    )
  } else {
    const previous = transition.old
    if (previous.status !== "pending") return faults.when(true, "a settled submission changed")
    faults.when(
      submission.author !== previous.author || submission.owner !== previous.owner ||
        submission.content !== previous.content ||
        submission.stake !== previous.stake || submission.submitted_at !== previous.submitted_at ||
        submission.expires_at !== previous.expires_at,
      "an open submission changed"
    )
    validateVotes(change, previous, submission, faults)
  }
  if (submission.status === "pending") return
  const isSettled = events.some((event) =>
    event._tag === "SubmissionSettled" && event.id === submission.id && event.outcome === submission.status
  )
  faults.when(!isSettled, "a submission ended without its settlement")
  faults.when(
    submission.status === "approved" &&
      !next.messages.slice(old.messages.length).some(({ id }) => id === submission.id),
    "an approved submission is no message"
  )
}

const validateInvitation = (change: ThreadChange, transition: Transition<PendingApproval>, faults: Faults): void => {
  const { events, old } = change
  switch (transition._tag) {
    case "Created": {
      const { by, id, voters, votes } = transition.new
      faults.when(
        !events.some((event) => event._tag === "GateOpened" && event.id === id),
        "an invitation was not opened"
      )
      faults.when(votes.length > 0, "a new invitation has votes")
      faults.when(
        [by, ...voters].some((user) => !old.co_authors.includes(user)) || voters.includes(by),
        "an invitation is by or for users who are no co-authors"
      )
      return
    }
    case "Updated": {
      const { by, expires_at, opened_at, action } = transition.old
      const next = transition.new
      faults.when(
        next.by !== by || next.expires_at !== expires_at || next.opened_at !== opened_at || next.action !== action,
        "an open invitation changed"
      )
      return validateVotes(change, transition.old, next, faults)
    }
    case "Deleted":
      return faults.when(
        !events.some((event) =>
          event._tag === "GateClosed" && event.id === transition.old.id || event._tag === "ThreadClosed"
        ),
        "an invitation was removed without an outcome"
      )
  }
}

type Votes = Pick<PendingApproval, "voters" | "votes">

const validateVotes = ({ events }: ThreadChange, old: Votes, next: Votes, faults: Faults): void => {
  faults.when(!isPrefix(old.votes, next.votes), "a vote changed or was removed")
  const voted = new Set(next.votes.map(({ voter }) => voter))
  faults.when(voted.size < next.votes.length, "a user voted twice")
  faults.when(
    next.votes.slice(old.votes.length).some(({ voter }) => !old.voters.includes(voter)),
    "a user voted who is no voter"
  )
  for (const transition of transitionsOf(old.voters, next.voters, (voter) => voter)) {
    if (transition._tag === "Created") faults.when(true, "a voter was added")
    if (transition._tag === "Deleted") {
      const { old: user } = transition
      const hasLeft = events.some((event) => event._tag === "Divested" && event.user === user)
      faults.when(!hasLeft || voted.has(user), "a voter was removed who did not leave, or has voted")
    }
  }
}
