/**
 * The run machine: the transitions of one run through its six steps, its loops, failures and end (CHO1-CHO3, CHO6-CHO8).
 * `ChorusModel` draws them. The thread owns the queue of runs, `layers/chorus` the models.
 */
import * as Backoff from "../protocol/Backoff.ts"
import { type CommandId, deriveId, type Instant, isUser, type TopicId, type UserId } from "../protocol/Ids.ts"
import { plain, type SealedText } from "../topic/SealedText.ts"
import type {
  ChorusEvent,
  ChorusState,
  ErrorState,
  RunStep,
  RunStepAnswer,
  SealedOutput,
  SealedOutputOf,
  Step
} from "./ChorusModel.ts"
import { displayText, sanitiseOutput } from "./ChorusOutput.ts"
import { collectPriors, insightsConverged } from "./ChorusProgress.ts"

/** The limits of a run. Times in milliseconds. */
export const runPolicy = {
  /** CHO3: how often Update may send the run back to Action. */
  maxLoops: 3,
  /** CHO3: an Update with at least this confidence continues with Yield. */
  confidenceThreshold: 0.8,
  /** CHO6: attempts per step, and the back-off between them. */
  maxAttempts: 5,
  backoff: { base: 1_000, cap: 30_000 },
  /** A longer Retry-After of a provider is a failure. */
  retryAfterMax: 600_000,
  /** CHO2: lines of the thread that are part of a run. */
  maxTranscriptLines: 40,
  /** CHO10: citations per answer, and whole tokens per cited author. */
  maxCitations: 5,
  citationReward: 5
} as const

// -- The machine -------------------------------------------------------------

/** The answer to an intent, with the time of its arrival and 32 random bits for the back-off. */
export interface StepResult {
  readonly _tag: "StepResult"
  readonly answer: RunStepAnswer
  readonly now: Instant
  readonly seed: number
}

/** The text displayed after an event: the text of a completed step, or why the run ended. */
export interface RunResponse {
  readonly prompt_id: CommandId
  readonly loop: number
  readonly step: Step
  readonly status: ChorusState["status"]
  readonly text: string
}

/** The events of an existing run. */
export type RunEvent = Exclude<ChorusEvent, { readonly _tag: "PromptSubmitted" }>

/** A run after one input. */
export interface Transition {
  readonly state: ChorusState
  readonly response: RunResponse | null
  /** The outstanding intent; the same until it is answered. */
  readonly intents: ReadonlyArray<RunStep>
}

/** CHO1: the run after an event, or after an answer and the events that it leads to. */
export const transformState = (state: ChorusState, input: RunEvent | StepResult): Transition => {
  const events = input._tag === "StepResult" ? decide(state, input.answer, input) : [input]
  const next = events.reduce(evolve, state)
  const last = events.at(-1)
  return { state: next, response: last === undefined ? null : toResponse(next, last), intents: pending(next) }
}

/** A queued run. */
export const createRun = (options: {
  readonly prompt_id: CommandId
  readonly thread_id: TopicId
  readonly asker: UserId
  readonly owner?: UserId
  readonly prompt: SealedText
  /** The event of the prompt in its thread's log; 0 for a run outside a thread. */
  readonly seq?: number
  readonly sibling_of?: CommandId
  readonly at: Instant
}): ChorusState => ({
  prompt_id: options.prompt_id,
  seq: options.seq ?? 0,
  thread_id: options.thread_id,
  asker: options.asker,
  ...(options.owner === undefined ? undefined : { owner: options.owner }),
  prompt: options.prompt,
  ...(options.sibling_of === undefined ? undefined : { sibling_of: options.sibling_of }),
  messages: [],
  source_erased: false,
  status: "queued",
  current_step: "action",
  loop: 0,
  attempt: 0,
  not_before: options.at,
  steps: [],
  partial: null,
  error_state: null,
  asked_at: options.at,
  ended_at: null
})

