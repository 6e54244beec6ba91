/**
 * Carries out single steps of the Chorus with a language model. Owns no run and retries nothing: runs are part of
 * their threads, and the run machine decides about retries (CHO6, CHO7).
 *
 * **When to use**
 *
 * With any `LanguageModel` of `effect/ai` and any `Priors`. Provide `ModelOverrides` for a model per step or a
 * fallback.
 *
 * **Details**
 *
 * Experience searches for priors first; when the search is not available, the run continues, and its record says so
 * (FLT13). A prior that is erased meanwhile ends the request at once, and the step is tried again (TOP10). Text is shown as it is streamed, at most every 40 ms, without the reasoning before it and the data behind the
 * delimiter.
 *
 * **Gotchas**
 *
 * A fallback does not take over an answer that was shown in part. Where a provider reports no
 * count of tokens, or one that cannot be, they are estimated. At most `ModelCallLimits.modelCalls` calls are under way;
 * more wait for their turn.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer, Schema } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const prompt_id = Domain.Ids.CommandId.make("prompt-1")
 * const queued = Domain.ChorusRun.createRun({
 *   prompt_id,
 *   thread_id: Domain.Ids.TopicId.make("thread:tea"),
 *   asker: Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
 *   prompt: Domain.SealedText.write("How hot should the water for green tea be?"),
 *   at: 0
 * })
 *
 * // All six steps, by the model that needs no network.
 * const program = Effect.gen(function*() {
 *   const { step } = yield* Services.Chorus.Chorus
 *   let { intents, state } = Domain.ChorusRun.transformState(queued, { _tag: "RunStarted", prompt_id, at: 0 })
 *   for (let [intent] = intents; intent !== undefined; [intent] = intents) {
 *     const response = yield* step(Domain.SealedText.plain(intent.run), () => Effect.void)
 *     const written = { _tag: "StepAnswered" as const, intent: intent.id, prompt_id, ...response }
 *     const answer = Schema.decodeSync(Domain.ChorusModel.RunStepAnswer)(written)
 *     const next = Domain.ChorusRun.transformState(state, { _tag: "StepResult", answer, now: 0, seed: 0 })
 *     intents = next.intents
 *     state = next.state
 *   }
 *   console.log(state.status, state.steps.map(({ step }) => step)) // yielded
 * })
 *
 * const noPriors = Layer.succeed(Services.Priors.Priors, { find: () => Effect.succeed([]) })
 * const layer = Layers.ChorusLive.layer.pipe(Layer.provide([Layers.Models.layer({}), noPriors]))
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Clock, Context, Effect, Layer, Result, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import type { PlainRun, Prior, Step, StepOutput } from "../../domain/chorus/ChorusModel.ts"
import * as ChorusParse from "../../domain/chorus/ChorusParse.ts"
import { findMissingStep } from "../../domain/chorus/ChorusProgress.ts"
import * as ChorusPrompt from "../../domain/chorus/ChorusPrompt.ts"
import { chooseModel, fallsBackAtOnce } from "../../domain/chorus/ModelChoice.ts"
import * as ReasoningFilter from "../../domain/chorus/ReasoningFilter.ts"
import * as StepError from "../../domain/chorus/StepError.ts"
import { estimateTokens, toTokenCount } from "../../domain/chorus/TokenCount.ts"
import * as PriorSearch from "../../domain/search/PriorSearch.ts"
import { Chorus, ChorusError, type StepResponse } from "../../services/Chorus.ts"
import { Priors } from "../../services/Priors.ts"
import * as ModelCalls from "./ModelCalls.ts"
import * as ModelErrors from "./ModelErrors.ts"
import { ModelInfo } from "./Models.ts"
import * as TextCoalescer from "./TextCoalescer.ts"

/** A language model, and its name in the record of a step's usage. */
export interface ModelChoice {
  readonly languageModel: LanguageModel.LanguageModel
  readonly provider: string
  readonly model: string
}

/** Models beside the main one (CHO12): other ones for single steps, and one to fall back to. */
export const ModelOverrides = Context.Reference<{
  readonly steps: Partial<Readonly<Record<Step, ModelChoice>>>
  readonly fallback: ModelChoice | undefined
}>("choir/layers/chorus/ChorusLive/ModelOverrides", { defaultValue: () => ({ steps: {}, fallback: undefined }) })

type OnText = Parameters<Chorus["Service"]["step"]>[1]

/** The Chorus over the provided `LanguageModel` and `ModelOverrides`. */
export const layer: Layer.Layer<Chorus, never, LanguageModel.LanguageModel | ModelInfo | Priors> = Layer.effect(
  Chorus,
  Effect.gen(function*() {
    const { awaitErased, find } = yield* Priors
    const { model, offline, provider } = yield* ModelInfo
    const primary: ModelChoice = { languageModel: yield* LanguageModel.LanguageModel, provider, model }
    const models = { primary, ...(yield* ModelOverrides) }
    const reasonsUntagged = new WeakSet<LanguageModel.LanguageModel>()
    const calls = yield* ModelCalls.make

    const step = Effect.fn("Chorus.step")(function*(run: PlainRun, onText: OnText) {
      const missingStep = findMissingStep(run)
      if (missingStep !== undefined) {
        return yield* new ChorusError({ reason: StepError.missingStepOutput(missingStep) })
      }
      const { note, priors } = run.current_step === "experience"
        ? yield* searchPriors(find, run)
        : { note: PriorSearch.ranWithoutSearch(run) ? PriorSearch.priorsUnavailableNote : "", priors: [] }
      const request: StepRequest = { run, priors, note, reasonsUntagged, calls }
      const choice = chooseModel(run, models)
      let hasShownText = false
      const response = requestModel(choice, request, (piece, offset) => {
        hasShownText = true
        return onText(piece, offset)
      })
      const { fallback } = models
      const answer = fallback === undefined || choice === fallback
        ? response
        : Effect.catchIf(
          response,
          (error) => fallsBackAtOnce(error, hasShownText),
          () => requestModel(fallback, request, onText)
        )
      // The log does not know yet what this step is given: nobody else could stop it (TOP10).
      return yield* awaitErased === undefined || priors.length === 0
        ? answer
        : Effect.raceFirst(answer, Effect.andThen(awaitErased(priors), toChorusError(StepError.priorErased())))
    })

    return Chorus.of({ modelInfo: { model, offline }, step })
  })
)

