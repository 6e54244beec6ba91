/** One step of a run, with a model that does as it is told: for the tests of what carries steps out. */
import { Effect, Layer, References, Stream } from "effect"
import { AiError } from "effect/ai"
import type { ChorusState } from "../../../src/domain/chorus/Chorus.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import * as Models from "../../../src/layers/chorus/Models.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { finish, modelLayer, type Part, priorsLayer } from "./FakeModel.ts"
import { priors } from "./Runs.ts"

export type Script = Parameters<typeof modelLayer>[0]

/** One step with a scripted model, and the pieces that were shown. */
export const carryOut = Effect.fnUntraced(
  function*(run: ChorusState, pieces: Array<string> = []) {
    const { step } = yield* Chorus
    return yield* step(run, (piece) => Effect.sync(() => void pieces.push(piece))).pipe(
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  }
)

export const withModel = (script: Script, find = priorsLayer(() => Effect.succeed(priors))) =>
  ChorusLive.layer.pipe(Layer.provide([modelLayer(script), find]))

export const says = (...parts: ReadonlyArray<Part>): Script => () => Stream.fromIterable([...parts, finish()])

export const fails = (reason: AiError.AiErrorReason): Script => () =>
  Stream.fail(AiError.make({ module: "test", method: "streamText", reason }))

export const refusal = new AiError.AuthenticationError({ kind: "InvalidKey" })
export const outage = new AiError.InternalProviderError({ description: "secret insides" })

export const offline = ChorusLive.layer.pipe(
  Layer.provide([Models.layer({}), priorsLayer(() => Effect.succeed(priors))])
)
