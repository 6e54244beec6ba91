/**
 * The kind `thread`: co-authors publish, other users submit, votes decide, and the Chorus answers prompts (THR).
 * This file dispatches commands, answers and events to the rules, which are in the files beside it.
 */
import { Result } from "effect"
import { type Instant, isUser } from "../protocol/Ids.ts"
import { ownerOf } from "../protocol/Principal.ts"
import { makeRejection, notFound, type Rejection } from "../protocol/Rejection.ts"
import { type CommandContext, define, type HostAnswer, reject } from "../topic/Topic.ts"
import * as ThreadAgents from "./ThreadAgents.ts"
import * as ThreadErasure from "./ThreadErasure.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import * as ThreadInvariants from "./ThreadInvariants.ts"
import * as ThreadLedger from "./ThreadLedger.ts"
import * as ThreadLifecycle from "./ThreadLifecycle.ts"
import * as ThreadMembers from "./ThreadMembers.ts"
import * as ThreadMessages from "./ThreadMessages.ts"
import type { Answer, Command, Event, State } from "./ThreadModel.ts"
import * as ThreadModel from "./ThreadModel.ts"
import * as ThreadRuns from "./ThreadRuns.ts"
import * as ThreadSubmissions from "./ThreadSubmissions.ts"

// -- Decisions ---------------------------------------------------------------

type Input = Command | Answer | HostAnswer

const isCommand = (input: Input): input is Command => threadKind.commands.has(input._tag)

/** The search of a run starts again when somebody joins its thread (CHO13). */
const decide = (state: State, input: Input, context: CommandContext): ThreadGuards.DecisionResult => {
  const result = decideInput(state, input, context)
  if (Result.isFailure(result) || result.success._tag === "Forward" || !ThreadRuns.isSearching(state)) return result
  const { events } = result.success
  const restart = ThreadRuns.restartSearch(state, events.reduce(evolve, state), context)
  return restart.length === 0 ? result : ThreadGuards.acceptEvents(...events, ...restart)
}

const decideInput = (state: State, input: Input, context: CommandContext): ThreadGuards.DecisionResult => {
  if (!isCommand(input)) return decideAnswer(state, input, context)
  const { author: user, id, now } = context
  if (!isUser(user)) return ThreadGuards.rejectWith("forbidden", "AUT4", "only users send commands to threads")
  if (id.length > 200) return ThreadGuards.rejectWith("malformed", "SYN1", "the id is too long: use a UUID")
  const isCreation = input._tag === "create_thread"
  // First, so that a user who may not read the thread learns nothing from the other rejections (SEC9).
  if (!ThreadGuards.canRead(state, user) && !(isCreation && state.status === "absent")) return reject(notFound)
  const signatureRequired = isCreation ? input.require_signatures === true : state.require_signatures
  const rejection = rejectSender(state, signatureRequired, context)
  return rejection === undefined
    ? decideCommand(state, input, { id, user, owner: ownerOf(context.principal), now })
    : reject(rejection)
}

/** AUT5, AUT8: the rejection of whatever a user sends without the signature that is required, or for another owner. */
const rejectSender = (
  state: State,
  signatureRequired: boolean,
  { author, principal, signed }: CommandContext
): Rejection | undefined => {
  if (!isUser(author)) return undefined
  return signatureRequired && signed !== true
    ? unsignedRejection
    : ThreadAgents.rejectOwner(state, { user: author, owner: ownerOf(principal) })
}

const decideCommand = (state: State, command: Command, actor: ThreadGuards.Actor): ThreadGuards.DecisionResult => {
  switch (command._tag) {
    case "create_thread":
      return ThreadLifecycle.createThread(state, command, actor)
    case "submit_message":
      return ThreadMessages.submitMessage(state, command, actor)
    case "import_messages":
      return ThreadMessages.importMessages(state, command, actor)
    case "process_approval": {
      const pendingApproval = state.gates.find((gate) => gate.id === command.message_id)
      return pendingApproval === undefined
        ? ThreadSubmissions.castSubmissionVote(state, command, actor)
        : ThreadMembers.castApprovalVote(pendingApproval, command, actor)
    }
    case "invite_co_author":
      return ThreadMembers.inviteCoAuthor(state, command, actor)
    case "divest":
      return ThreadMembers.leaveWithShare(state, command, actor)
    case "cancel_submission":
      return ThreadSubmissions.cancelSubmission(state, command, actor)
    case "submit_prompt":
      return ThreadRuns.submitPrompt(state, command, actor)
    case "cancel_run":
      return ThreadRuns.cancelRun(state, command, actor)
    case "close_thread":
      return ThreadLifecycle.closeThread(state, actor)
  }
}

