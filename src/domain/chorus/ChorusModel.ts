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
 * 4. `partial` is null unless the run is cancelled.
 */
import { Schema } from "effect"
import { Hash } from "../protocol/Hash.ts"
import { Author, CommandId, EventAddress, Instant, TopicId, UserId } from "../protocol/Ids.ts"
import * as SealedText from "../topic/SealedText.ts"

/** Action, Experience, Intention, Observation, Update, Yield: in this order. */
export const steps = ["action", "experience", "intention", "observation", "update", "yield"] as const
/** A step's name. */
export const Step = Schema.Literals(steps)
export type Step = typeof Step.Type

const Confidence = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** The output of each step (CHO2), for one schema of texts. The first text of each is streamed while it is written. */
const makeStepOutput = <T, E>(Text: Schema.Codec<T, E>) =>
  Schema.TaggedUnion({
    action: { proposed_response: Text, confidence: Confidence, reasoning: Text },
    experience: { synthesis: Text, key_insights: Schema.Array(Text), priors: Schema.Array(makePrior(Text)) },
    intention: { explicit: Text, implicit: Text, selected_priors: Schema.Array(Schema.String), reason: Text },
    observation: {
      context_analysis: Text,
      patterns: Schema.Array(Text),
      semantic_links: Schema.Array(Schema.Struct({ prior: Schema.String, relation: Text }))
    },
    update: { reason: Text, loop: Schema.Boolean, confidence: Confidence },
    yield: {
      final_response: Text,
      /** The priors that support the answer. `quote` is a part of the prior's content. */
      citations: Schema.Array(Schema.Struct({ prior: Schema.String, quote: SealedText.orNull(Text) })),
      confidence: Confidence
    }
  })

/** A published message that Experience found, for one schema of texts. */
const makePrior = <T, E>(Text: Schema.Codec<T, E>) =>
  Schema.Struct({
    id: Schema.String,
    /** The passage that the run is given. */
    content: Text,
    author: Author,
    /** The owner of the agent that wrote it (AUT8). */
    owner: Schema.optionalKey(UserId),
    thread: TopicId,
    /** The event that holds the message's text, and the commitment to its text: erasing that erases this passage (TOP10). */
    seq: Schema.Natural,
    c: Hash,
    /** The cosine to what was searched for, -1 to 1; from a search in tenths. */
    similarity: Schema.Finite,
    created_at: Instant
  })

/** A prior, as models and readers see it. */
export const Prior = makePrior(Schema.String)
export type Prior = typeof Prior.Type

/** The output of a step, as models write it and readers see it. */
export const StepOutput = makeStepOutput(Schema.String)
export type StepOutput = typeof StepOutput.Type
/** The output of one step. */
export type StepOutputOf<S extends Step> = Extract<StepOutput, { readonly _tag: S }>
/** A prior that supports the final answer. */
export type Citation = StepOutputOf<"yield">["citations"][number]

/** The output of a step in the log. */
export const SealedOutput = makeStepOutput(SealedText.stored)
export type SealedOutput = typeof SealedOutput.Type
/** The sealed output of one step. */
export type SealedOutputOf<S extends Step> = Extract<SealedOutput, { readonly _tag: S }>

/** What a step cost: an integer in millionths of `unit`, such as `USD`, and the version of the table of prices it is from. */
export const Cost = Schema.Struct({ amount: Schema.Natural, unit: Schema.String, prices: Schema.String })
export type Cost = typeof Cost.Type

/** The usage of a step; `cost` is null if the model's price is not known. */
export const Usage = Schema.Struct({
  provider: Schema.String,
  model: Schema.String,
  input_tokens: Schema.Natural,
  output_tokens: Schema.Natural,
  latency_ms: Schema.Natural,
  cost: Schema.NullOr(Cost)
})
export type Usage = typeof Usage.Type

