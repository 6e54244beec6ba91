/**
 * Handles the `RunStep` intents of threads: waits until `not_before`, runs the step, publishes its text as a stream and
 * answers with the outcome.
 *
 * **When to use**
 *
 * In a server whose threads ask the Chorus; `App.layer` includes it. Without it, prompts are logged and wait.
 *
 * **Details**
 *
 * A failed step is an answer as well: the run machine decides about retries (CHO6). A cancelled run's intent is dropped,
 * which interrupts the step: the provider's request is aborted, and the text so far is posted to the thread (CHO8, FLT19),
 * except that of Experience.
 *
 * **Gotchas**
 *
 * It registers with the `IntentHandlers` that `TopicsLocal.layer` uses: provide one layer of them to both. After a crash
 * the current step is carried out again, so that a model may be asked twice for one step.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const thread = Domain.Ids.TopicId.make("thread:tea")
 * const author = Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
 *
 * const noPriors = Layer.succeed(Services.Priors.Priors, { find: () => Effect.succeed([]) })
 * const server = Layers.RunStepHandler.layer.pipe(
 *   Layer.provide(Layers.ChorusLive.layer.pipe(Layer.provide([Layers.Models.layer({}), noPriors]))),
 *   Layer.provide(Layers.SignalsLocal.layer(Domain.Limits.defaults)),
 *   Layer.provideMerge(Layers.TopicsLocal.layer()),
 *   Layer.provideMerge(Layers.IntentHandlersLive.layer),
 *   Layer.provide(Layers.EventLogMemory.layer),
 *   Layer.provide(Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const send = (id: string, input: unknown) =>
 *     topics.submit(thread, { id: Domain.Ids.CommandId.make(id), author, input })
 *   yield* send("tea", { _tag: "create_thread", name: "Notes on tea" })
 *   yield* send("p1", { _tag: "submit_prompt", prompt: "How hot should the water for green tea be?" })
 *   while (true) {
 *     const { runs } = yield* topics.stateOf(Domain.Thread.threadKind, thread, author)
 *     const run = runs.find(({ prompt_id }) => prompt_id === "p1")
 *     if (run?.ended_at != null) return run.status
 *     yield* Effect.sleep("10 millis")
 *   }
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, server)))
 * // => yielded
 * ```
 */
import { Clock, Effect, Layer } from "effect"
import {
  type ChorusState,
  maxPartialLength,
  type RunStep,
  type RunStepAnswer
} from "../../domain/chorus/ChorusModel.ts"
import { keepsPartial, runPolicy } from "../../domain/chorus/ChorusRun.ts"
import { internalFailure, toErrorState } from "../../domain/chorus/StepError.ts"
import { sanitiseUsage } from "../../domain/chorus/TokenCount.ts"
import { deriveId, type TopicId } from "../../domain/protocol/Ids.ts"
import { cut } from "../../domain/protocol/Text.ts"
import { plain } from "../../domain/topic/SealedText.ts"
import { Chorus, ChorusError } from "../../services/Chorus.ts"
import { IntentHandlers } from "../../services/IntentHandlers.ts"
import { Signals } from "../../services/Signals.ts"
import { Topics } from "../../services/Topics.ts"
import { Metrics } from "../observability/Metrics.ts"

/** An answer with strings in place of texts: its topic seals them. */
type WrittenAnswer = typeof RunStepAnswer.Encoded

/** Registers the handler of `RunStep`. */
export const layer: Layer.Layer<never, never, Chorus | IntentHandlers | Signals | Topics> = Layer.effectDiscard(
  Effect.gen(function*() {
    const chorus = yield* Chorus
    const signals = yield* Signals
    const { register } = yield* IntentHandlers
    const topics = yield* Topics
    const { chorusSteps, chorusTokens } = yield* Metrics

    /** The thread decides whether the run was cancelled, or the server is shutting down. */
    const postPartial = (topic: TopicId, intent: RunStep, partialText: string) => {
      if (partialText === "" || !keepsPartial(intent.run)) return
      const text = cut(partialText, maxPartialLength)
      const input: WrittenAnswer = { _tag: "StepInterrupted", ...answerHeader(intent), text }
      topics.post(topic, {
        id: deriveId(intent.id, "/cut"),
        author: "system:chorus",
        answers: { intent: intent.id },
        depth: 1,
        input,
        reply: () => {}
      })
    }

    const handleRunStep = Effect.fn("RunStep.perform")(function*(topic: TopicId, intent: RunStep) {
      const delay = intent.run.not_before - (yield* Clock.currentTimeMillis)
      // Bounded: a clock that was set back must not delay a run further.
      if (delay > 0) yield* Effect.sleep(Math.min(delay, runPolicy.retryAfterMax))
      let partialText = ""
      const publishText = (text: string, offset = partialText.length) =>
        Effect.sync(() => {
          partialText = partialText.slice(0, offset) + text
          signals.publishChunk(topic, { ...stepPosition(intent.run), offset, text })
        })
      return yield* chorus.step(plain(intent.run), publishText).pipe(
        // CHO3: a defect of a Chorus is a failure of its step; called again without end, the run would not end.
        Effect.catchDefect((defect) =>
          Effect.andThen(
            Effect.logError(`the Chorus met a defect in ${intent.id} of ${topic}`, defect),
            Effect.fail(new ChorusError({ reason: internalFailure() }))
          )
        ),
        Effect.map(({ output, usage }) => ({ output, usage: sanitiseUsage(usage) })),
        Effect.tap(({ usage }) =>
          Effect.sync(() => {
            chorusSteps.answered.value += 1
            chorusTokens.input.value += usage.input_tokens
            chorusTokens.output.value += usage.output_tokens
          })
        ),
        Effect.tapError(() => Effect.sync(() => void (chorusSteps.failed.value += 1))),
        Effect.match({
          onSuccess: ({ output, usage }): WrittenAnswer => ({
            _tag: "StepAnswered",
            ...answerHeader(intent),
            output,
            usage
          }),
          onFailure: ({ reason }): WrittenAnswer => ({
            _tag: "StepErrored",
            ...answerHeader(intent),
            error: toErrorState(reason)
          })
        }),
        Effect.onInterrupt(() => Effect.sync(() => postPartial(topic, intent, partialText))),
        Effect.ensuring(Effect.sync(() => signals.completeStream(topic, intent.run.prompt_id)))
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
