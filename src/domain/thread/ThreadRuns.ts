/**
 * The runs of the Chorus in a thread: permission, the queue, the transcript that a run receives, and the payment of
 * cited authors (CHO2, CHO7-CHO10). One run is active at a time. The steps of a run are in `chorus/ChorusRun`.
 */
import type {
  ChorusEvent as RunEvent,
  ChorusState,
  ErrorState,
  RunStepAnswer,
  SourceErased,
  TranscriptLine
} from "../chorus/ChorusModel.ts"
import * as ChorusRun from "../chorus/ChorusRun.ts"
import * as LedgerModel from "../ledger/LedgerModel.ts"
import { type Author, type CommandId, deriveId, type Instant, type UserId } from "../protocol/Ids.ts"
import { makeRejection } from "../protocol/Rejection.ts"
import { textErased } from "../topic/Erasure.ts"
import { type CommandContext, type IntentFailed, reject, type SendCommand } from "../topic/Topic.ts"
import { canAllRead } from "../topic/TopicAccess.ts"
import { ownerField } from "./ThreadAgents.ts"
import * as ThreadGuards from "./ThreadGuards.ts"
import type { CommandOf, Event, State } from "./ThreadModel.ts"

// -- Decisions ---------------------------------------------------------------

/**
 * CHO9: a prompt starts at once, or is queued behind the active run; `if_busy` rejects it or interrupts that run instead.
 * One run is active per thread, and the queue is bounded (SEC29).
 */
