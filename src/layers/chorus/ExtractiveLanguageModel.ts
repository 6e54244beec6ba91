/** The built-in language model (CHO12) over `domain/chorus/extractive/ExtractiveModel`. */
import { Effect, Layer, Stream } from "effect"
import { LanguageModel, type Prompt, type Response } from "effect/ai"
import * as ExtractiveModel from "../../domain/chorus/extractive/ExtractiveModel.ts"

/** Answers word by word, without a key and without a network. */
export const layer: Layer.Layer<LanguageModel.LanguageModel> = Layer.effect(
  LanguageModel.LanguageModel,
  LanguageModel.make({
    generateText: ({ prompt }) =>
      Effect.sync((): Array<Response.PartEncoded> => {
        const [text, finish] = generateAnswer(prompt)
        return [{ type: "text", text }, finish]
      }),
    streamText: ({ prompt }) =>
      Stream.suspend(() => {
        const [text, finish] = generateAnswer(prompt)
        return Stream.fromIterable<Response.StreamPartEncoded>([
          { type: "text-start", id: "0" },
          ...ExtractiveModel.streamChunks(text).map((delta) => ({ type: "text-delta", id: "0", delta }) as const),
          { type: "text-end", id: "0" },
          finish
        ])
      })
  })
)

const generateAnswer = (prompt: Prompt.Prompt): readonly [string, Response.FinishPartEncoded] => {
  const user = prompt.content.map((message) =>
    message.role === "user" ? message.content.map((part) => part.type === "text" ? part.text : "").join("") : ""
  ).join("\n")
  const text = ExtractiveModel.generateAnswer(user)
  const usage = {
    inputTokens: { total: ExtractiveModel.countTokens(user) },
    outputTokens: { total: ExtractiveModel.countTokens(text) }
  }
  return [text, { type: "finish", reason: "stop", usage }]
}
