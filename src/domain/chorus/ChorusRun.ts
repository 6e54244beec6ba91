/**
 * The run machine: how a run of the Chorus moves through its six steps, loops,
 * fails and ends (CHO1-CHO3, CHO6-CHO8).
 *
 * Pure. It owns one run; the thread owns the queue, and whoever carries out
 * `RunStep` owns the models. `docs/SPEC.md` numbers the rules (CHO).
 */
import * as Backoff from "../protocol/Backoff.ts"
import { type CommandId, deriveId, type Instant, isUser, type TopicId, type UserId } from "../protocol/Ids.ts"
import type { ChorusEvent, ChorusState, ErrorState, RunStep, RunStepAnswer, Step, StepOutputOf } from "./ChorusModel.ts"
import { displayText, sanitiseOutput } from "./ChorusOutput.ts"
import { collectPriors, insightsConverged } from "./ChorusProgress.ts"

/** The numbers of a run. Times in milliseconds. */
export const runPolicy = {
  /** CHO3: how often Update may send the run back to Action. */
  maxLoops: 3,
  /** CHO3: an Update this confident goes on to Yield. */
  confidenceThreshold: 0.8,
  /** CHO6: attempts per step, and the back-off between them. */
  maxAttempts: 5,
  backoff: { base: 1_000, cap: 30_000 },
  /** A provider that asks for a longer wait than this has failed. */
  retryAfterMax: 600_000,
  /** CHO2: lines of the thread that a run sees. */
  maxTranscriptLines: 40,
  /** CHO10: citations of one answer, and whole tokens for each cited author. */
  maxCitations: 5,
  citationReward: 5
} as const

// -- The machine -------------------------------------------------------------

/** An answer of the world, with the time and the 32 random bits of the moment it arrived. */
export interface StepResult {
  readonly _tag: "StepResult"
  readonly answer: RunStepAnswer
  readonly now: Instant
  readonly seed: number
}

/** What a client would show after an event: the text of a finished step, or how the run ended. */
export interface RunResponse {
  readonly prompt_id: CommandId
  readonly loop: number
  readonly step: Step
  readonly status: ChorusState["status"]
  readonly text: string
}

/** What can happen to a run once it exists. */
export type RunEvent = Exclude<ChorusEvent, { readonly _tag: "PromptSubmitted" }>

/** A run after one input. */
export interface Transition {
  readonly state: ChorusState
  readonly response: RunResponse | null
  /** What the world owes the run now; the same intent until it is answered. */
  readonly intents: ReadonlyArray<RunStep>
}

/** Moves a run by one event, or by an answer and the events it amounts to (CHO1). */
export const transformState = (state: ChorusState, input: RunEvent | StepResult): Transition => {
  const events = input._tag === "StepResult" ? decide(state, input.answer, input) : [input]
  const next = events.reduce(evolve, state)
  const last = events.at(-1)
  return { state: next, response: last === undefined ? null : toResponse(next, last), intents: pending(next) }
}

/** A run that waits for its turn. */
export const createRun = (options: {
  readonly prompt_id: CommandId
  readonly thread_id: TopicId
  readonly asker: UserId
  readonly prompt: string
  readonly sibling_of?: CommandId
  readonly at: Instant
}): ChorusState => ({
  prompt_id: options.prompt_id,
  thread_id: options.thread_id,
  asker: options.asker,
  prompt: options.prompt,
  ...(options.sibling_of === undefined ? undefined : { sibling_of: options.sibling_of }),
  messages: [],
  status: "queued",
  current_step: "action",
  loop: 0,
  attempt: 0,
  not_before: options.at,
  steps: [],
  partial: "",
  error_state: null,
  asked_at: options.at,
  ended_at: null
})

/** Whether nothing can happen to the run any more, but that its last text may still come (`PartialKept`). */
export const isFinished = (state: ChorusState): boolean => state.ended_at !== null

/** Whether the text of the step that was cut off may still come; it does so once at most (CHO8). */
const awaitsPartial = (state: ChorusState): boolean => state.status === "cancelled" && state.partial === ""

