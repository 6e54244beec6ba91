/** Language models for tests, scripted part by part. */
import { Effect, Layer, Stream } from "effect"
import { type AiError, LanguageModel, type Response } from "effect/ai"
import type { ChorusState, Prior } from "../../../src/domain/chorus/Chorus.ts"
import { ModelInfo } from "../../../src/layers/chorus/Models.ts"
import { Priors, type PriorsUnavailable } from "../../../src/services/Priors.ts"

export type Part = Response.StreamPartEncoded

export const delta = (text: string): Part => ({ type: "text-delta", id: "0", delta: text })

export const finish = (reason: "stop" | "length" = "stop"): Part => ({
  type: "finish",
  reason,
  usage: { inputTokens: { total: 12 }, outputTokens: { total: 34 } }
})

/** Answers with what `script` makes of the user text. */
export const model = (
  script: (prompt: { readonly system: string; readonly user: string }) => Stream.Stream<Part, AiError.AiError>
): Effect.Effect<LanguageModel.LanguageModel> =>
  LanguageModel.make({
    generateText: () => Effect.die("the Chorus streams"),
    streamText: ({ prompt }) => {
      const said = { system: "", user: "" }
      for (const message of prompt.content) {
        if (message.role === "system") said.system += message.content
        if (message.role === "user") {
          said.user += message.content.map((part) => part.type === "text" ? part.text : "").join("")
        }
      }
      return Stream.concat(Stream.succeed<Part>({ type: "text-start", id: "0" }), script(said))
    }
  })

export const modelLayer = (script: Parameters<typeof model>[0]): Layer.Layer<LanguageModel.LanguageModel | ModelInfo> =>
  Layer.merge(
    Layer.effect(LanguageModel.LanguageModel, model(script)),
    Layer.succeed(ModelInfo, { provider: "fake", model: "fake-1", offline: false, embedder: "fake", dimensions: 1 })
  )

export const priorsLayer = (
  find: (text: string, reader: ChorusState["asker"]) => Effect.Effect<ReadonlyArray<Prior>, PriorsUnavailable>
): Layer.Layer<Priors> => Layer.succeed(Priors, { find })
