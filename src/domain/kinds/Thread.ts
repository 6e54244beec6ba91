/**
 * The thread: people write together, outsiders submit, co-authors decide, and
 * the Chorus answers (THR). This file is the kind, the thread's own life and
 * its talk with the ledger; submissions, members and runs have files of their own.
 */
import { Result, Schema } from "effect"
import { CommandId, type Instant, isUser, type TopicId } from "../Ids.ts"
import { notFound, reject } from "../Rejection.ts"
import { type Context, type Kind, refuse, type Tell, type Told } from "../Topic.ts"
import * as Ledger from "./LedgerModel.ts"
import * as Members from "./ThreadMembers.ts"
import type { Answer, Command, Event, Intent, State } from "./ThreadModel.ts"
import * as Model from "./ThreadModel.ts"
import { accepted, type By, canRead, closedTo, type Outcome, refused } from "./ThreadRules.ts"
import * as Runs from "./ThreadRuns.ts"
import * as Submissions from "./ThreadSubmissions.ts"
import { between, faultOf } from "./ThreadTransition.ts"

const initial = (id: TopicId): State => ({
  id,
  status: "absent",
  title: "",
  visibility: "public",
  require_signatures: false,
  created_at: 0,
  updated_at: 0,
  co_authors: [],
  version: 0,
  messages: [],
  submissions: [],
  gates: [],
  token_balance: 0,
  runs: [],
  owed: []
})

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
      return create(state, command, by)
    case "submit_message":
      return Submissions.submitMessage(state, command, by)
    case "import_messages":
      return Submissions.importMessages(state, command, by)
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
      return close(state, by)
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
      return told(state, answer, context.now)
    case "Woke":
      return accepted(...Submissions.expire(state, context.now), ...Members.expire(state, context.now))
  }
}

const unsigned = reject("forbidden", "AUT5", "this thread takes signed commands only: sign this one with your key")

/** THR1: the creator is the first co-author. */
const create = (
  state: State,
  { name, require_signatures = false, visibility = "public" }: Extract<Command, { readonly _tag: "create_thread" }>,
  { now, user }: By
): Outcome => {
  if (state.status !== "absent") return refused("id_conflict", "THR1", "this thread's id is taken; choose another")
  const title = name.trim()
  return title === "" || !title.isWellFormed()
    ? refused("malformed", "THR1", "a thread needs a name of readable text")
    : accepted({
      _tag: "ThreadCreated",
      title,
      visibility,
      ...(require_signatures ? { require_signatures } : undefined),
      creator: user,
      at: now
    })
}

/**
 * THR7: the last co-author closes; while there are others nobody may, because what the thread holds goes to whoever
 * closes it. Open submissions are refunded and runs cancelled; reading goes on.
 */
const close = (state: State, { now, user }: By): Outcome => {
  const fault = closedTo(state, user)
  if (fault !== undefined) return refuse(fault)
  if (!state.co_authors.includes(user)) return refused("forbidden", "THR7", "only a co-author can close the thread")
  return state.co_authors.length > 1
    ? refused("rule_violated", "THR7", "only the last co-author can close the thread, and there are others")
    : accepted(
      ...Submissions.cancelAll(state, now),
      ...Runs.cancelAll(state, user, now),
      { _tag: "ThreadClosed", by: user, at: now }
    )
}

/** The ledger answered one of our asks; anything else is an echo. */
const told = (state: State, { id, rejection }: Told, now: Instant): Outcome => {
  const ask = state.owed.find((ask) => ask.id === id)
  if (ask === undefined) return accepted()
  const granted = rejection === null
  const to_thread = granted ? reaching(state, ask) : 0
  return accepted({ _tag: "LedgerAnswered", ask: id, accepted: granted, to_thread, at: now })
}

const asLedgerInput = Schema.decodeUnknownOption(Ledger.Answer)

/** What an ask moves to the thread's own account. */
const reaching = (state: State, ask: Tell): number => {
  const input = asLedgerInput(ask.input)
  if (input._tag === "None" || input.value._tag !== "Settle") return 0
  const own = Ledger.threadAccount(state.id)
  return input.value.shares.reduce((sum, share) => share.to === own ? sum + share.amount : sum, 0)
}

// -- Evolution ---------------------------------------------------------------

const evolve = (before: State, event: Event): State => {
  const state = { ...before, version: before.version + 1, updated_at: event.at }
  switch (event._tag) {
    case "ThreadCreated": {
      const { at, creator, require_signatures = false, title, visibility } = event
      return {
        ...state,
        status: "active",
        title,
        visibility,
        require_signatures,
        created_at: at,
        co_authors: [creator]
      }
    }
    case "MessagePublished": {
      const { at, author, content, id, source } = event
      return { ...state, messages: [...state.messages, { id, author, content, at, origin: "message", source }] }
    }
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
      return payOut({
        ...state,
        owed: state.owed.filter((ask) => ask.id !== event.ask),
        token_balance: state.token_balance + event.to_thread
      })
    case "ThreadClosed":
      return payOut({ ...state, status: "closed", gates: [] })
    default:
      return Runs.evolve(state, event)
  }
}

/** THR7: once a closed thread awaits nothing any more, what it holds goes to its last co-author; that happens once. */
const payOut = (state: State): State => {
  const [last] = state.co_authors
  if (state.status !== "closed" || state.owed.length > 0 || state.token_balance === 0 || last === undefined) {
    return state
  }
  const input = {
    _tag: "Transfer",
    from: Ledger.threadAccount(state.id),
    to: Ledger.userAccount(last),
    amount: state.token_balance,
    reason: `${state.id} closed`
  } as const
  const ask = { _tag: "Tell", id: CommandId.make(`${state.id}:close`), topic: Ledger.mainLedger, input } as const
  return { ...state, token_balance: 0, owed: [ask] }
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
  initial,
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
