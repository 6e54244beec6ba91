/**
 * The thread: people write together, outsiders submit, co-authors decide, and
 * the Chorus answers (THR). This file is the kind: which rule a command, an
 * answer or an event is for.
 */
import { Result } from "effect"
import { isUser } from "../Ids.ts"
import { notFound, reject } from "../Rejection.ts"
import { type Context, type Kind, refuse } from "../Topic.ts"
import * as Ledger from "./ThreadLedger.ts"
import * as Life from "./ThreadLife.ts"
import * as Members from "./ThreadMembers.ts"
import * as Messages from "./ThreadMessages.ts"
import type { Answer, Command, Event, Intent, State } from "./ThreadModel.ts"
import * as Model from "./ThreadModel.ts"
import { accepted, type By, canRead, type Outcome, refused } from "./ThreadRules.ts"
import * as Runs from "./ThreadRuns.ts"
import * as Submissions from "./ThreadSubmissions.ts"
import { between, faultOf } from "./ThreadTransition.ts"

// -- Decisions ---------------------------------------------------------------

const isCommand = (input: Command | Answer): input is Command => thread.commands.has(input._tag)

const decide = (state: State, input: Command | Answer, context: Context): Outcome => {
  const outcome = judge(state, input, context)
  if (Result.isFailure(outcome) || outcome.success._tag === "Forward" || outcome.success.events.length === 0) {
    return outcome
  }
  const fault = faultOf(between(state, outcome.success.events.reduce(evolve, state)))
  return fault === undefined ? outcome : refuse(fault)
}

const judge = (state: State, input: Command | Answer, context: Context): Outcome => {
  if (!isCommand(input)) return hear(state, input, context)
  const { author: user, id, now } = context
  if (!isUser(user)) return refused("forbidden", "AUT4", "only people write in threads")
  if (id.length > 200) return refused("malformed", "SYN1", "the id is too long: use a UUID")
  const demanding = input._tag === "create_thread" ? input.require_signatures === true : state.require_signatures
  if (demanding && context.signed !== true) {
    // Whoever may not see the thread does not learn what it demands.
    return input._tag === "create_thread" || canRead(state, user) ? refuse(unsigned) : refuse(notFound)
  }
  return obey(state, input, { id, user, now })
}

const obey = (state: State, command: Command, by: By): Outcome => {
  switch (command._tag) {
    case "create_thread":
      return Life.create(state, command, by)
    case "submit_message":
      return Messages.submitMessage(state, command, by)
    case "import_messages":
      return Messages.importMessages(state, command, by)
    case "process_approval": {
      const gate = canRead(state, by.user) ? state.gates.find((gate) => gate.id === command.message_id) : undefined
      return gate === undefined ? Submissions.castVote(state, command, by) : Members.castVote(gate, command, by)
    }
    case "invite_co_author":
      return Members.invite(state, command, by)
    case "divest":
      return Members.divest(state, by)
    case "cancel_submission":
      return Submissions.cancel(state, command, by)
    case "submit_prompt":
      return Runs.submitPrompt(state, command, by)
    case "cancel_run":
      return Runs.cancelRun(state, command, by)
    case "close_thread":
      return Life.close(state, by)
  }
}

const hear = (state: State, answer: Answer, context: Context): Outcome => {
  if (isUser(context.author)) return refused("forbidden", "AUT4", "this is not for people to send")
  switch (answer._tag) {
    case "SubmissionOffered":
      return Submissions.takeUp(state, answer, context.author, context.now)
    case "StepAnswered":
    case "StepErrored":
    case "StepCut":
      return Runs.answered(state, answer, context)
    case "Told":
      return Ledger.told(state, answer, context.now)
    case "Woke":
      return accepted(...Submissions.expire(state, context.now), ...Members.expire(state, context.now))
  }
}

const unsigned = reject("forbidden", "AUT5", "this thread takes signed commands only: sign this one with your key")

// -- Evolution ---------------------------------------------------------------

const evolve = (before: State, event: Event): State => {
  const state = { ...before, version: before.version + 1, updated_at: event.at }
  switch (event._tag) {
    case "ThreadCreated":
      return Life.created(state, event)
    case "MessagePublished":
      return Messages.published(state, event)
    case "SubmissionOpened":
      return Submissions.opened(state, event)
    case "VoteCast":
      return Members.voted(state, event) ?? Submissions.voted(state, event)
    case "GateOpened":
      return Members.opened(state, event)
    case "GateClosed":
      return Members.closed(state, event)
    case "Divested":
      return Members.divested(state, event)
    case "SubmissionSettled":
      return Submissions.settled(state, event)
    case "LedgerAnswered":
      return Ledger.answered(state, event)
    case "ThreadClosed":
      return Life.closed(state)
    default:
      return Runs.evolve(state, event)
  }
}

// -- The kind ----------------------------------------------------------------

/** The kind. Every change it decides is checked as a whole before it leaves (THR8). */
export const thread: Kind<State, Command, Answer, Event, Intent> = {
  name: "thread",
  version: 1,
  upcasters: {},
  State: Model.State,
  Command: Model.Command,
  Answer: Model.Answer,
  Event: Model.Event,
  commands: new Set(Object.keys(Model.Command.cases)),
  founding: new Set(["create_thread"]),
  initial: Life.initial,
  decide,
  evolve,
  pending: (state) => [...state.owed, ...Runs.pending(state)],
  nextWake: (state) => {
    const times = [Submissions.nextExpiry(state), Members.nextExpiry(state)].filter((at) => at !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  },
  canRead,
  listing: (state) =>
    state.status === "absent" ? undefined : {
      title: state.title,
      visibility: state.visibility,
      status: state.status,
      members: state.co_authors,
      updatedAt: state.updated_at
    }
}
