/** Carries out single steps of a run. Owns no run: runs are part of their threads' states (CHO7). */
import { Context, type Effect, Schema } from "effect"
import type { ChorusState, StepOutput, Usage } from "../domain/chorus/ChorusModel.ts"
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

/** What a step returns: its output, and what it took. */
export interface StepResponse {
  readonly output: StepOutput
  readonly usage: Usage
}

/** The AI behind the Chorus. */
export class Chorus extends Context.Service<Chorus, {
  /** Which model answers, and whether it is the built-in one, which needs no network (CHO12). */
  readonly modelInfo: { readonly model: string; readonly offline: boolean }
  /**
   * Carries out the run's current step. `onText` is called with pieces of the step's text as it is written; together
   * they are the text so far. Interruption aborts the provider's request.
   */
  readonly step: (
    run: ChorusState,
    onText: (piece: string) => Effect.Effect<void>
  ) => Effect.Effect<StepResponse, ChorusError>
}>()("choir/services/Chorus") {}
