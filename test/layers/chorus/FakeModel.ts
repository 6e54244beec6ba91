/** Fake language models, scripted part by part. */
import { Effect, Layer, Stream } from "effect"
import { type AiError, LanguageModel, type Response } from "effect/ai"
import type { ChorusState, Prior } from "../../../src/domain/chorus/ChorusModel.ts"
import { ModelInfo } from "../../../src/layers/chorus/Models.ts"
import { Priors, type PriorsUnavailable } from "../../../src/services/Priors.ts"

/** A part of a streamed answer. */
export type StreamPart = Response.StreamPartEncoded

/** A part with text. */
export const textDelta = (text: string): StreamPart => ({ type: "text-delta", id: "0", delta: text })

/** The last part, with a fixed usage. */
export const finishPart = (reason: "stop" | "length" = "stop"): StreamPart => ({
  type: "finish",
  reason,
  usage: { inputTokens: { total: 12 }, outputTokens: { total: 34 } }
})

/** A model that streams what `script` returns for a prompt. */
export const makeFakeModel = (
  script: (prompt: { readonly system: string; readonly user: string }) => Stream.Stream<StreamPart, AiError.AiError>
): Effect.Effect<LanguageModel.LanguageModel> =>
  LanguageModel.make({
    generateText: () => Effect.die("the Chorus streams"),
    streamText: ({ prompt }) => {
      const promptText = { system: "", user: "" }
      for (const message of prompt.content) {
        if (message.role === "system") promptText.system += message.content
        if (message.role === "user") {
          promptText.user += message.content.map((part) => part.type === "text" ? part.text : "").join("")
        }
      }
      return Stream.concat(Stream.succeed<StreamPart>({ type: "text-start", id: "0" }), script(promptText))
    }
  })

/** A fake model, and its name. */
export const fakeModelLayer = (
  script: Parameters<typeof makeFakeModel>[0]
): Layer.Layer<LanguageModel.LanguageModel | ModelInfo> =>
  Layer.merge(
    Layer.effect(LanguageModel.LanguageModel, makeFakeModel(script)),
    Layer.succeed(ModelInfo, { provider: "fake", model: "fake-1", offline: false, embedder: "fake", dimensions: 1 })
  )

/** A search for priors by `find`. */
export const fakePriorsLayer = (
  find: (text: string, thread: ChorusState["thread_id"]) => Effect.Effect<ReadonlyArray<Prior>, PriorsUnavailable>,
  awaitErased: (priors: ReadonlyArray<Prior>) => Effect.Effect<void> = () => Effect.never
): Layer.Layer<Priors> => Layer.succeed(Priors, { find, awaitErased })
