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
  type Output,
  type Prior,
  type Step,
  steps,
  type Usage
} from "../../domain/chorus/Chorus.ts"
import { textOf } from "../../domain/chorus/ChorusOutput.ts"
import * as ChorusParse from "../../domain/chorus/ChorusParse.ts"
import * as ChorusPrompt from "../../domain/chorus/ChorusPrompt.ts"
import * as Extract from "../../domain/offline/Extract.ts"
import * as Ranking from "../../domain/offline/Ranking.ts"
import { Chorus, ChorusError } from "../../services/Chorus.ts"
import { Priors } from "../../services/Priors.ts"
import * as ChorusFault from "./ChorusFault.ts"
import { ModelInfo } from "./Models.ts"
import * as Rollup from "./Rollup.ts"

/** A model that can be asked, and its name in the record of what was used. */
export interface Choice {
  readonly languageModel: LanguageModel.LanguageModel
  readonly provider: string
  readonly model: string
}

/**
 * Models beside the main one (CHO12): other ones for single steps, and one to fall back to. The fallback answers from
 * the third try of a step on, and at once where another try is useless and nothing has been shown yet.
 */
export const Alternatives = Context.Reference<{
  readonly steps: Partial<Readonly<Record<Step, Choice>>>
  readonly fallback: Choice | undefined
}>("choir/layers/chorus/ChorusLive/Alternatives", { defaultValue: () => ({ steps: {}, fallback: undefined }) })

/** The try of a step, counted from 0, from which on the fallback answers. */
const fallbackFrom = 2

/** Said where the search for priors is down; also put to the model. */
export const withoutPriors = "What the group wrote before could not be searched right now; this goes on without it."

/** The Chorus over whatever `LanguageModel` is provided. */
export const layer: Layer.Layer<Chorus, never, LanguageModel.LanguageModel | ModelInfo | Priors> = Layer.effect(
  Chorus,
  Effect.gen(function*() {
    const { find } = yield* Priors
    const { model, offline, provider } = yield* ModelInfo
    const main: Choice = { languageModel: yield* LanguageModel.LanguageModel, provider, model }
    const { fallback, steps: special } = yield* Alternatives

    const step = Effect.fn("Chorus.step")(function*(
      run: ChorusState,
      onText: (piece: string) => Effect.Effect<void>
    ) {
      const missing = missingOf(run)
      if (missing !== undefined) return yield* new ChorusError({ reason: ChorusFault.incomplete(missing) })
      const { note, priors } = run.current_step === "experience"
        ? yield* experience(find, run)
        : { note: wentWithout(run) ? withoutPriors : "", priors: [] }
      const task: Task = { run, priors, note }
      if (fallback !== undefined && run.attempt >= fallbackFrom) return yield* ask(fallback, task, onText)

      let shown = false
      const asked = ask(special[run.current_step] ?? main, task, (piece) => {
        shown = true
        return onText(piece)
      })
      return yield* fallback === undefined
        ? asked
        : Effect.catchIf(asked, (error) => !error.retryable && !shown, () => ask(fallback, task, onText))
    })

    return Chorus.of({ describe: { model, offline }, step })
  })
)

interface Task {
  readonly run: ChorusState
  readonly priors: ReadonlyArray<Prior>
  readonly note: string
}

/** Whether this loop's Experience could not search: the later steps must not take that for nothing found. */
const wentWithout = (run: ChorusState): boolean =>
  run.steps.some(({ loop, output }) =>
    loop === run.loop && output._tag === "experience" && output.synthesis.startsWith(withoutPriors)
  )

/** The first earlier step of this loop that left no output. */
const missingOf = (run: ChorusState): Step | undefined =>
  steps.slice(0, steps.indexOf(run.current_step)).find((step) =>
    !run.steps.some((record) => record.loop === run.loop && record.step === step)
  )

/** Beyond this length a question is searched for by Action's answer alone. */
const longQuestion = 25_000

/** CHO4: what the asker may see of what was written before, near to the question and Action's answer. */
const experience = Effect.fnUntraced(function*(find: Priors["Service"]["find"], run: ChorusState) {
  const action = run.steps.findLast(({ step }) => step === "action")
  const answered = action === undefined ? "" : textOf(action.output)
  const proposed = action?.usage.model === Extract.modelName ? Extract.quotes(answered) : answered
  const asked = run.prompt.length > longQuestion && proposed !== "" ? "" : run.prompt
  const text = `${asked}\n\n${proposed}`.trim()
  return yield* find(text, run.asker).pipe(
    Effect.map((priors) => ({
      note: "",
      priors: priors.map((prior) => ({
        ...prior,
        content: Ranking.excerpt(run.prompt, prior.content, ChorusPrompt.limits.prior)
      }))
    })),
    Effect.catchTag(
      "PriorsUnavailable",
      (error) =>
        Effect.as(Effect.logWarning("the Chorus goes on without priors", error), { note: withoutPriors, priors: [] })
    )
  )
})

/** One question to one model, streamed, read and paid for. */
const ask = Effect.fnUntraced(function*(
  { languageModel, model, provider }: Choice,
  { note, priors, run }: Task,
  onText: (piece: string) => Effect.Effect<void>
): Effect.fn.Return<{ readonly output: Output; readonly usage: Usage }, ChorusError> {
  const started = yield* Clock.currentTimeMillis
  const { system, user } = ChorusPrompt.prompt(run, priors, note)
  const opening = note === "" || run.current_step !== "experience" ? "" : `${note}\n\n`
  let text = ""
  let used = { input: estimate(system + user), output: 0 }

  yield* Effect.scoped(Effect.gen(function*() {
    const rollup = yield* Rollup.make(() => opening + ChorusParse.visible(text), onText)
    const prompt = [{ role: "system" as const, content: system }, { role: "user" as const, content: user }]
    yield* languageModel.streamText({ prompt }).pipe(
      Stream.runForEach((part) => {
        if (part.type === "text-delta") {
          text += part.delta
          return rollup.grew
        }
        if (part.type !== "finish") return Effect.void
        const { inputTokens, outputTokens } = part.usage
        used = { input: inputTokens.total ?? used.input, output: outputTokens.total ?? estimate(text) }
        return part.reason === "length" ? Effect.fail(fault(ChorusFault.cutShort)) : Effect.void
      }),
      // What has arrived is shown, also when nothing more comes.
      Effect.ensuring(rollup.finish)
    )
  })).pipe(
    Effect.catchTag("AiError", (error) =>
      Effect.andThen(
        Effect.logWarning(`model ${model} of ${provider} failed: ${error.message}`),
        Effect.fail(fault(ChorusFault.fromModel(error)))
      ))
  )

  const output = ChorusParse.parse(run, priors, text)
  if (Result.isFailure(output)) return yield* fault(ChorusFault.fromAnswer(output.failure))
  const latency = Math.max(0, Math.round((yield* Clock.currentTimeMillis) - started))
  return {
    output: open(opening, output.success),
    usage: {
      provider,
      model,
      input_tokens: used.input,
      output_tokens: used.output,
      latency_ms: latency,
      cost: null
    }
  }
})

const fault = (reason: ErrorState): ChorusError => new ChorusError({ reason })

/** The record says what the stream said: the note first. */
const open = (opening: string, output: Output): Output =>
  output._tag === "experience" ? { ...output, synthesis: opening + output.synthesis } : output

/** Tokens, where a provider does not count them: about four characters each. */
const estimate = (text: string): number => Math.ceil(text.length / 4)
