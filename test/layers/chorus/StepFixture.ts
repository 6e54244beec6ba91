/** One step of a run, with a model that does as it is told: for the tests of what carries steps out. */
import { Effect, Layer, References, Stream } from "effect"
import { AiError } from "effect/ai"
import type { ChorusState } from "../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import * as Models from "../../../src/layers/chorus/Models.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { fakeModelLayer, fakePriorsLayer, finishPart, type StreamPart } from "./FakeModel.ts"
import { priors } from "./RunFixture.ts"

export type ModelScript = Parameters<typeof fakeModelLayer>[0]

/** One step with a scripted model, and the pieces that were shown. */
export const runStep = Effect.fnUntraced(
  function*(run: ChorusState, pieces: Array<string> = []) {
    const { step } = yield* Chorus
    return yield* step(run, (piece) => Effect.sync(() => void pieces.push(piece))).pipe(
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  }
)

export const chorusWithModel = (script: ModelScript, find = fakePriorsLayer(() => Effect.succeed(priors))) =>
  ChorusLive.layer.pipe(Layer.provide([fakeModelLayer(script), find]))

export const streamsParts = (...parts: ReadonlyArray<StreamPart>): ModelScript => () =>
  Stream.fromIterable([...parts, finishPart()])

export const failsWith = (reason: AiError.AiErrorReason): ModelScript => () =>
  Stream.fail(AiError.make({ module: "test", method: "streamText", reason }))

export const authenticationError = new AiError.AuthenticationError({ kind: "InvalidKey" })
export const providerError = new AiError.InternalProviderError({ description: "secret insides" })

export const offlineChorus = ChorusLive.layer.pipe(
  Layer.provide([Models.layer({}), fakePriorsLayer(() => Effect.succeed(priors))])
)
