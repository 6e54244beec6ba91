/**
 * The state, events and intents of a run of the Chorus: six steps over one prompt, and the output of each (CHO2).
 *
 * `ChorusRun` decides the transitions, `ChorusPrompt` writes the prompts.
 *
 * ```text
 *  queued --RunStarted--> running --StepCompleted(yield)--> yielded
 *    |                     |   |
 *    |                     |   `--RunFailed--> failed
 *    `----RunCancelled-----+
 *                          `--RunCancelled--> cancelled --PartialKept--> cancelled
 *
 *  running: action -> experience -> intention -> observation -> update -> yield
 *             ^                                                   |
 *             `------ loop + 1, at most 3 times (CHO3) -----------'
 *
 *  in each step:  attempt 0 --StepFailed--> attempt 1 ... attempt 4 --RunFailed--> failed (CHO6)
 * ```
 *
 * Invariants:
 * 1. `ended_at` is set if and only if the status is yielded, failed or cancelled.
 * 2. `steps` holds every completed step once, in order; no step is carried out again after it completed (CHO7).
 * 3. Only a running run has an intent, and only one (`ChorusRun.pending`).
 * 4. `partial` is empty unless the run is cancelled.
 */
import { Schema } from "effect"
import { Author, CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"

/** Action, Experience, Intention, Observation, Update, Yield: in this order. */
export const steps = ["action", "experience", "intention", "observation", "update", "yield"] as const
/** A step's name. */
export const Step = Schema.Literals(steps)
export type Step = typeof Step.Type

/** A published message that Experience found. `similarity` is the cosine, -1 to 1. */
export const Prior = Schema.Struct({
  id: Schema.String,
  content: Schema.String,
  author: Author,
  thread: TopicId,
  similarity: Schema.Finite,
  created_at: Instant
})
export type Prior = typeof Prior.Type

const Confidence = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** A prior that supports the final answer. `quote` is a part of its content, or empty. */
export const Citation = Schema.Struct({ prior: Schema.String, quote: Schema.String })
export type Citation = typeof Citation.Type

/** The output of each step (CHO2). The first text of each is streamed while it is written. */
export const StepOutput = Schema.TaggedUnion({
  action: { proposed_response: Schema.String, confidence: Confidence, reasoning: Schema.String },
  experience: {
    synthesis: Schema.String,
    key_insights: Schema.Array(Schema.String),
    priors: Schema.Array(Prior)
  },
  intention: {
    explicit: Schema.String,
    implicit: Schema.String,
    selected_priors: Schema.Array(Schema.String),
    reason: Schema.String
  },
  observation: {
    context_analysis: Schema.String,
    patterns: Schema.Array(Schema.String),
    semantic_links: Schema.Array(Schema.Struct({ prior: Schema.String, relation: Schema.String }))
  },
  update: { reason: Schema.String, loop: Schema.Boolean, confidence: Confidence },
  yield: { final_response: Schema.String, citations: Schema.Array(Citation), confidence: Confidence }
})
export type StepOutput = typeof StepOutput.Type
/** The output of one step. */
export type StepOutputOf<S extends Step> = Extract<StepOutput, { readonly _tag: S }>

/** The usage of a step. `cost` is in US dollars; null if the model's price is not known. */
export const Usage = Schema.Struct({
  provider: Schema.String,
  model: Schema.String,
  input_tokens: Schema.Natural,
  output_tokens: Schema.Natural,
  latency_ms: Schema.Natural,
  cost: Schema.NullOr(Schema.Finite)
})
export type Usage = typeof Usage.Type

/** A completed step; `loop` counts from 0. */
export const StepRecord = Schema.Struct({
  loop: Schema.Natural,
  step: Step,
  output: StepOutput,
  usage: Usage,
  at: Instant
})
export type StepRecord = typeof StepRecord.Type

/** The fields of every error of a step. */
export const errorFields = {
  message: Schema.String,
  /** Whether another attempt can succeed. */
  retryable: Schema.Boolean,
  /** The provider's Retry-After in milliseconds; no attempt before that. */
  retry_after_ms: Schema.optionalKey(Schema.Natural)
}

/** The errors of CHO6 as a run records them; `StepError` has them as tagged errors. */
export const ErrorState = Schema.TaggedUnion({
  AIError: errorFields,
  StateError: errorFields,
  NetworkError: errorFields
})
export type ErrorState = typeof ErrorState.Type

/** A line of the thread, as it is shown to models. */
export const TranscriptLine = Schema.Struct({ author: Author, content: Schema.String })
export type TranscriptLine = typeof TranscriptLine.Type

/**
 * One run over one prompt. Part of its thread's state, not of a connection (CHO7). `attempt` counts the attempts of the
 * current step from 0; `not_before` is the earliest time of the next one (back-off).
 */
export const ChorusState = Schema.Struct({
  prompt_id: CommandId,
  thread_id: TopicId,
  asker: UserId,
  prompt: Schema.String,
  /** The first of the runs that answer the same prompt (CHO8); none of them sees the answers of the others. */
  sibling_of: Schema.optionalKey(CommandId),
  /** The newest lines of the thread when the run started, oldest first. */
  messages: Schema.Array(TranscriptLine),
  status: Schema.Literals(["queued", "running", "yielded", "failed", "cancelled"]),
  current_step: Step,
  loop: Schema.Natural,
  attempt: Schema.Natural,
  not_before: Instant,
  steps: Schema.Array(StepRecord),
  /** The text so far of a cancelled step, once the handler has posted it. */
  partial: Schema.String,
  error_state: Schema.NullOr(ErrorState),
  asked_at: Instant,
  ended_at: Schema.NullOr(Instant)
})
export type ChorusState = typeof ChorusState.Type

/** The longest partial text that is kept, in UTF-16 units. */
export const maxPartialLength = 32_768
const PartialText = Schema.String.check(Schema.isBetweenLength(1, maxPartialLength))

/** The events of a run; each is an event of its thread. */
export const ChorusEvent = Schema.TaggedUnion({
  PromptSubmitted: {
    id: CommandId,
    author: UserId,
    content: Schema.String,
    sibling_of: Schema.optionalKey(CommandId),
    at: Instant
  },
  RunStarted: { prompt_id: CommandId, at: Instant },
  StepCompleted: { prompt_id: CommandId, ...StepRecord.fields },
  /** An attempt failed; the next one begins at `not_before`. */
  StepFailed: {
    prompt_id: CommandId,
    loop: Schema.Natural,
    step: Step,
    attempt: Schema.Natural,
    error: ErrorState,
    not_before: Instant,
    at: Instant
  },
  RunFailed: { prompt_id: CommandId, error: ErrorState, at: Instant },
  RunCancelled: { prompt_id: CommandId, by: UserId, at: Instant },
  /** The text so far of a cancelled run's step (CHO8). */
  PartialKept: { prompt_id: CommandId, text: PartialText, at: Instant }
})
export type ChorusEvent = typeof ChorusEvent.Type

/**
 * The only intent of a run: carry out one step. `run` holds all that the step may see; `id` is unique per attempt, so
 * that a late answer to an earlier attempt is recognised.
 */
export const RunStep = Schema.TaggedStruct("RunStep", { id: CommandId, run: ChorusState })
export type RunStep = typeof RunStep.Type

/** The answer to a `RunStep`. */
export const RunStepAnswer = Schema.TaggedUnion({
  StepAnswered: { intent: CommandId, prompt_id: CommandId, output: StepOutput, usage: Usage },
  StepErrored: { intent: CommandId, prompt_id: CommandId, error: ErrorState },
  /** The step was interrupted; `text` is the part that had been streamed. */
  StepCut: { intent: CommandId, prompt_id: CommandId, text: PartialText }
})
export type RunStepAnswer = typeof RunStepAnswer.Type
