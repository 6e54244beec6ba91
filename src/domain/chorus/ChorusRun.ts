/**
 * The run machine: how a run of the Chorus moves through its six steps, loops,
 * fails and ends (CHO1-CHO3, CHO6-CHO8).
 *
 * Pure. It owns one run; the thread owns the queue, and whoever carries out
 * `RunStep` owns the models. `docs/SPEC.md` numbers the rules (CHO).
 */
import { type CommandId, derivedId, type Instant, isUser, type TopicId, type UserId } from "../Ids.ts"
import type { Answer, ChorusState, ErrorState, Event, OutputOf, RunStep, Step } from "./Chorus.ts"
import { insightsRepeat, priorsOf } from "./ChorusFindings.ts"
import { checkOutput, textOf } from "./ChorusOutput.ts"

/** The numbers of a run. Times in milliseconds. */
export const policy = {
  /** CHO3: how often Update may send the run back to Action. */
  maxLoops: 3,
  /** CHO3: an Update this confident goes on to Yield. */
  enough: 0.8,
  /** CHO6: tries per step, and the pause before the next one: `backoff` x 2^n up to `backoffMax`. */
  attempts: 5,
  backoff: 1_000,
  backoffMax: 30_000,
  /** A provider that asks for a longer wait than this has failed. */
  patience: 600_000,
  /** CHO2: lines of the thread that a run sees. */
  lines: 40,
  /** CHO10: citations of one answer, and whole tokens for each cited author. */
  citations: 5,
  citationReward: 5
} as const

// -- The machine -------------------------------------------------------------

/** An answer of the world, with the time and the 32 random bits of the moment it arrived. */
export interface Heard {
  readonly _tag: "Heard"
  readonly answer: Answer
  readonly now: Instant
  readonly seed: number
}

/** What a client would show after an event: the text of a finished step, or how the run ended. */
export interface Response {
  readonly prompt_id: CommandId
  readonly loop: number
  readonly step: Step
  readonly status: ChorusState["status"]
  readonly text: string
}

/** What can happen to a run once it exists. */
export type Happened = Exclude<Event, { readonly _tag: "PromptSubmitted" }>

/** A run after one input. */
export interface Transition {
  readonly state: ChorusState
  readonly response: Response | null
  /** What the world owes the run now; the same intent until it is answered. */
  readonly intents: ReadonlyArray<RunStep>
}

/** Moves a run by one event, or by an answer and the events it amounts to (CHO1). */
export const transformState = (state: ChorusState, input: Happened | Heard): Transition => {
  const events = input._tag === "Heard" ? decide(state, input.answer, input) : [input]
  const next = events.reduce(evolve, state)
  const last = events.at(-1)
  return { state: next, response: last === undefined ? null : respond(next, last), intents: pending(next) }
}

