/** A model for a single step, a fallback, and the built-in model (CHO12). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { displayText } from "../../../src/domain/chorus/ChorusOutput.ts"
import * as ExtractiveModel from "../../../src/domain/chorus/extractive/ExtractiveModel.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { formatModelAnswer, makeRunAt, stepData } from "../../support/RunFixture.ts"
import { makeFakeModel, textDelta } from "./FakeModel.ts"
import {
  authenticationError,
  chorusWithModel,
  failsWith,
  type ModelScript,
  offlineChorus,
  providerError,
  runStep,
  streamsParts
} from "./StepFixture.ts"

describe("ChorusLive: choice of the model", () => {
  const alternatives = (
    main: ModelScript,
    options: { readonly fallback?: ModelScript; readonly update?: ModelScript }
  ) =>
    Layer.unwrap(Effect.gen(function*() {
      const choice = (script: ModelScript, name: string) =>
        Effect.map(makeFakeModel(script), (languageModel) => ({ languageModel, provider: "other", model: name }))
      return chorusWithModel(main).pipe(Layer.provide(Layer.succeed(ChorusLive.ModelOverrides, {
        fallback: options.fallback === undefined ? undefined : yield* choice(options.fallback, "spare"),
        steps: options.update === undefined ? {} : { update: yield* choice(options.update, "small") }
      })))
    }))

  it.effect("[CHO12] the fallback answers where a retry is useless, and from the third attempt on", () =>
    Effect.gen(function*() {
      const fallback = streamsParts(textDelta(formatModelAnswer("Spare.", stepData.action)))
      const model = (main: ModelScript, attempt: number) =>
        runStep(makeRunAt("action", 0, { attempt })).pipe(
          Effect.provide(alternatives(main, { fallback })),
          Effect.map(({ usage }) => usage.model)
        )
      assert.strictEqual(yield* model(failsWith(authenticationError), 0), "spare")
      assert.strictEqual((yield* Effect.flip(model(failsWith(providerError), 1))).reason._tag, "AIError")
      assert.strictEqual(yield* model(failsWith(providerError), 2), "spare")
    }))

  it.effect("[CHO12] the fallback does not replace an answer that was shown in part", () => {
    const half: ModelScript = (prompt) =>
      Stream.concat(Stream.make(textDelta("Half")), failsWith(authenticationError)(prompt))
    return Effect.gen(function*() {
      const pieces: Array<string> = []
      const error = yield* Effect.flip(runStep(makeRunAt("action"), pieces))
      assert.isFalse(error.retryable)
      assert.deepStrictEqual(pieces, ["Half"])
    }).pipe(
      Effect.provide(
        alternatives(half, { fallback: streamsParts(textDelta(formatModelAnswer("Spare.", stepData.action))) })
      )
    )
  })

  it.effect("[CHO12] a step can have its own model", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* runStep(makeRunAt("update"))).usage.model, "small")
      assert.strictEqual((yield* Effect.flip(runStep(makeRunAt("action")))).reason._tag, "AIError")
    }).pipe(
      Effect.provide(
        alternatives(failsWith(providerError), {
          update: streamsParts(textDelta(formatModelAnswer("Small.", stepData.update)))
        })
      )
    ))

  it.effect("[CHO12] without a key the built-in model answers, and its answer states so", () =>
    Effect.gen(function*() {
      const { modelInfo } = yield* Chorus
      assert.deepStrictEqual(modelInfo, { model: ExtractiveModel.modelName, offline: true })
      const pieces: Array<string> = []
      const { output } = yield* runStep(makeRunAt("yield"), pieces)
      assert.include(pieces.join(""), ExtractiveModel.disclaimer)
      assert.strictEqual(displayText(output), pieces.join(""))
      assert.include(pieces.join(""), "Steep green tea at 80 degrees. [1]")
    }).pipe(Effect.provide(offlineChorus)))
})
