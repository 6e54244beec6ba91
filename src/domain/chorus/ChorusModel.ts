/**
 * The vocabulary of the Chorus: six steps over one prompt, what each of them
 * produces, and what happens to a run (CHO2).
 *
 * The machine itself is in `ChorusRun`, the texts put to models in `ChorusPrompt`.
 */
import { Schema } from "effect"
import { Author, CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"

/** Action, Experience, Intention, Observation, Update, Yield: in this order. */
export const steps = ["action", "experience", "intention", "observation", "update", "yield"] as const
export const Step = Schema.Literals(steps)
export type Step = typeof Step.Type

/** Something the group wrote before, as Experience found it. `similarity` is the cosine, -1 to 1. */
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

/** A prior that the final answer leans on. `quote` is contained in the prior word for word, or empty. */
export const Citation = Schema.Struct({ prior: Schema.String, quote: Schema.String })
export type Citation = typeof Citation.Type

/** What each step produces. The first text of each is what streams while it is being written. */
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
export type StepOutputOf<S extends Step> = Extract<StepOutput, { readonly _tag: S }>

/** What a step cost. `cost` is in US dollars where the model's price is known. */
export const Usage = Schema.Struct({
  provider: Schema.String,
  model: Schema.String,
  input_tokens: Schema.Natural,
  output_tokens: Schema.Natural,
  latency_ms: Schema.Natural,
  cost: Schema.NullOr(Schema.Finite)
})
export type Usage = typeof Usage.Type

/** A step done: iteration `loop` counts from 0. */
export const StepRecord = Schema.Struct({
  loop: Schema.Natural,
  step: Step,
  output: StepOutput,
  usage: Usage,
  at: Instant
})
export type StepRecord = typeof StepRecord.Type

const errorFields = {
  message: Schema.String,
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

/** A line of the thread as the models see it. */
export const TranscriptLine = Schema.Struct({ author: Author, content: Schema.String })
export type TranscriptLine = typeof TranscriptLine.Type

/**
 * One run of the Chorus over one prompt. Lives in its thread's state (CHO7): it
 * belongs to the thread, not to a connection. `attempt` counts the tries of the
 * current step from 0; `not_before` holds the next try back (back-off).
 */
export const ChorusState = Schema.Struct({
  prompt_id: CommandId,
  thread_id: TopicId,
  asker: UserId,
  prompt: Schema.String,
  /** The first of the runs that answer the same once more (CHO8); none of them is shown what the others said. */
  sibling_of: Schema.optionalKey(CommandId),
  /** The thread so far, frozen when the run started; the newest lines, oldest first. */
  messages: Schema.Array(TranscriptLine),
  status: Schema.Literals(["queued", "running", "yielded", "failed", "cancelled"]),
  current_step: Step,
  loop: Schema.Natural,
  attempt: Schema.Natural,
  not_before: Instant,
  steps: Schema.Array(StepRecord),
  /** Text of a cancelled step as far as it had come, once whoever carried it out has handed it over. */
  partial: Schema.String,
  error_state: Schema.NullOr(ErrorState),
  asked_at: Instant,
  ended_at: Schema.NullOr(Instant)
})
export type ChorusState = typeof ChorusState.Type

/** At most this many UTF-16 units of a step that was cut off are kept. */
export const maxPartialLength = 32_768
const PartialText = Schema.String.check(Schema.isBetweenLength(1, maxPartialLength))

/** What happens to a run; each of these is an event of its thread. */
export const ChorusEvent = Schema.TaggedUnion({
  PromptSubmitted: {
    id: CommandId,
    author: UserId,
    content: Schema.String,
    sibling_of: Schema.optionalKey(CommandId),
    at: Instant
  },
  RunStarted: { prompt_id: CommandId, at: Instant },
  StepCompleted: {
    prompt_id: CommandId,
    loop: Schema.Natural,
    step: Step,
    output: StepOutput,
    usage: Usage,
    at: Instant
  },
  /** A try that failed; the step is tried again at `not_before`. */
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
  /** What a cancelled run's step had said when it was stopped (CHO8). */
  PartialKept: { prompt_id: CommandId, text: PartialText, at: Instant }
})
export type ChorusEvent = typeof ChorusEvent.Type

/**
 * The only intent of a run: carry out one step. Everything the step may see is
 * in `run`; `id` is unique per try, so a late answer to an earlier try is told apart.
 */
export const RunStep = Schema.TaggedStruct("RunStep", { id: CommandId, run: ChorusState })
export type RunStep = typeof RunStep.Type

/** What comes back of a `RunStep`. */
export const RunStepAnswer = Schema.TaggedUnion({
  StepAnswered: { intent: CommandId, prompt_id: CommandId, output: StepOutput, usage: Usage },
  StepErrored: { intent: CommandId, prompt_id: CommandId, error: ErrorState },
  /** The step was stopped; `text` is what had been streamed of it. */
  StepCut: { intent: CommandId, prompt_id: CommandId, text: PartialText }
})
export type RunStepAnswer = typeof RunStepAnswer.Type
