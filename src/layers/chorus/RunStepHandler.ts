/**
 * Carries out the `RunStep` intents of threads: waits for the try's time, lets
 * the Chorus work, shows its text as it comes, answers with the outcome.
 *
 * The thread drops the intent when the run is cancelled; the interruption that
 * follows aborts the provider's request, and what the step had said so far goes
 * to the thread (CHO8).
 */
import { Clock, Effect, Layer, Ref } from "effect"
import {
  type ChorusState,
  maxPartialLength,
  type RunStep,
  type RunStepAnswer
} from "../../domain/chorus/ChorusModel.ts"
import { runPolicy } from "../../domain/chorus/ChorusRun.ts"
import { deriveId, type TopicId } from "../../domain/protocol/Ids.ts"
import { cut } from "../../domain/protocol/Text.ts"
import { Chorus } from "../../services/Chorus.ts"
import { IntentHandlers } from "../../services/IntentHandlers.ts"
import { Signals } from "../../services/Signals.ts"
import { Topics } from "../../services/Topics.ts"
import { Metrics } from "../observability/Metrics.ts"

/** Registers the performer of `RunStep` with `Performers`. */
export const layer: Layer.Layer<never, never, Chorus | IntentHandlers | Signals | Topics> = Layer.effectDiscard(
  Effect.gen(function*() {
    const chorus = yield* Chorus
    const signals = yield* Signals
    const { register } = yield* IntentHandlers
    const topics = yield* Topics
    const { chorusSteps, chorusTokens } = yield* Metrics
    /** Texts of the tries that run here, as far as they have come, by intent. */
    const partialTexts = yield* Ref.make<ReadonlyMap<string, string>>(new Map())

    const publishText = (topic: TopicId, { id, run }: RunStep) => (text: string) =>
      Effect.gen(function*() {
        const offset = yield* Ref.modify(partialTexts, (all) => {
          const previous = all.get(id) ?? ""
          return [previous.length, new Map(all).set(id, previous + text)]
        })
        signals.publishChunk(topic, { ...stepPosition(run), offset, text })
      })

    /** Whether the run was cancelled, or only the server stops, is the thread's to know. */
    const submitPartial = (topic: TopicId, intent: RunStep) =>
      Effect.map(Ref.get(partialTexts), (all) => {
        const text = cut(all.get(intent.id) ?? "", maxPartialLength)
        const input: RunStepAnswer = { _tag: "StepCut", ...answerHeader(intent), text }
        if (text === "") return
        topics.post(topic, { id: deriveId(intent.id, "/cut"), author: "system:chorus", input, reply: () => {} })
      })

    const clearPartial = (topic: TopicId, { id, run }: RunStep) =>
      Effect.gen(function*() {
        yield* Ref.update(partialTexts, (all) => new Map([...all].filter(([key]) => key !== id)))
        signals.completeStream(topic, run.prompt_id)
      })

    const handleRunStep = Effect.fn("RunStep.perform")(function*(topic: TopicId, intent: RunStep) {
      const delay = intent.run.not_before - (yield* Clock.currentTimeMillis)
      // No pause is longer than that; a clock that was put back does not hold a run.
      if (delay > 0) yield* Effect.sleep(Math.min(delay, runPolicy.retryAfterMax))
      return yield* chorus.step(intent.run, publishText(topic, intent)).pipe(
        Effect.tap(({ usage }) =>
          Effect.sync(() => {
            chorusSteps.answered.value += 1
            chorusTokens.input.value += usage.input_tokens
            chorusTokens.output.value += usage.output_tokens
          })
        ),
        Effect.tapError(() => Effect.sync(() => void (chorusSteps.failed.value += 1))),
        Effect.match({
          onSuccess: ({ output, usage }): RunStepAnswer => ({
            _tag: "StepAnswered",
            ...answerHeader(intent),
            output,
            usage
          }),
          onFailure: ({ reason }): RunStepAnswer => ({ _tag: "StepErrored", ...answerHeader(intent), error: reason })
        }),
        Effect.onInterrupt(() => submitPartial(topic, intent)),
        Effect.ensuring(clearPartial(topic, intent))
      )
    })

    yield* register<RunStep>("RunStep", handleRunStep)
  })
)

const stepPosition = ({ attempt, current_step, loop, prompt_id }: ChorusState) => ({
  prompt_id,
  loop,
  step: current_step,
  attempt
})

const answerHeader = ({ id, run }: RunStep) => ({ intent: id, prompt_id: run.prompt_id })
