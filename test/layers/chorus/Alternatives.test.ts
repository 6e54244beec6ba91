/** A step of its own model, a fallback, and no model at all (CHO12). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { textOf } from "../../../src/domain/chorus/ChorusOutput.ts"
import * as Extract from "../../../src/domain/offline/Extract.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { delta, model } from "./FakeModel.ts"
import { carryOut, fails, offline, outage, refusal, says, type Script, withModel } from "./OneStep.ts"
import { answer, data, runAt } from "./Runs.ts"

describe("which model answers", () => {
  const alternatives = (
    main: Script,
    options: { readonly fallback?: Script; readonly update?: Script }
  ) =>
    Layer.unwrap(Effect.gen(function*() {
      const choice = (script: Script, name: string) =>
        Effect.map(model(script), (languageModel) => ({ languageModel, provider: "other", model: name }))
      return withModel(main).pipe(Layer.provide(Layer.succeed(ChorusLive.Alternatives, {
        fallback: options.fallback === undefined ? undefined : yield* choice(options.fallback, "spare"),
        steps: options.update === undefined ? {} : { update: yield* choice(options.update, "small") }
      })))
    }))

  it.effect("[CHO12] the fallback answers where another try is useless, and from the third try on", () =>
    Effect.gen(function*() {
      const fallback = says(delta(answer("Spare.", data.action)))
      const model = (main: Script, attempt: number) =>
        carryOut(runAt("action", 0, { attempt })).pipe(
          Effect.provide(alternatives(main, { fallback })),
          Effect.map(({ usage }) => usage.model)
        )
      assert.strictEqual(yield* model(fails(refusal), 0), "spare")
      assert.strictEqual((yield* Effect.flip(model(fails(outage), 1))).reason._tag, "AIError")
      assert.strictEqual(yield* model(fails(outage), 2), "spare")
    }))

  it.effect("[CHO12] no fallback takes over a text that has been shown", () => {
    const half: Script = (prompt) => Stream.concat(Stream.make(delta("Half")), fails(refusal)(prompt))
    return Effect.gen(function*() {
      const pieces: Array<string> = []
      const error = yield* Effect.flip(carryOut(runAt("action"), pieces))
      assert.isFalse(error.retryable)
      assert.deepStrictEqual(pieces, ["Half"])
    }).pipe(Effect.provide(alternatives(half, { fallback: says(delta(answer("Spare.", data.action))) })))
  })

  it.effect("[CHO12] a step can have a model of its own", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* carryOut(runAt("update"))).usage.model, "small")
      assert.strictEqual((yield* Effect.flip(carryOut(runAt("action")))).reason._tag, "AIError")
    }).pipe(Effect.provide(alternatives(fails(outage), { update: says(delta(answer("Small.", data.update))) }))))

  it.effect("[CHO12] without a key the offline model answers, and says so", () =>
    Effect.gen(function*() {
      const { describe } = yield* Chorus
      assert.deepStrictEqual(describe, { model: Extract.modelName, offline: true })
      const pieces: Array<string> = []
      const { output } = yield* carryOut(runAt("yield"), pieces)
      assert.include(pieces.join(""), Extract.notice)
      assert.strictEqual(textOf(output), pieces.join(""))
      assert.include(pieces.join(""), "Steep green tea at 80 degrees. [1]")
    }).pipe(Effect.provide(offline)))
})
