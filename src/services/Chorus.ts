/** The AI loop's hands: carries out one step of a run. Owns no run; runs live in their threads (CHO7). */
import { Context, type Effect, Schema } from "effect"
import { type ChorusState, ErrorState, type StepOutput, type Usage } from "../domain/chorus/ChorusModel.ts"

/** A step failed after whatever could be tried inside it (CHO6). */
export class ChorusError extends Schema.TaggedError<ChorusError>()("ChorusError", { reason: ErrorState }) {
  override get message() {
    return this.reason.message
  }

  get retryable(): boolean {
    return this.reason.retryable
  }
}

export class Chorus extends Context.Service<Chorus, {
  /** Which model answers, and whether it is the built-in offline one (CHO12). */
  readonly modelInfo: { readonly model: string; readonly offline: boolean }
  /**
   * Carries out the run's current step. `onText` hears the step's text as it is written, in pieces whose
   * concatenation is the text so far. Interruption aborts the provider's request.
   */
  readonly step: (
    run: ChorusState,
    onText: (piece: string) => Effect.Effect<void>
  ) => Effect.Effect<{ readonly output: StepOutput; readonly usage: Usage }, ChorusError>
}>()("choir/services/Chorus") {}
