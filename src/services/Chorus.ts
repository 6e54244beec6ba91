/**
 * Carries out single steps of a run. Owns no run: runs are part of their threads' states (CHO7).
 *
 * **When to use**
 *
 * To replace the AI behind the Chorus as a whole: a service with this tag is all that `RunStepHandler` needs. To use
 * another language model with the prompts of the Chorus, provide a `LanguageModel` to `ChorusLive.layer` instead.
 *
 * **Details**
 *
 * A step receives the whole run and returns the output of its current step. `onText` is called with the text to show,
 * piece by piece; a client sees the first piece at once. A piece belongs at the end of the text so far, or at its offset
 * if it has one: 0 where all that was shown turned out to be a model's reasoning. A failure is a `ChorusError` with a
 * reason: `AIError`, `StateError` or `NetworkError`. `ChorusRun` decides whether the step is retried (CHO6).
 *
 * **Gotchas**
 *
 * A step is not retried within `step`: the run machine would then retry the retries. The pieces, each at its offset, have
 * to equal the displayed text of the output. Interruption is normal: it happens when the run is cancelled, and at a
 * shutdown.
 *
 * **Example**
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Domain, Services } from "choir"
 *
 * const { Chorus, ChorusError } = Services.Chorus
 * const { AIError } = Domain.StepError
 * const prompt_id = Domain.Ids.CommandId.make("prompt-1")
 * const queued = Domain.ChorusRun.createRun({
 *   prompt_id,
 *   thread_id: Domain.Ids.TopicId.make("thread:tea"),
 *   asker: Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
 *   prompt: Domain.SealedText.write("How hot should the water for green tea be?"),
 *   at: 0
 * })
 * const usage = { provider: "example", model: "none", input_tokens: 0, output_tokens: 0, latency_ms: 0, cost: null }
 *
 * // A Chorus without AI: it supports the first step only.
 * const chorus = Chorus.of({
 *   modelInfo: { model: "none", offline: true },
 *   step: (run, onText) =>
 *     run.current_step !== "action"
 *       ? Effect.fail(new ChorusError({ reason: new AIError({ message: "no model", retryable: false }) }))
 *       : Effect.as(onText("80 degrees."), {
 *         output: { _tag: "action", proposed_response: "80 degrees.", confidence: 0.5, reasoning: "" },
 *         usage
 *       })
 * })
 *
 * const program = Effect.gen(function*() {
 *   const { step } = yield* Chorus
 *   const { state } = Domain.ChorusRun.transformState(queued, { _tag: "RunStarted", prompt_id, at: 0 })
 *   const { output } = yield* step(Domain.SealedText.plain(state), (piece) => Effect.sync(() => console.log(piece)))
 *   console.log(output._tag) // action
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provideService(Chorus, chorus)))
 * ```
 */
import { Context, type Effect, Schema } from "effect"
import type { PlainRun, StepOutput, Usage } from "../domain/chorus/ChorusModel.ts"
import { StepError } from "../domain/chorus/StepError.ts"

/** A step failed, after the fallback if there is one (CHO6). Handle single reasons with `Effect.catchReason`. */
export class ChorusError extends Schema.TaggedError<ChorusError>()("ChorusError", { reason: StepError }) {
  override get message() {
    return this.reason.message
  }

  /** Whether another attempt can succeed. */
  get retryable(): boolean {
    return this.reason.retryable
  }
}

/** The result of a step: its output, and its usage. */
export interface StepResponse {
  readonly output: StepOutput
  readonly usage: Usage
}

/** The AI behind the Chorus. */
export class Chorus extends Context.Service<Chorus, {
  /** Which model answers, and whether it is the built-in one, which needs no network (CHO12). */
  readonly modelInfo: { readonly model: string; readonly offline: boolean }
  /**
   * Carries out the run's current step. `onText` is called with pieces of the step's text as it is written; a piece with
   * an offset, in UTF-16 units, replaces what was shown from there on. Interruption aborts the provider's request.
   */
  readonly step: (
    run: PlainRun,
    onText: (piece: string, offset?: number) => Effect.Effect<void>
  ) => Effect.Effect<StepResponse, ChorusError>
}>()("choir/services/Chorus") {}