/** Whether the run has ended. Only `PartialKept` can follow. */
export const isFinished = ({ ended_at }: Pick<ChorusState, "ended_at">): boolean => ended_at !== null

/**
 * Whether the text of a step is kept when its run is cancelled. Not of Experience: it repeats priors that no entry names, so
 * that an erasure of theirs would not find it (TOP10).
 */
export const keepsPartial = ({ current_step }: Pick<ChorusState, "current_step">): boolean =>
  current_step !== "experience"

/** CHO8: whether the text of the cancelled step is still to come; it is kept once. */
const awaitsPartial = (state: ChorusState): boolean =>
  state.status === "cancelled" && state.partial === null && !state.source_erased && keepsPartial(state)

/**
 * The outstanding intent of a running run: to carry out its current step. Derived from the state, so that a run that
 * is loaded after a crash resumes at the step that had not completed (FLT18, CHO7); a cancelled run has none (FLT19).
 */
export const pending = (state: ChorusState): ReadonlyArray<RunStep> =>
  state.status === "running" ? [{ _tag: "RunStep", id: intentId(state), run: state }] : []

/** The id of the current attempt: `<prompt>/<loop>/<step>/<attempt>`. */
export const intentId = (state: ChorusState): CommandId =>
  deriveId(state.prompt_id, `/${state.loop}/${state.current_step}/${state.attempt}`)

// -- Decisions ---------------------------------------------------------------

/** The events that an answer leads to; none unless it answers the current attempt (CHO7). */
export const decide = (
  state: ChorusState,
  answer: RunStepAnswer,
  arrival: { readonly now: Instant; readonly seed: number }
): ReadonlyArray<RunEvent> => {
  if (answer.prompt_id !== state.prompt_id || answer.intent !== intentId(state)) return []
  // CHO8: a shutdown interrupts a step as well; the run is not over then, and the step is carried out again.
  if (answer._tag === "StepInterrupted") {
    const { prompt_id, text } = answer
    return awaitsPartial(state) ? [{ _tag: "PartialKept", prompt_id, text, at: arrival.now }] : []
  }
  if (state.status !== "running") return []
  if (answer._tag === "StepErrored") return decideFailure(state, answer.error, arrival)
  if (answer.output._tag !== state.current_step) {
    const message = `asked for ${state.current_step}, the answer was ${answer.output._tag}`
    return decideFailure(state, { _tag: "AIError", message, retryable: true }, arrival)
  }
  const output = sanitiseOutput(answer.output, collectPriors(plain(state)), runPolicy.maxCitations)
  return [{
    _tag: "StepCompleted",
    prompt_id: state.prompt_id,
    loop: state.loop,
    step: state.current_step,
    output,
    loops: shouldLoop(state, output),
    usage: answer.usage,
    at: arrival.now
  }]
}

/**
 * CHO6: the run stays at its last completed step, and the step is retried with back-off: after a provider's failure
 * (FLT17) as after a stall before (FLT14) or within (FLT15) the answer. A state that the handler found wrong is already
 * the fold of the log: the step is retried at once.
 */
const decideFailure = (
  state: ChorusState,
  error: ErrorState,
  { now, seed }: { readonly now: Instant; readonly seed: number }
): ReadonlyArray<RunEvent> => {
  const { attempt, current_step: step, loop, prompt_id } = state
  const retryAfter = error.retry_after_ms ?? 0
  const isStateError = error._tag === "StateError"
  const canRetry = (error.retryable || isStateError) && retryAfter <= runPolicy.retryAfterMax &&
    attempt + 1 < runPolicy.maxAttempts
  if (!canRetry) return [{ _tag: "RunFailed", prompt_id, error, at: now }]
  const not_before = now +
    Math.max(retryAfter, isStateError ? 0 : Backoff.equalJitter(runPolicy.backoff, attempt, (seed >>> 0) / 2 ** 32))
  return [{ _tag: "StepFailed", prompt_id, loop, step, attempt, error, not_before, at: now }]
}