const decideAnswer = (
  state: State,
  answer: Answer | HostAnswer,
  context: CommandContext
): ThreadGuards.DecisionResult => {
  if (isUser(context.author)) return ThreadGuards.rejectWith("forbidden", "AUT4", "only the server sends this message")
  switch (answer._tag) {
    case "SubmissionOffered":
      return ThreadSubmissions.acceptOffer(state, answer, context.author, context.now)
    case "StepAnswered":
    case "StepErrored":
    case "StepInterrupted":
      return ThreadGuards.acceptEvents(...ThreadRuns.decideStepAnswer(state, answer, context))
    case "SourceErased":
      return ThreadGuards.acceptEvents(...ThreadRuns.markSourceErased(state, answer, context.author, context.now))
    case "IntentFailed":
      return ThreadGuards.acceptEvents(...ThreadRuns.decideFailedIntent(state, answer, context))
    case "CommandOutcome":
      return ThreadLedger.decideLedgerOutcome(state, answer, context.now)
    case "TimerFired":
      return ThreadGuards.acceptEvents(
        ...ThreadSubmissions.expireSubmissions(state, context.now),
        ...ThreadMembers.expireApprovals(state, context.now)
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

const evolve = (previous: State, event: Event): State => ThreadAgents.recordAgent(evolveEvent(previous, event), event)

const evolveEvent = (previous: State, event: Event): State => {
  const state = { ...previous, version: previous.version + 1, updated_at: event.at }
  switch (event._tag) {
    case "ThreadCreated":
      return ThreadLifecycle.applyThreadCreated(state, event)
    case "MessagePublished":
      return ThreadMessages.applyMessagePublished(state, event)
    case "SubmissionOpened":
      return ThreadSubmissions.applySubmissionOpened(state, event)
    case "VoteCast":
      return ThreadMembers.applyApprovalVote(state, event) ?? ThreadSubmissions.applySubmissionVote(state, event)
    case "GateOpened":
      return ThreadMembers.applyGateOpened(state, event)
    case "GateClosed":
      return ThreadMembers.applyGateClosed(state, event)
    case "Divested":
      return ThreadMembers.applyDivested(state, event)
    case "SubmissionSettled":
      return ThreadSubmissions.applySubmissionSettled(state, event)
    case "LedgerAnswered":
      return ThreadLedger.applyLedgerAnswered(state, event)
    case "ThreadClosed":
      return ThreadLifecycle.applyThreadClosed(state)
    default:
      return ThreadRuns.evolve(state, event)
  }
}

// -- The kind ----------------------------------------------------------------

/** The kind of a thread. */
export const threadKind = define({
  name: "thread",
  State: ThreadModel.State,
  Command: ThreadModel.Command,
  Answer: ThreadModel.Answer,
  Event: ThreadModel.Event,
  creationCommands: ["create_thread"],
  runCommands: ["submit_prompt"],
  initial: ThreadLifecycle.initial,
  decide,
  evolve,
  validate: ThreadInvariants.validate,
  pending: (state) => [...state.ledger_requests, ...ThreadRuns.pendingSteps(state)],
  nextWake: (state) =>
    [...ThreadSubmissions.openSubmissions(state), ...state.gates].reduce<Instant | undefined>(
      (next, { expires_at }) => Math.min(next ?? expires_at, expires_at),
      undefined
    ),
  authorsOf: ThreadErasure.authorsOf,
  sourcesOf: ThreadErasure.sourcesOf,
  derivationOf: ThreadErasure.derivationOf,
  rejectErasure: (state, context) => rejectSender(state, state.require_signatures, context),
  decideErased: ThreadErasure.decideErased,
  evolveErased: (state, { at }) => ({ ...state, version: state.version + 1, updated_at: at }),
  canRead: ThreadGuards.canRead,
  listing: (state) =>
    state.status === "absent" ? undefined : {
      title: state.title,
      visibility: state.visibility,
      status: state.status,
      members: state.co_authors,
      updatedAt: state.updated_at
    }
})
