/**
 * Carries out the `RunStep` intents of threads: waits for the try's time, lets
 * the Chorus work, shows its text as it comes, answers with the outcome.
 *
 * The thread drops the intent when the run is cancelled; the interruption that
 * follows aborts the provider's request, and what the step had said so far goes
 * to the thread (CHO8).
 */
import { Clock, Effect, Layer, Ref } from "effect"
import { type Answer, type ChorusState, maxPartial, type RunStep } from "../../domain/chorus/Chorus.ts"
import { policy } from "../../domain/chorus/ChorusRun.ts"
import { derivedId, type TopicId } from "../../domain/Ids.ts"
import { Chorus } from "../../services/Chorus.ts"
import { Performers } from "../../services/Performers.ts"
import { Signals } from "../../services/Signals.ts"
import { Topics } from "../../services/Topics.ts"
import { Metrics } from "../observability/Metrics.ts"

/** Registers the performer of `RunStep` with `Performers`. */
export const layer: Layer.Layer<never, never, Chorus | Performers | Signals | Topics> = Layer.effectDiscard(
  Effect.gen(function*() {
    const chorus = yield* Chorus
    const signals = yield* Signals
    const { register } = yield* Performers
    const topics = yield* Topics
    const { steps, tokens } = yield* Metrics
    /** Texts of the tries that run here, as far as they have come, by intent. */
    const live = yield* Ref.make<ReadonlyMap<string, string>>(new Map())

    const show = (topic: TopicId, { id, run }: RunStep) => (text: string) =>
      Effect.gen(function*() {
        const offset = yield* Ref.modify(live, (all) => {
          const before = all.get(id) ?? ""
          return [before.length, new Map(all).set(id, before + text)]
        })
        signals.stream(topic, { ...placeOf(run), offset, text })
      })

    /** Whether the run was cancelled, or only the server stops, is the thread's to know. */
    const handOver = (topic: TopicId, intent: RunStep) =>
      Effect.map(Ref.get(live), (all) => {
        const text = cut(all.get(intent.id) ?? "")
        const input: Answer = { _tag: "StepCut", ...replyTo(intent), text }
        if (text === "") return
        topics.post(topic, { id: derivedId(intent.id, "/cut"), author: "system:chorus", input, reply: () => {} })
      })

    const forget = (topic: TopicId, { id, run }: RunStep) =>
      Effect.gen(function*() {
        yield* Ref.update(live, (all) => new Map([...all].filter(([key]) => key !== id)))
        signals.streamDone(topic, run.prompt_id)
      })

    const perform = Effect.fn("RunStep.perform")(function*(topic: TopicId, intent: RunStep) {
      const wait = intent.run.not_before - (yield* Clock.currentTimeMillis)
      // No pause is longer than that; a clock that was put back does not hold a run.
      if (wait > 0) yield* Effect.sleep(Math.min(wait, policy.patience))
      return yield* chorus.step(intent.run, show(topic, intent)).pipe(
        Effect.tap(({ usage }) =>
          Effect.sync(() => {
            steps.answered.value += 1
            tokens.input.value += usage.input_tokens
            tokens.output.value += usage.output_tokens
          })
        ),
        Effect.tapError(() => Effect.sync(() => void (steps.failed.value += 1))),
        Effect.match({
          onSuccess: ({ output, usage }): Answer => ({ _tag: "StepAnswered", ...replyTo(intent), output, usage }),
          onFailure: ({ reason }): Answer => ({ _tag: "StepErrored", ...replyTo(intent), error: reason })
        }),
        Effect.onInterrupt(() => handOver(topic, intent)),
        Effect.ensuring(forget(topic, intent))
      )
    })

    yield* register<RunStep>("RunStep", perform)
  })
)

const placeOf = ({ attempt, current_step, loop, prompt_id }: ChorusState) => ({
  prompt_id,
  loop,
  step: current_step,
  attempt
})

/** As much of a text as is kept, without half of a surrogate pair at its end. */
const cut = (text: string): string => {
  const kept = text.slice(0, maxPartial)
  return kept.isWellFormed() ? kept : kept.slice(0, -1)
}

const replyTo = ({ id, run }: RunStep) => ({ intent: id, prompt_id: run.prompt_id })