/** The one intent of a running run, under an id of its own for each try. */
export const pending = (state: ChorusState): ReadonlyArray<RunStep> =>
  state.status === "running" ? [{ _tag: "RunStep", id: intentId(state), run: state }] : []

/** `<prompt>/<loop>/<step>/<attempt>` */
export const intentId = (state: ChorusState): CommandId =>
  deriveId(state.prompt_id, `/${state.loop}/${state.current_step}/${state.attempt}`)

// -- Decisions ---------------------------------------------------------------

/** The events an answer amounts to; none when it answers anything but the try that is under way. */
export const decide = (
  state: ChorusState,
  answer: RunStepAnswer,
  arrival: { readonly now: Instant; readonly seed: number }
): ReadonlyArray<RunEvent> => {
  if (answer.prompt_id !== state.prompt_id || answer.intent !== intentId(state)) return []
  // CHO8: a step is also stopped when the server is; then the run is not over, and its step is carried out again.
  if (answer._tag === "StepCut") {
    const { prompt_id, text } = answer
    return awaitsPartial(state) ? [{ _tag: "PartialKept", prompt_id, text, at: arrival.now }] : []
  }
  if (state.status !== "running") return []
  if (answer._tag === "StepErrored") return decideFailure(state, answer.error, arrival)
  if (answer.output._tag !== state.current_step) {
    const message = `asked for ${state.current_step}, the answer was ${answer.output._tag}`
    return decideFailure(state, { _tag: "AIError", message, retryable: true }, arrival)
  }
  return [{
    _tag: "StepCompleted",
    prompt_id: state.prompt_id,
    loop: state.loop,
    step: state.current_step,
    output: sanitiseOutput(answer.output, collectPriors(state), runPolicy.maxCitations),
    usage: answer.usage,
    at: arrival.now
  }]
}

/**
 * CHO6: completed steps stay, the step is tried again. A state that the performer found wrong is the fold of the log
 * already: it is handed out afresh at once.
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

/** CHO3: whether Update's wish to loop is granted. */
const shouldLoop = (state: ChorusState, update: StepOutputOf<"update">): boolean =>
  update.loop && state.loop < runPolicy.maxLoops && update.confidence < runPolicy.confidenceThreshold &&
  !insightsConverged(state)

/** Whom a finished answer's citations pay: each author once, nobody for citing themselves (CHO10). */
export const citedAuthors = (state: ChorusState, answer: StepOutputOf<"yield">): ReadonlyArray<UserId> => {
  const authors = new Map(collectPriors(state).map((prior) => [prior.id, prior.author]))
  const cited = answer.citations.flatMap((citation) => authors.get(citation.prior) ?? [])
  return [...new Set(cited.filter(isUser))].filter((author) => author !== state.asker).slice(0, runPolicy.maxCitations)
}

// -- Evolution ---------------------------------------------------------------

/** The run after an event of its own; other runs' events leave it alone. */
export const evolve = (state: ChorusState, event: RunEvent): ChorusState => {
  if (event.prompt_id !== state.prompt_id) return state
  if (event._tag === "PartialKept") return awaitsPartial(state) ? { ...state, partial: event.text } : state
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
  const { at, loop, output, step, usage } = event
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
      return shouldLoop(state, output)
        ? { ...state, current_step: "action", loop: state.loop + 1 }
        : { ...state, current_step: "yield" }
    case "yield":
      return finishRun(state, "yielded", at)
  }
}

/** What the run was shown is let go: the log has it. */
const finishRun = (state: ChorusState, status: "yielded" | "failed" | "cancelled", at: Instant): ChorusState => ({
  ...state,
  status,
  messages: [],
  ended_at: at
})

// -- What a client shows -----------------------------------------------------

const toResponse = (state: ChorusState, event: RunEvent): RunResponse | null => {
  const { current_step, loop, prompt_id, status } = state
  switch (event._tag) {
    case "RunStarted":
    case "RunCancelled":
      return null
    case "StepCompleted":
      return { prompt_id, loop: event.loop, step: event.step, status, text: displayText(event.output) }
    case "StepFailed":
    case "RunFailed":
      return { prompt_id, loop, step: current_step, status, text: event.error.message }
    case "PartialKept":
      return { prompt_id, loop, step: current_step, status, text: event.text }
  }
}
