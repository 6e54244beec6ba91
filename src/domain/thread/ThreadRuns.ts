/**
 * The Chorus in a thread: who may ask, whose turn it is, what a run is shown,
 * and whom its answer pays (CHO2, CHO7-CHO10). One run at a time.
 */
import type { ChorusEvent as RunEvent, ChorusState, RunStepAnswer, TranscriptLine } from "../chorus/ChorusModel.ts"
import { displayText } from "../chorus/ChorusOutput.ts"
import * as ChorusRun from "../chorus/ChorusRun.ts"
import * as Ledger from "../ledger/LedgerModel.ts"
import { type CommandId, deriveId, type Instant, type UserId } from "../protocol/Ids.ts"
import { makeRejection, notFound } from "../protocol/Rejection.ts"
import { type CommandContext, reject, type SendCommand } from "../topic/Topic.ts"
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
import type { CommandOf, Event, State } from "./ThreadModel.ts"

// -- Decisions ---------------------------------------------------------------

/** A prompt starts at once, or waits behind the run that is under way, unless it asks for something else (CHO9). */
export const submitPrompt = (
  state: State,
  command: CommandOf<"submit_prompt">,
  { id, now, user }: Actor
): DecisionResult => {
  const { if_busy = "enqueue", prompt, sibling_of } = command
  const rejection = rejectIfClosed(state, user) ?? rejectIfInvalid(prompt)
  if (rejection !== undefined) return reject(rejection)
  if (!isCoAuthor(state, user)) {
    return rejectWith("forbidden", "CHO9", "only co-authors can ask the Chorus here; submit a message to become one")
  }
  if (isIdTaken(state, id)) return reject(idConflict)
  const siblingRun = state.runs.find((run) => run.prompt_id === sibling_of)
  if (sibling_of !== undefined && siblingRun === undefined) return reject(promptNotFound)
  const unfinished = unfinishedRuns(state)
  if (unfinished.length > 0 && if_busy === "reject") {
    return rejectWith("rule_violated", "CHO9", "the Chorus is answering another prompt; ask again when it is done")
  }
  if (unfinished.length > threadLimits.maxQueuedPrompts) {
    return rejectWith(
      "rule_violated",
      "CHO9",
      `${threadLimits.maxQueuedPrompts} prompts are waiting already; try again after the next answer`
    )
  }
  const rootPrompt = siblingRun === undefined
    ? undefined
    : { sibling_of: siblingRun.sibling_of ?? siblingRun.prompt_id }
  const submitted: Event = { _tag: "PromptSubmitted", id, author: user, content: prompt, ...rootPrompt, at: now }
  const cancellation = if_busy === "interrupt" ? cancelRunning(state, user, now) : []
  return unfinished.length === 0 || unfinished.length === 1 && cancellation.length > 0
    ? acceptEvents(...cancellation, submitted, { _tag: "RunStarted", prompt_id: id, at: now })
    : acceptEvents(...cancellation, submitted)
}

const promptNotFound = makeRejection("not_found", "CHO8", "there is no such prompt in this thread")

/** The run under way is cancelled, and the next of those that wait, if any, begins. */
const cancelRunning = (state: State, by: UserId, at: Instant): ReadonlyArray<Event> => {
  const [running] = unfinishedRuns(state)
  return running === undefined
    ? []
    : withNextRunStarted(state, { _tag: "RunCancelled", prompt_id: running.prompt_id, by, at })
}

/** CHO8: by the asker or any co-author, while it waits or while it runs. */
export const cancelRun = (state: State, command: CommandOf<"cancel_run">, { now, user }: Actor): DecisionResult => {
  if (!canRead(state, user)) return reject(notFound)
  const run = state.runs.find((run) => run.prompt_id === command.prompt_id)
  if (run === undefined) return reject(promptNotFound)
  if (run.asker !== user && !isCoAuthor(state, user)) {
    return rejectWith("forbidden", "CHO8", "only whoever asked and the co-authors can cancel a run")
  }
  if (ChorusRun.isFinished(run)) return rejectWith("rule_violated", "CHO8", `the run is over: it has ${run.status}`)
  return acceptEvents(
    ...withNextRunStarted(state, { _tag: "RunCancelled", prompt_id: run.prompt_id, by: user, at: now })
  )
}

/** What a step brought; an answer that nobody waits for changes nothing. */
export const decideStepAnswer = (state: State, answer: RunStepAnswer, context: CommandContext): DecisionResult => {
  const run = state.runs.find((run) => run.prompt_id === answer.prompt_id)
  const events = run === undefined ? [] : ChorusRun.decide(run, answer, context)
  return acceptEvents(...events.flatMap((event) => withNextRunStarted(state, event)))
}