/** A run that waits for its turn. */
export const start = (options: {
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
export const isOver = (state: ChorusState): boolean => state.ended_at !== null

/** Whether the text of the step that was cut off may still come; it does so once at most (CHO8). */
const awaitsPartial = (state: ChorusState): boolean => state.status === "cancelled" && state.partial === ""

/** The one intent of a running run, under an id of its own for each try. */
export const pending = (state: ChorusState): ReadonlyArray<RunStep> =>
  state.status === "running" ? [{ _tag: "RunStep", id: intentId(state), run: state }] : []

/** `<prompt>/<loop>/<step>/<attempt>` */
export const intentId = (state: ChorusState): CommandId =>
  derivedId(state.prompt_id, `/${state.loop}/${state.current_step}/${state.attempt}`)

// -- Decisions ---------------------------------------------------------------

/** The events an answer amounts to; none when it answers anything but the try that is under way. */
export const decide = (
  state: ChorusState,
  answer: Answer,
  moment: { readonly now: Instant; readonly seed: number }
): ReadonlyArray<Happened> => {
  if (answer.prompt_id !== state.prompt_id || answer.intent !== intentId(state)) return []
  // CHO8: a step is also stopped when the server is; then the run is not over, and its step is carried out again.
  if (answer._tag === "StepCut") {
    const { prompt_id, text } = answer
    return awaitsPartial(state) ? [{ _tag: "PartialKept", prompt_id, text, at: moment.now }] : []
  }
  if (state.status !== "running") return []
  if (answer._tag === "StepErrored") return failed(state, answer.error, moment)
  if (answer.output._tag !== state.current_step) {
    const message = `asked for ${state.current_step}, the answer was ${answer.output._tag}`
    return failed(state, { _tag: "AIError", message, retryable: true }, moment)
  }
  return [{
    _tag: "StepCompleted",
    prompt_id: state.prompt_id,
    loop: state.loop,
    step: state.current_step,
    output: checkOutput(answer.output, priorsOf(state), policy.citations),
    usage: answer.usage,
    at: moment.now
  }]
}

/**
 * CHO6: completed steps stay, the step is tried again. A state that the performer found wrong is the fold of the log
 * already: it is handed out afresh at once.
 */
const failed = (
  state: ChorusState,
  error: ErrorState,
  { now, seed }: { readonly now: Instant; readonly seed: number }
): ReadonlyArray<Happened> => {
  const { attempt, current_step: step, loop, prompt_id } = state
  const asked = error.retry_after_ms ?? 0
  const stale = error._tag === "StateError"
  const again = (error.retryable || stale) && asked <= policy.patience && attempt + 1 < policy.attempts
  if (!again) return [{ _tag: "RunFailed", prompt_id, error, at: now }]
  const not_before = now + Math.max(asked, stale ? 0 : pause(attempt, seed))
  return [{ _tag: "StepFailed", prompt_id, loop, step, attempt, error, not_before, at: now }]
}

/** Half of the back-off is certain, half is drawn, so that runs that failed together do not come back together. */
const pause = (attempt: number, seed: number): number => {
  const ceiling = Math.min(policy.backoffMax, policy.backoff * 2 ** attempt)
  return Math.round(ceiling / 2 * (1 + (seed >>> 0) / 2 ** 32))
}

/** CHO3: whether Update's wish to loop is granted. */
const loopsBack = (state: ChorusState, update: OutputOf<"update">): boolean =>
  update.loop && state.loop < policy.maxLoops && update.confidence < policy.enough && !insightsRepeat(state)

/** Whom a finished answer's citations pay: each author once, nobody for citing themselves (CHO10). */
export const citedAuthors = (state: ChorusState, answer: OutputOf<"yield">): ReadonlyArray<UserId> => {
  const authors = new Map(priorsOf(state).map((prior) => [prior.id, prior.author]))
  const cited = answer.citations.flatMap((citation) => authors.get(citation.prior) ?? [])
  return [...new Set(cited.filter(isUser))].filter((author) => author !== state.asker).slice(0, policy.citations)
}

// -- Evolution ---------------------------------------------------------------

/** The run after an event of its own; other runs' events leave it alone. */
export const evolve = (state: ChorusState, event: Happened): ChorusState => {
  if (event.prompt_id !== state.prompt_id) return state
  if (event._tag === "PartialKept") return awaitsPartial(state) ? { ...state, partial: event.text } : state
  if (isOver(state)) return state
  switch (event._tag) {
    case "RunStarted":
      return { ...state, status: "running", not_before: event.at }
    case "StepCompleted":
      return completed(state, event)
    case "StepFailed":
      return { ...state, attempt: event.attempt + 1, not_before: event.not_before, error_state: event.error }
    case "RunFailed":
      return { ...ended(state, "failed", event.at), error_state: event.error }
    case "RunCancelled":
      return ended(state, "cancelled", event.at)
  }
}

const completed = (before: ChorusState, event: Extract<Event, { readonly _tag: "StepCompleted" }>): ChorusState => {
  const { at, loop, output, step, usage } = event
  const steps = [...before.steps, { loop, step, output, usage, at }]
  const state = { ...before, steps, attempt: 0, not_before: at, error_state: null }
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
      return loopsBack(state, output)
        ? { ...state, current_step: "action", loop: state.loop + 1 }
        : { ...state, current_step: "yield" }
    case "yield":
      return ended(state, "yielded", at)
  }
}

/** What the run was shown is let go: the log has it. */
const ended = (state: ChorusState, status: "yielded" | "failed" | "cancelled", at: Instant): ChorusState => ({
  ...state,
  status,
  messages: [],
  ended_at: at
})

// -- What a client shows -----------------------------------------------------

const respond = (state: ChorusState, event: Happened): Response | null => {
  const { current_step, loop, prompt_id, status } = state
  switch (event._tag) {
    case "RunStarted":
    case "RunCancelled":
      return null
    case "StepCompleted":
      return { prompt_id, loop: event.loop, step: event.step, status, text: textOf(event.output) }
    case "StepFailed":
    case "RunFailed":
      return { prompt_id, loop, step: current_step, status, text: event.error.message }
    case "PartialKept":
      return { prompt_id, loop, step: current_step, status, text: event.text }
  }
}
