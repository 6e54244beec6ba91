/** The built-in embedding model over `domain/search/HashEmbedding`. */
import { Effect, Layer, Result } from "effect"
import { AiError, EmbeddingModel } from "effect/ai"
import * as HashEmbedding from "../../domain/search/HashEmbedding.ts"

/** Embeds without a key and without a network. A text without any character to embed is a typed failure (STO8). */
export const layer: Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions> = Layer.merge(
  Layer.effect(
    EmbeddingModel.EmbeddingModel,
    EmbeddingModel.make({
      embedMany: ({ inputs }) =>
        Effect.map(
          Effect.forEach(inputs, (input) => Effect.fromResult(Result.mapError(HashEmbedding.embed(input), toAiError))),
          (results) => ({ results, usage: { inputTokens: undefined } })
        )
    })
  ),
  Layer.succeed(EmbeddingModel.Dimensions, HashEmbedding.dimensions)
)

const toAiError = (error: HashEmbedding.EmptyText): AiError.AiError =>
  AiError.make({
    module: "choir/HashingEmbedder",
    method: "embedMany",
    reason: new AiError.InvalidUserInputError({ description: error.message })
  })