/** A closing thread ends its runs. */
export const cancelUnfinishedRuns = (state: State, by: UserId, at: Instant): ReadonlyArray<Event> =>
  unfinishedRuns(state).map((run) => ({ _tag: "RunCancelled", prompt_id: run.prompt_id, by, at }))

/** The event, and the start of the next run when it ends the one under way. */
const withNextRunStarted = (
  state: State,
  event: ChorusRun.RunEvent
): ReadonlyArray<Event> => {
  const [running, next] = unfinishedRuns(state)
  return running !== undefined && next !== undefined && ChorusRun.isFinished(ChorusRun.evolve(running, event))
    ? [event, { _tag: "RunStarted", prompt_id: next.prompt_id, at: event.at }]
    : [event]
}

/**
 * The run under way, then those that wait, oldest first. Runs start in the order of their prompts, so everything
 * before one that ended by itself is over too: the search ends there.
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

/** What the Chorus is asked to do now. */
export const pendingSteps = (state: State) => unfinishedRuns(state).slice(0, 1).flatMap(ChorusRun.pending)

// -- Evolution ---------------------------------------------------------------

/** A run's event moves that run and nothing else but what its citations pay (CHO10). */
export const evolve = (state: State, event: RunEvent): State => {
  if (event._tag === "PromptSubmitted") {
    const { at, author: asker, content, id: prompt_id, sibling_of } = event
    const siblingField = sibling_of === undefined ? undefined : { sibling_of }
    const run = ChorusRun.createRun({ prompt_id, thread_id: state.id, asker, prompt: content, at, ...siblingField })
    return { ...state, runs: [...state.runs, run] }
  }
  const evolveRun = (run: ChorusState): ChorusState =>
    ChorusRun.evolve(event._tag === "RunStarted" ? { ...run, messages: transcript(state, run) } : run, event)
  return {
    ...state,
    runs: state.runs.map((run) => run.prompt_id === event.prompt_id ? evolveRun(run) : run),
    owed: event._tag === "StepCompleted"
      ? [...state.owed, ...citationRewards(state, event.prompt_id, event)]
      : state.owed
  }
}

/** Whether one answers what the other does, once more. */
const areSiblings = ({ sibling_of }: ChorusState, other: ChorusState): boolean =>
  sibling_of !== undefined && (other.sibling_of ?? other.prompt_id) === sibling_of

/** CHO2: the newest lines of the conversation, oldest first: messages, earlier prompts and their answers. */
const transcript = (state: State, run: ChorusState): ReadonlyArray<TranscriptLine> => {
  const messageLines = state.messages.slice(-ChorusRun.runPolicy.maxTranscriptLines).map(({ at, author, content }) => ({
    at,
    author,
    content
  }))
  const answeredRuns = state.runs.filter((other) => other.status === "yielded" && !areSiblings(run, other))
  const promptLines = answeredRuns.slice(-ChorusRun.runPolicy.maxTranscriptLines).flatMap((run) => [
    { at: run.asked_at, author: run.asker, content: run.prompt },
    { at: run.ended_at ?? run.asked_at, author: "system:chorus" as const, content: finalText(run) }
  ])
  return [...messageLines, ...promptLines].sort((a, b) => a.at - b.at).slice(-ChorusRun.runPolicy.maxTranscriptLines)
    .map(({ author, content }) => ({ author, content }))
}

const finalText = (run: ChorusState): string => {
  const last = run.steps.at(-1)
  return last === undefined ? "" : displayText(last.output)
}

/** CHO10: the treasury pays each cited author once per run. */
const citationRewards = (
  state: State,
  prompt: CommandId,
  { output }: Extract<RunEvent, { readonly _tag: "StepCompleted" }>
): ReadonlyArray<SendCommand> => {
  const run = state.runs.find((run) => run.prompt_id === prompt)
  if (run === undefined || output._tag !== "yield") return []
  return ChorusRun.citedAuthors(run, output).map((author, n) => ({
    _tag: "Tell",
    id: deriveId(prompt, `:cite:${n + 1}`),
    topic: Ledger.mainLedger,
    input: {
      _tag: "Transfer",
      from: "treasury",
      to: Ledger.userAccount(author),
      amount: ChorusRun.runPolicy.citationReward,
      reason: `cited in the answer to ${prompt}`
    }
  }))
}