/** CHO3: whether the run loops as Update asks. Decided once: the texts that it depends on can be erased (TOP10). */
const shouldLoop = (state: ChorusState, output: SealedOutput): boolean =>
  output._tag === "update" && output.loop && state.loop < runPolicy.maxLoops &&
  output.confidence < runPolicy.confidenceThreshold && !insightsConverged(plain(state))

/** CHO10: the users that an answer's citations pay: each cited author once, an agent's owner for it (AUT8), never the asker. */
export const citedAuthors = (state: ChorusState, answer: SealedOutputOf<"yield">): ReadonlyArray<UserId> => {
  const authors = new Map(collectPriors(plain(state)).map((prior) => [prior.id, prior.owner ?? prior.author]))
  const cited = answer.citations.flatMap((citation) => authors.get(citation.prior) ?? [])
  return [...new Set(cited.filter(isUser))].filter((author) => author !== (state.owner ?? state.asker)).slice(
    0,
    runPolicy.maxCitations
  )
}

// -- Evolution ---------------------------------------------------------------

/** The run after an event; events of other runs are ignored. A cancelled run ends at once (CHO8, FLT19). */
export const evolve = (state: ChorusState, event: RunEvent): ChorusState => {
  if (event.prompt_id !== state.prompt_id) return state
  if (event._tag === "SourceErased") return { ...state, source_erased: true }
  if (event._tag === "PartialKept") {
    return awaitsPartial(state) ? { ...state, messages: [], partial: event.text } : state
  }
  if (isFinished(state)) return state
  switch (event._tag) {
    case "RunStarted":
      return { ...state, status: "running", not_before: event.at }
    case "StepCompleted":
      return completeStep(state, event)
    case "StepFailed":
      return { ...state, attempt: event.attempt + 1, not_before: event.not_before, error_state: event.error }
    case "RunFailed":
      return { ...finishRun(state, "failed", event.at), error_state: event.error }
    case "RunCancelled":
      return finishRun(state, "cancelled", event.at)
  }
}

const completeStep = (
  previous: ChorusState,
  event: Extract<ChorusEvent, { readonly _tag: "StepCompleted" }>
): ChorusState => {
  const { at, loop, loops, output, step, usage } = event
  const steps = [...previous.steps, { loop, step, output, usage, at }]
  const state = { ...previous, steps, attempt: 0, not_before: at, error_state: null }
  switch (output._tag) {
    case "action":
      return { ...state, current_step: "experience" }
    case "experience":
      return { ...state, current_step: "intention" }
    case "intention":
      return { ...state, current_step: "observation" }
    case "observation":
      return { ...state, current_step: "update" }
    case "update":
      return loops
        ? { ...state, current_step: "action", loop: state.loop + 1 }
        : { ...state, current_step: "yield" }
    case "yield":
      return finishRun(state, "yielded", at)
  }
}

/**
 * The transcript is dropped from the state; the log has it. Of a cancelled run it stays until the partial text has come: it
 * tells what that was made from.
 */
const finishRun = (state: ChorusState, status: "yielded" | "failed" | "cancelled", at: Instant): ChorusState => ({
  ...state,
  status,
  messages: status === "cancelled" && keepsPartial(state) ? state.messages : [],
  ended_at: at
})

// -- Display -----------------------------------------------------------------

const toResponse = (state: ChorusState, event: RunEvent): RunResponse | null => {
  const { current_step, loop, prompt_id, status } = state
  switch (event._tag) {
    case "RunStarted":
    case "RunCancelled":
    case "SourceErased":
      return null
    case "StepCompleted":
      return { prompt_id, loop: event.loop, step: event.step, status, text: displayText(plain(event.output)) }
    case "StepFailed":
    case "RunFailed":
      return { prompt_id, loop, step: current_step, status, text: event.error.message }
    case "PartialKept":
      return { prompt_id, loop, step: current_step, status, text: plain(event.text) }
  }
}