export const submitPrompt = (
  state: State,
  command: CommandOf<"submit_prompt">,
  { id, now, owner, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const { if_busy = "enqueue", prompt, sibling_of } = command
  const rejection = ThreadGuards.rejectIfClosed(state) ?? ThreadGuards.rejectIfInvalid(prompt)
  if (rejection !== undefined) return reject(rejection)
  if (!ThreadGuards.isCoAuthor(state, user)) {
    return ThreadGuards.rejectWith(
      "forbidden",
      "CHO9",
      "only co-authors can prompt the Chorus here: submit a message to become one"
    )
  }
  if (ThreadGuards.isIdTaken(state, id)) return reject(ThreadGuards.idConflict)
  const siblingRun = state.runs.find((run) => run.prompt_id === sibling_of)
  if (sibling_of !== undefined && siblingRun === undefined) return reject(promptNotFound)
  if (siblingRun?.prompt.text === null) return reject(textErased)
  const unfinished = unfinishedRuns(state)
  if (unfinished.length > 0 && if_busy === "reject") {
    return ThreadGuards.rejectWith(
      "rule_violated",
      "CHO9",
      "the Chorus is answering another prompt: send this one when it has finished"
    )
  }
  if (unfinished.length > ThreadGuards.threadLimits.maxQueuedPrompts) {
    return ThreadGuards.rejectWith(
      "rule_violated",
      "CHO9",
      `${ThreadGuards.threadLimits.maxQueuedPrompts} prompts are queued: send this one after the next answer`
    )
  }
  const rootPrompt = siblingRun === undefined
    ? undefined
    : { sibling_of: siblingRun.sibling_of ?? siblingRun.prompt_id }
  const by = { author: user, ...ownerField(owner) }
  const submitted: Event = { _tag: "PromptSubmitted", id, ...by, content: prompt, ...rootPrompt, at: now }
  const cancellation = if_busy === "interrupt" ? cancelRunning(state, user, now) : []
  return unfinished.length === 0 || unfinished.length === 1 && cancellation.length > 0
    ? ThreadGuards.acceptEvents(...cancellation, submitted, { _tag: "RunStarted", prompt_id: id, at: now })
    : ThreadGuards.acceptEvents(...cancellation, submitted)
}

const promptNotFound = makeRejection("not_found", "CHO8", "this thread has no prompt with this id")

/** Cancels the active run, and starts the next queued one, if any. */
const cancelRunning = (state: State, by: UserId, at: Instant): ReadonlyArray<Event> => {
  const [running] = unfinishedRuns(state)
  return running === undefined
    ? []
    : withNextRunStarted(state, { _tag: "RunCancelled", prompt_id: running.prompt_id, by, at })
}

/** CHO8, FLT19: cancels a queued or active run. Its step is no longer pending, so that the host aborts the request. */
export const cancelRun = (
  state: State,
  command: CommandOf<"cancel_run">,
  { now, user }: ThreadGuards.Actor
): ThreadGuards.DecisionResult => {
  const run = state.runs.find((run) => run.prompt_id === command.prompt_id)
  if (run === undefined) return reject(promptNotFound)
  if (run.asker !== user && run.owner !== user && !ThreadGuards.isCoAuthor(state, user)) {
    return ThreadGuards.rejectWith("forbidden", "CHO8", "only the author of the prompt and co-authors can cancel a run")
  }
  if (ChorusRun.isFinished(run)) {
    return ThreadGuards.rejectWith("rule_violated", "CHO8", `the run has ended: it is ${run.status}`)
  }
  return ThreadGuards.acceptEvents(
    ...withNextRunStarted(state, { _tag: "RunCancelled", prompt_id: run.prompt_id, by: user, at: now })
  )
}

/** CHO7, FLT18: the answer to a step. A repeated answer, or one to another step or attempt, changes nothing. */
export const decideStepAnswer = (
  state: State,
  answer: RunStepAnswer,
  context: CommandContext
): ReadonlyArray<Event> => {
  const run = state.runs.find((run) => run.prompt_id === answer.prompt_id)
  const events = run === undefined ? [] : ChorusRun.decide(run, answer, context)
  return events.flatMap((event) => withNextRunStarted(state, event))
}

/** Whether the active run is in Experience, which searches. */
export const isSearching = (state: State): boolean => {
  const [run] = unfinishedRuns(state)
  return run?.status === "running" && run.current_step === "experience"
}

/**
 * CHO13: Experience searches what all readers of the moment may read. When a change lets others read the thread, the
 * search that is under way starts again for all of them; what it found is neither recorded nor shown any further.
 */
export const restartSearch = (before: State, after: State, context: CommandContext): ReadonlyArray<Event> => {
  if (after.co_authors === before.co_authors || canAllRead(readersOf(after), readersOf(before))) return []
  const [run] = unfinishedRuns(after)
  return run !== undefined && isSearching(after)
    ? decideStepAnswer(after, {
      _tag: "StepErrored",
      intent: ChorusRun.intentId(run),
      prompt_id: run.prompt_id,
      error: { _tag: "StateError", message: joinedDuringSearch, retryable: true }
    }, context)
    : []
}

const readersOf = ({ co_authors, visibility }: State) => ({ visibility, members: co_authors })

const joinedDuringSearch = "somebody joined the thread: its earlier messages are searched again, for all readers"

/**
 * CHO3, CHO6: a step without a usable answer has failed, and is tried again as after other failures. A request to the
 * ledger stays pending: its outcome is not known.
 */
export const decideFailedIntent = (
  state: State,
  { id }: IntentFailed,
  context: CommandContext
): ReadonlyArray<Event> => {
  const step = pendingSteps(state).find((intent) => intent.id === id)
  return step === undefined ? [] : decideStepAnswer(state, {
    _tag: "StepErrored",
    intent: step.id,
    prompt_id: step.run.prompt_id,
    error: { _tag: "AIError", message: "the answer to this step could not be used", retryable: true }
  }, context)
}

/**
 * TOP10: a text that a run was given was erased. A run under way ends: what it would still say may repeat the text. A queued
 * one was given its prompt alone, and never starts. The mark remains, once, so that readers of its outputs know.
 */
export const markSourceErased = (
  state: State,
  { because, prompt_id }: SourceErased,
  by: Author,
  at: Instant
): ReadonlyArray<RunEvent> => {
  const run = state.runs.find((run) => run.prompt_id === prompt_id)
  if (run === undefined) return []
  return [
    ...(run.status === "running"
      ? withNextRunStarted(state, { _tag: "RunFailed", prompt_id, error: sourceErased, at })
      : []),
    ...(run.status === "queued" ? [{ _tag: "RunCancelled", prompt_id, by, at } as const] : []),
    ...(run.source_erased ? [] : [{ _tag: "SourceErased", prompt_id, because, at } as const])
  ]
}

const sourceErased: ErrorState = {
  _tag: "StateError",
  message: "a text that this answer was made from was erased: ask again",
  retryable: false
}

/** THR7: cancels the runs of a closing thread. */
export const cancelUnfinishedRuns = (state: State, by: UserId, at: Instant): ReadonlyArray<Event> =>
  unfinishedRuns(state).map((run) => ({ _tag: "RunCancelled", prompt_id: run.prompt_id, by, at }))

/** The event; if it ends the active run, also the start of the next one (CHO9). */
const withNextRunStarted = (
  state: State,
  event: ChorusRun.RunEvent
): ReadonlyArray<RunEvent> => {
  const [running, next] = unfinishedRuns(state)
  return running !== undefined && next !== undefined && ChorusRun.isFinished(ChorusRun.evolve(running, event))
    ? [event, { _tag: "RunStarted", prompt_id: next.prompt_id, at: event.at }]
    : [event]
}

/**
 * The active run, then the queued ones, oldest first. Runs start in the order of their prompts, so every run before one
 * that yielded or failed has ended too: the search stops there.
 */
const unfinishedRuns = (state: State): ReadonlyArray<ChorusState> => {
  const runs: Array<ChorusState> = []
  for (let i = state.runs.length - 1; i >= 0; i--) {
    const run = state.runs[i]
    if (run === undefined || run.status === "yielded" || run.status === "failed") break
    if (run.status !== "cancelled") runs.push(run)
  }
  return runs.toReversed()
}

/** The step that the Chorus has to perform now. */
export const pendingSteps = (state: State) => unfinishedRuns(state).slice(0, 1).flatMap(ChorusRun.pending)

// -- Evolution ---------------------------------------------------------------

/** Applies an event to its run. It changes nothing else but the pending payments for citations (CHO6, CHO10). */
export const evolve = (state: State, event: RunEvent): State => {
  if (event._tag === "PromptSubmitted") {
    const { at, author: asker, content, id: prompt_id, owner, sibling_of } = event
    const siblingField = sibling_of === undefined ? undefined : { sibling_of }
    const run = ChorusRun.createRun({
      prompt_id,
      seq: state.version,
      thread_id: state.id,
      asker,
      ...ownerField(owner),
      prompt: content,
      at,
      ...siblingField
    })
    return { ...state, runs: [...state.runs, run] }
  }
  const evolveRun = (run: ChorusState): ChorusState =>
    ChorusRun.evolve(event._tag === "RunStarted" ? { ...run, messages: transcript(state, run) } : run, event)
  return {
    ...state,
    runs: state.runs.map((run) => run.prompt_id === event.prompt_id ? evolveRun(run) : run),
    ledger_requests: event._tag === "StepCompleted"
      ? [...state.ledger_requests, ...citationRewards(state, event.prompt_id, event)]
      : state.ledger_requests
  }
}

/** Whether both runs answer the same prompt (CHO8). */
const areSiblings = ({ sibling_of }: ChorusState, other: ChorusState): boolean =>
  sibling_of !== undefined && (other.sibling_of ?? other.prompt_id) === sibling_of

/** The prompt and the final answer of a run. */
const runLines = (run: ChorusState) => {
  const prompt = { at: run.asked_at, author: run.asker, content: run.prompt }
  const last = run.steps.at(-1)
  return last?.output._tag === "yield"
    ? [prompt, { at: last.at, author: "system:chorus" as const, content: last.output.final_response }]
    : [prompt]
}

/** CHO2: the newest lines of the thread, oldest first: messages, earlier prompts and their answers. */
const transcript = (state: State, run: ChorusState): ReadonlyArray<TranscriptLine> => {
  const messageLines = state.messages.slice(-ChorusRun.runPolicy.maxTranscriptLines)
  const answeredRuns = state.runs.filter((other) => other.status === "yielded" && !areSiblings(run, other))
  const promptLines = answeredRuns.slice(-ChorusRun.runPolicy.maxTranscriptLines).flatMap(runLines)
  return [...messageLines, ...promptLines].sort((a, b) => a.at - b.at).slice(-ChorusRun.runPolicy.maxTranscriptLines)
    .map(({ author, content }) => ({ author, content }))
}

/** CHO10: requests to the ledger to pay each cited author, once per run; the ledger bounds what it pays a day (LED3). */
const citationRewards = (
  state: State,
  prompt: CommandId,
  { output }: Extract<RunEvent, { readonly _tag: "StepCompleted" }>
): ReadonlyArray<SendCommand> => {
  if (output._tag !== "yield") return []
  return state.runs.filter((run) => run.prompt_id === prompt).flatMap((run) =>
    ChorusRun.citedAuthors(run, output).map((author, n) =>
      LedgerModel.ledgerRequest(state.id, deriveId(prompt, `:cite:${n + 1}`), {
        _tag: "Reward",
        asker: run.owner ?? run.asker,
        author,
        amount: ChorusRun.runPolicy.citationReward,
        thread: state.id,
        prompt
      })
    )
  )
}