/** A request to a model. */
interface StepRequest {
  readonly run: PlainRun
  readonly priors: ReadonlyArray<Prior>
  /** The server's remark about the priors; empty without one. */
  readonly note: string
  /** The models whose reasoning was seen to begin without a tag. Their text is shown once it is known to be the answer. */
  readonly reasonsUntagged: WeakSet<LanguageModel.LanguageModel>
  readonly calls: ModelCalls.ModelCalls
}

/** CHO4: the priors for the run, or the note that there was no search. */
const searchPriors = Effect.fnUntraced(function*(find: Priors["Service"]["find"], run: PlainRun) {
  return yield* find(PriorSearch.searchText(run), run.thread_id).pipe(
    Effect.map((priors) => ({ note: "", priors: priors.map((prior) => PriorSearch.excerptPrior(run, prior)) })),
    Effect.catchTag(
      "PriorsUnavailable",
      (error) =>
        Effect.as(Effect.logWarning("the Chorus continues without priors", error), {
          note: PriorSearch.priorsUnavailableNote,
          priors: []
        })
    )
  )
})

/** One request to one model: its text is streamed, and its whole answer parsed. */
const requestModel = Effect.fnUntraced(function*(
  choice: ModelChoice,
  request: StepRequest,
  onText: OnText
): Effect.fn.Return<StepResponse, ChorusError> {
  const { calls, note, priors, run } = request
  const { model, provider } = choice
  const prompt = ChorusPrompt.buildPrompt(run, priors, note)
  const notePrefix = note === "" || run.current_step !== "experience" ? "" : `${note}\n\n`
  const { latency, text, tokens } = yield* calls.perform(
    run.owner ?? run.asker,
    prompt.system.length + prompt.user.length,
    Effect.scoped(streamAnswer(choice, prompt, request, notePrefix, onText))
  )
  const output = ChorusParse.parseOutput(run, priors, text)
  if (Result.isFailure(output)) return yield* toChorusError(StepError.fromMalformedOutput(output.failure))
  return {
    output: prependNote(notePrefix, output.success),
    usage: {
      provider,
      model,
      input_tokens: tokens.input,
      output_tokens: tokens.output,
      latency_ms: latency,
      cost: null
    }
  }
})

/** The whole text of an answer; what may be shown of it goes to `onText` as it arrives, behind `notePrefix`. */
const streamAnswer = Effect.fnUntraced(function*(
  { languageModel, model, provider }: ModelChoice,
  { system, user }: ChorusPrompt.ModelPrompt,
  { reasonsUntagged }: StepRequest,
  notePrefix: string,
  onText: OnText
) {
  const startedAt = yield* Clock.currentTimeMillis
  let received = ReasoningFilter.initial
  let receivedLength = 0
  let tokens = { input: estimateTokens(system.length + user.length), output: 0 }
  let mayBeReasoning = reasonsUntagged.has(languageModel)
  const coalescer = yield* TextCoalescer.make(
    () => mayBeReasoning ? "" : notePrefix + ChorusParse.streamablePrefix(received.answer),
    onText
  )
  const prompt = [{ role: "system" as const, content: system }, { role: "user" as const, content: user }]
  yield* languageModel.streamText({ prompt }).pipe(
    Stream.runForEach((part) => {
      if (part.type === "text-delta") {
        received = ReasoningFilter.append(received, part.delta)
        receivedLength += part.delta.length
        if (received.hasUntaggedReasoning) {
          reasonsUntagged.add(languageModel)
          mayBeReasoning = false
        }
        return coalescer.notifyGrowth
      }
      if (part.type !== "finish") return Effect.void
      mayBeReasoning = false
      const { inputTokens, outputTokens } = part.usage
      tokens = {
        input: toTokenCount(inputTokens.total) ?? tokens.input,
        output: toTokenCount(outputTokens.total) ?? estimateTokens(receivedLength)
      }
      return part.reason === "length" ? Effect.fail(toChorusError(StepError.lengthLimitReached())) : Effect.void
    }),
    // What was received is shown even if the stream fails.
    Effect.ensuring(coalescer.flush),
    Effect.catchTag("AiError", (error) =>
      Effect.andThen(
        Effect.logWarning(`model ${model} of ${provider} failed: ${error.message}`),
        Effect.fail(toChorusError(ModelErrors.fromAiError(error)))
      ))
  )
  const latency = Math.max(0, Math.round((yield* Clock.currentTimeMillis) - startedAt))
  return { text: ReasoningFilter.finish(received), tokens, latency }
})

const toChorusError = (reason: StepError.StepError): ChorusError => new ChorusError({ reason })

/** The recorded output begins with the note, as the streamed text did. */
const prependNote = (notePrefix: string, output: StepOutput): StepOutput =>
  output._tag === "experience" ? { ...output, synthesis: notePrefix + output.synthesis } : output
