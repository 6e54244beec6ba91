/**
 * The kind `thread`: co-authors publish, other users submit, votes decide, and the Chorus answers prompts (THR).
 * This file dispatches commands, answers and events to the rules, which are in the files beside it.
 */
import { Result } from "effect"
import { isUser } from "../protocol/Ids.ts"
import { makeRejection, notFound } from "../protocol/Rejection.ts"
import { type CommandContext, define, type HostAnswer, reject } from "../topic/Topic.ts"
import * as Guards from "./ThreadGuards.ts"
import { makeTransition, validateTransition } from "./ThreadInvariants.ts"
import * as Ledger from "./ThreadLedger.ts"
import * as Lifecycle from "./ThreadLifecycle.ts"
import * as Members from "./ThreadMembers.ts"
import * as Messages from "./ThreadMessages.ts"
import type { Answer, Command, Event, State } from "./ThreadModel.ts"
import * as Model from "./ThreadModel.ts"
import * as Runs from "./ThreadRuns.ts"
import * as Submissions from "./ThreadSubmissions.ts"

// -- Decisions ---------------------------------------------------------------

type Input = Command | Answer | HostAnswer

const isCommand = (input: Input): input is Command => threadKind.commands.has(input._tag)

/** A change is validated as a whole before it leaves; if it is not valid, nothing is stored (THR8). */
const decide = (state: State, input: Input, context: CommandContext): Guards.DecisionResult => {
  const result = decideInput(state, input, context)
  if (Result.isFailure(result) || result.success._tag === "Forward" || result.success.events.length === 0) {
    return result
  }
  const rejection = validateTransition(makeTransition(state, result.success.events.reduce(evolve, state)))
  return rejection === undefined ? result : reject(rejection)
}

const decideInput = (state: State, input: Input, context: CommandContext): Guards.DecisionResult => {
  if (!isCommand(input)) return decideAnswer(state, input, context)
  const { author: user, id, now } = context
  if (!isUser(user)) return Guards.rejectWith("forbidden", "AUT4", "only users send commands to threads")
  if (id.length > 200) return Guards.rejectWith("malformed", "SYN1", "the id is too long: use a UUID")
  const signatureRequired = input._tag === "create_thread"
    ? input.require_signatures === true
    : state.require_signatures
  if (signatureRequired && context.signed !== true) {
    // A user who may not read the thread does not learn that it requires signatures (SEC9).
    return input._tag === "create_thread" || Guards.canRead(state, user) ? reject(unsignedRejection) : reject(notFound)
  }
  return decideCommand(state, input, { id, user, now })
}

const decideCommand = (state: State, command: Command, actor: Guards.Actor): Guards.DecisionResult => {
  switch (command._tag) {
    case "create_thread":
      return Lifecycle.createThread(state, command, actor)
    case "submit_message":
      return Messages.submitMessage(state, command, actor)
    case "import_messages":
      return Messages.importMessages(state, command, actor)
    case "process_approval": {
      const pendingApproval = Guards.canRead(state, actor.user)
        ? state.gates.find((gate) => gate.id === command.message_id)
        : undefined
      return pendingApproval === undefined
        ? Submissions.castSubmissionVote(state, command, actor)
        : Members.castApprovalVote(pendingApproval, command, actor)
    }
    case "invite_co_author":
      return Members.inviteCoAuthor(state, command, actor)
    case "divest":
      return Members.leaveWithShare(state, actor)
    case "cancel_submission":
      return Submissions.cancelSubmission(state, command, actor)
    case "submit_prompt":
      return Runs.submitPrompt(state, command, actor)
    case "cancel_run":
      return Runs.cancelRun(state, command, actor)
    case "close_thread":
      return Lifecycle.closeThread(state, actor)
  }
}

const decideAnswer = (state: State, answer: Answer | HostAnswer, context: CommandContext): Guards.DecisionResult => {
  if (isUser(context.author)) return Guards.rejectWith("forbidden", "AUT4", "only the server sends this message")
  switch (answer._tag) {
    case "SubmissionOffered":
      return Submissions.acceptOffer(state, answer, context.author, context.now)
    case "StepAnswered":
    case "StepErrored":
    case "StepCut":
      return Runs.decideStepAnswer(state, answer, context)
    case "Told":
      return Ledger.decideLedgerOutcome(state, answer, context.now)
    case "Woke":
      return Guards.acceptEvents(
        ...Submissions.expireSubmissions(state, context.now),
        ...Members.expireApprovals(state, context.now)
      )
  }
}

/** AUT5: a thread can require a signature on every command, from `create_thread` on. */
const unsignedRejection = makeRejection(
  "forbidden",
  "AUT5",
  "this thread accepts signed commands only: sign the command with your key"
)

// -- Evolution ---------------------------------------------------------------

const evolve = (previous: State, event: Event): State => {
  const state = { ...previous, version: previous.version + 1, updated_at: event.at }
  switch (event._tag) {
    case "ThreadCreated":
      return Lifecycle.applyThreadCreated(state, event)
    case "MessagePublished":
      return Messages.applyMessagePublished(state, event)
    case "SubmissionOpened":
      return Submissions.applySubmissionOpened(state, event)
    case "VoteCast":
      return Members.applyApprovalVote(state, event) ?? Submissions.applySubmissionVote(state, event)
    case "GateOpened":
      return Members.applyGateOpened(state, event)
    case "GateClosed":
      return Members.applyGateClosed(state, event)
    case "Divested":
      return Members.applyDivested(state, event)
    case "SubmissionSettled":
      return Submissions.applySubmissionSettled(state, event)
    case "LedgerAnswered":
      return Ledger.applyLedgerAnswered(state, event)
    case "ThreadClosed":
      return Lifecycle.applyThreadClosed(state)
    default:
      return Runs.evolve(state, event)
  }
}

// -- The kind ----------------------------------------------------------------

/** The kind of a thread. */
export const threadKind = define({
  name: "thread",
  State: Model.State,
  Command: Model.Command,
  Answer: Model.Answer,
  Event: Model.Event,
  creationCommands: ["create_thread"],
  initial: Lifecycle.initial,
  decide,
  evolve,
  pending: (state) => [...state.owed, ...Runs.pendingSteps(state)],
  nextWake: (state) => {
    const times = [Submissions.nextSubmissionExpiry(state), Members.nextApprovalExpiry(state)].filter((at) =>
      at !== undefined
    )
    return times.length === 0 ? undefined : Math.min(...times)
  },
  canRead: Guards.canRead,
  listing: (state) =>
    state.status === "absent" ? undefined : {
      title: state.title,
      visibility: state.visibility,
      status: state.status,
      members: state.co_authors,
      updatedAt: state.updated_at
    }
})
