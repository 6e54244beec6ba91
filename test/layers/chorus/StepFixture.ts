/** One step of a run with a scripted model, for the tests of `ChorusLive`. */
import { Effect, Layer, References, Stream } from "effect"
import { AiError } from "effect/ai"
import type { PlainRun } from "../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import * as Models from "../../../src/layers/chorus/Models.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { priors } from "../../support/RunFixture.ts"
import { fakeModelLayer, fakePriorsLayer, finishPart, type StreamPart } from "./FakeModel.ts"

/** The parts that a fake model streams, by its prompt. */
export type ModelScript = Parameters<typeof fakeModelLayer>[0]

/** Carries out one step; `pieces` receives the text shown. */
export const runStep = Effect.fnUntraced(
  function*(run: PlainRun, pieces: Array<string> = []) {
    const { step } = yield* Chorus
    return yield* step(run, (piece) => Effect.sync(() => void pieces.push(piece))).pipe(
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  }
)

/** The Chorus over a scripted model; the priors are fixed unless `find` is given. */
export const chorusWithModel = (script: ModelScript, find = fakePriorsLayer(() => Effect.succeed(priors))) =>
  ChorusLive.layer.pipe(Layer.provide([fakeModelLayer(script), find]))

/** A model that streams these parts and ends. */
export const streamsParts = (...parts: ReadonlyArray<StreamPart>): ModelScript => () =>
  Stream.fromIterable([...parts, finishPart()])

/** A model that fails. */
export const failsWith = (reason: AiError.AiErrorReason): ModelScript => () =>
  Stream.fail(AiError.make({ module: "test", method: "streamText", reason }))

/** A failure that is not retryable. */
export const authenticationError = new AiError.AuthenticationError({ kind: "InvalidKey" })
/** A retryable failure, with a description that no user may see. */
export const providerError = new AiError.InternalProviderError({ description: "secret insides" })

/** The Chorus over the built-in models. */
export const offlineChorus = ChorusLive.layer.pipe(
  Layer.provide([Models.layer({}), fakePriorsLayer(() => Effect.succeed(priors))])
)