/** A completed step; `loop` counts from 0. */
export const StepRecord = Schema.Struct({
  loop: Schema.Natural,
  step: Step,
  output: SealedOutput,
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
export const TranscriptLine = Schema.Struct({ author: Author, content: SealedText.stored })
export type TranscriptLine = typeof TranscriptLine.Type

/**
 * One run over one prompt. Part of its thread's state, not of a connection (CHO7). `attempt` counts the attempts of the
 * current step from 0; `not_before` is the earliest time of the next one (back-off).
 */
export const ChorusState = Schema.Struct({
  prompt_id: CommandId,
  /** The event that holds the prompt's text. */
  seq: Schema.Natural,
  thread_id: TopicId,
  asker: UserId,
  /** The owner of the agent that asked (AUT8); absent if a person did. */
  owner: Schema.optionalKey(UserId),
  prompt: SealedText.stored,
  /** The first of the runs that answer the same prompt (CHO8); none of them sees the answers of the others. */
  sibling_of: Schema.optionalKey(CommandId),
  /** The newest lines of the thread when the run started, oldest first; dropped when its last text has come. */
  messages: Schema.Array(TranscriptLine),
  /** Whether a text that it was given was erased since (TOP10). */
  source_erased: Schema.Boolean,
  status: Schema.Literals(["queued", "running", "yielded", "failed", "cancelled"]),
  current_step: Step,
  loop: Schema.Natural,
  attempt: Schema.Natural,
  not_before: Instant,
  steps: Schema.Array(StepRecord),
  /** The text so far of a cancelled step, once the handler has posted it. */
  partial: SealedText.orNull(SealedText.stored),
  error_state: Schema.NullOr(ErrorState),
  asked_at: Instant,
  ended_at: Schema.NullOr(Instant)
})
export type ChorusState = typeof ChorusState.Type

/** The longest partial text that is kept, in UTF-16 units. */
export const maxPartialLength = 32_768

/** The events of a run; each is an event of its thread. */
export const ChorusEvent = Schema.TaggedUnion({
  PromptSubmitted: {
    id: CommandId,
    author: UserId,
    owner: Schema.optionalKey(UserId),
    content: SealedText.stored,
    sibling_of: Schema.optionalKey(CommandId),
    at: Instant
  },
  RunStarted: { prompt_id: CommandId, at: Instant },
  /** `loops`: the run goes back to Action (CHO3); decided by the text of its insights, and so recorded. */
  StepCompleted: { prompt_id: CommandId, ...StepRecord.fields, loops: Schema.Boolean },
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
  /** `by`: who asked for it, or who erased the prompt of a queued run. */
  RunCancelled: { prompt_id: CommandId, by: Author, at: Instant },
  /** The text so far of a cancelled run's step (CHO8); never of Experience, since the log does not say what that was given (TOP10). */
  PartialKept: { prompt_id: CommandId, text: SealedText.stored, at: Instant },
  /** A text that the run was given was erased by the event `because` (TOP10). */
  SourceErased: { prompt_id: CommandId, because: EventAddress, at: Instant }
})
export type ChorusEvent = typeof ChorusEvent.Type

/**
 * The only intent of a run: carry out one step. `run` holds all that the step may see; `id` is unique per attempt, so
 * that a late answer to an earlier attempt is recognised.
 */
export const RunStep = Schema.TaggedStruct("RunStep", { id: CommandId, run: ChorusState })
export type RunStep = typeof RunStep.Type

/** A run, as models and readers see it: its texts as strings. */
export type PlainRun = SealedText.Plain<ChorusState>
/** A completed step, as models and readers see it. */
export type PlainStep = PlainRun["steps"][number]

/** The answer to a `RunStep`; its texts are sealed when the thread gets it. */
export const RunStepAnswer = Schema.TaggedUnion({
  StepAnswered: {
    intent: CommandId,
    prompt_id: CommandId,
    output: makeStepOutput(SealedText.written(Schema.String)),
    usage: Usage
  },
  StepErrored: { intent: CommandId, prompt_id: CommandId, error: ErrorState },
  /** The step was interrupted; `text` is the part that had been streamed. */
  StepInterrupted: {
    intent: CommandId,
    prompt_id: CommandId,
    text: SealedText.written(Schema.String.check(Schema.isBetweenLength(1, maxPartialLength)))
  }
})
export type RunStepAnswer = typeof RunStepAnswer.Type

/** The server's note that a text which a run was given was erased by the event `because` (TOP10). */
export const SourceErased = Schema.TaggedStruct("SourceErased", { prompt_id: CommandId, because: EventAddress })
export type SourceErased = typeof SourceErased.Type
