/**
 * Carries out single steps of the Chorus with a language model. Owns no run
 * and tries nothing twice: runs live in their threads, and the run machine
 * decides about another try (CHO6, CHO7).
 */
import { Clock, Context, Effect, Layer, Result, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import {
  type ChorusState,
  type ErrorState,
  type Prior,
  type Step,
  type StepOutput,
  steps,
  type Usage
} from "../../domain/chorus/ChorusModel.ts"
import { displayText } from "../../domain/chorus/ChorusOutput.ts"
import * as ChorusParse from "../../domain/chorus/ChorusParse.ts"
import * as ChorusPrompt from "../../domain/chorus/ChorusPrompt.ts"
import * as Bm25 from "../../domain/chorus/extractive/Bm25.ts"
import * as ExtractiveModel from "../../domain/chorus/extractive/ExtractiveModel.ts"
import { Chorus, ChorusError } from "../../services/Chorus.ts"
import { Priors } from "../../services/Priors.ts"
import * as ModelErrors from "./ModelErrors.ts"
import { ModelInfo } from "./Models.ts"
import * as TextCoalescer from "./TextCoalescer.ts"

/** A model that can be asked, and its name in the record of what was used. */
export interface ModelChoice {
  readonly languageModel: LanguageModel.LanguageModel
  readonly provider: string
  readonly model: string
}

/**
 * Models beside the main one (CHO12): other ones for single steps, and one to fall back to. The fallback answers from
 * the third try of a step on, and at once where another try is useless and nothing has been shown yet.
 */
export const ModelOverrides = Context.Reference<{
  readonly steps: Partial<Readonly<Record<Step, ModelChoice>>>
  readonly fallback: ModelChoice | undefined
}>("choir/layers/chorus/ChorusLive/ModelOverrides", { defaultValue: () => ({ steps: {}, fallback: undefined }) })

/** The try of a step, counted from 0, from which on the fallback answers. */
const fallbackAttempt = 2

/** Said where the search for priors is down; also put to the model. */
export const priorsUnavailableNote =
  "What the group wrote before could not be searched right now; this goes on without it."

/** The Chorus over whatever `LanguageModel` is provided. */
export const layer: Layer.Layer<Chorus, never, LanguageModel.LanguageModel | ModelInfo | Priors> = Layer.effect(
  Chorus,
  Effect.gen(function*() {
    const { find } = yield* Priors
    const { model, offline, provider } = yield* ModelInfo
    const primary: ModelChoice = { languageModel: yield* LanguageModel.LanguageModel, provider, model }
    const { fallback, steps: overrides } = yield* ModelOverrides

    const step = Effect.fn("Chorus.step")(function*(
      run: ChorusState,
      onText: (piece: string) => Effect.Effect<void>
    ) {
      const missingStep = findMissingStep(run)
      if (missingStep !== undefined) {
        return yield* new ChorusError({ reason: ModelErrors.missingStepOutput(missingStep) })
      }
      const { note, priors } = run.current_step === "experience"
        ? yield* searchPriors(find, run)
        : { note: ranWithoutPriors(run) ? priorsUnavailableNote : "", priors: [] }
      const request: StepRequest = { run, priors, note }
      if (fallback !== undefined && run.attempt >= fallbackAttempt) {
        return yield* requestModel(fallback, request, onText)
      }

      let streamed = false
      const response = requestModel(overrides[run.current_step] ?? primary, request, (piece) => {
        streamed = true
        return onText(piece)
      })
      return yield* fallback === undefined
        ? response
        : Effect.catchIf(
          response,
          (error) => !error.retryable && !streamed,
          () => requestModel(fallback, request, onText)
        )
    })

    return Chorus.of({ modelInfo: { model, offline }, step })
  })
)

interface StepRequest {
  readonly run: ChorusState
  readonly priors: ReadonlyArray<Prior>
  readonly note: string
}

/** Whether this loop's Experience could not search: the later steps must not take that for nothing found. */
const ranWithoutPriors = (run: ChorusState): boolean =>
  run.steps.some(({ loop, output }) =>
    loop === run.loop && output._tag === "experience" && output.synthesis.startsWith(priorsUnavailableNote)
  )

/** The first earlier step of this loop that left no output. */
const findMissingStep = (run: ChorusState): Step | undefined =>
  steps.slice(0, steps.indexOf(run.current_step)).find((step) =>
    !run.steps.some((record) => record.loop === run.loop && record.step === step)
  )

/** Beyond this length a question is searched for by Action's answer alone. */
const searchedQuestionMax = 25_000

/** CHO4: what the asker may see of what was written before, near to the question and Action's answer. */
const searchPriors = Effect.fnUntraced(function*(find: Priors["Service"]["find"], run: ChorusState) {
  const action = run.steps.findLast(({ step }) => step === "action")
  const actionText = action === undefined ? "" : displayText(action.output)
  const proposedAnswer = action?.usage.model === ExtractiveModel.modelName
    ? ExtractiveModel.extractQuotes(actionText)
    : actionText
  const question = run.prompt.length > searchedQuestionMax && proposedAnswer !== "" ? "" : run.prompt
  const text = `${question}\n\n${proposedAnswer}`.trim()
  return yield* find(text, run.asker).pipe(
    Effect.map((priors) => ({
      note: "",
      priors: priors.map((prior) => ({
        ...prior,
        content: Bm25.excerpt(run.prompt, prior.content, ChorusPrompt.promptLimits.prior)
      }))
    })),
    Effect.catchTag(
      "PriorsUnavailable",
      (error) =>
        Effect.as(Effect.logWarning("the Chorus goes on without priors", error), {
          note: priorsUnavailableNote,
          priors: []
        })
    )
  )
})

/** One question to one model, streamed, read and paid for. */
const requestModel = Effect.fnUntraced(function*(
  { languageModel, model, provider }: ModelChoice,
  { note, priors, run }: StepRequest,
  onText: (piece: string) => Effect.Effect<void>
): Effect.fn.Return<{ readonly output: StepOutput; readonly usage: Usage }, ChorusError> {
  const startedAt = yield* Clock.currentTimeMillis
  const { system, user } = ChorusPrompt.buildPrompt(run, priors, note)
  const notePrefix = note === "" || run.current_step !== "experience" ? "" : `${note}\n\n`
  let text = ""
  let tokenCounts = { input: estimateTokens(system + user), output: 0 }

  yield* Effect.scoped(Effect.gen(function*() {
    const coalescer = yield* TextCoalescer.make(() => notePrefix + ChorusParse.streamablePrefix(text), onText)
    const prompt = [{ role: "system" as const, content: system }, { role: "user" as const, content: user }]
    yield* languageModel.streamText({ prompt }).pipe(
      Stream.runForEach((part) => {
        if (part.type === "text-delta") {
          text += part.delta
          return coalescer.notifyGrowth
        }
        if (part.type !== "finish") return Effect.void
        const { inputTokens, outputTokens } = part.usage
        tokenCounts = {
          input: inputTokens.total ?? tokenCounts.input,
          output: outputTokens.total ?? estimateTokens(text)
        }
        return part.reason === "length" ? Effect.fail(toChorusError(ModelErrors.lengthLimitReached)) : Effect.void
      }),
      // What has arrived is shown, also when nothing more comes.
      Effect.ensuring(coalescer.flush)
    )
  })).pipe(
    Effect.catchTag("AiError", (error) =>
      Effect.andThen(
        Effect.logWarning(`model ${model} of ${provider} failed: ${error.message}`),
        Effect.fail(toChorusError(ModelErrors.fromAiError(error)))
      ))
  )

  const output = ChorusParse.parseOutput(run, priors, text)
  if (Result.isFailure(output)) return yield* toChorusError(ModelErrors.fromMalformedOutput(output.failure))
  const latency = Math.max(0, Math.round((yield* Clock.currentTimeMillis) - startedAt))
  return {
    output: prependNote(notePrefix, output.success),
    usage: {
      provider,
      model,
      input_tokens: tokenCounts.input,
      output_tokens: tokenCounts.output,
      latency_ms: latency,
      cost: null
    }
  }
})

const toChorusError = (reason: ErrorState): ChorusError => new ChorusError({ reason })

/** The record says what the stream said: the note first. */
const prependNote = (notePrefix: string, output: StepOutput): StepOutput =>
  output._tag === "experience" ? { ...output, synthesis: notePrefix + output.synthesis } : output

/** Tokens, where a provider does not count them: about four characters each. */
const estimateTokens = (text: string): number => Math.ceil(text.length / 4)
