/** Which models answer and embed: an OpenAI-compatible endpoint where one is configured, the built-in ones elsewhere. */
import { Context, Layer } from "effect"
import type { EmbeddingModel, LanguageModel } from "effect/ai"
import * as ExtractiveModel from "../../domain/chorus/extractive/ExtractiveModel.ts"
import * as HashEmbedding from "../../domain/search/HashEmbedding.ts"
import * as Extractive from "./Extractive.ts"
import * as HashingEmbedder from "./HashingEmbedder.ts"
import * as OpenAiCompatible from "./OpenAiCompatible.ts"

/** What is said about the models that are in use. */
export class ModelInfo extends Context.Service<ModelInfo, {
  readonly provider: string
  readonly model: string
  /** The language model is the built-in one, which quotes and does not reason. */
  readonly offline: boolean
  /** Names the embedder and its version: vectors of another name must be made again. */
  readonly embedder: string
  readonly dimensions: number
}>()("choir/layers/chorus/Models/ModelInfo") {}

/** What is configured; each half that is left out is built in. */
export interface ModelsConfig {
  readonly llm?: OpenAiCompatible.Endpoint | undefined
  readonly embed?: (OpenAiCompatible.Endpoint & { readonly dimensions: number }) | undefined
}

/** The models, and what they are called. */
export const layer = (
  { embed, llm }: ModelsConfig
): Layer.Layer<
  LanguageModel.LanguageModel | EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions | ModelInfo
> =>
  Layer.mergeAll(
    llm === undefined ? Extractive.layer : OpenAiCompatible.layer(llm),
    embed === undefined ? HashingEmbedder.layer : OpenAiCompatible.embeddingLayer(embed),
    Layer.succeed(ModelInfo, {
      provider: llm === undefined ? "choir" : "openai-compatible",
      model: llm === undefined ? ExtractiveModel.modelName : llm.model,
      offline: llm === undefined,
      embedder: embed === undefined ? HashEmbedding.modelName : `openai-compatible/${embed.model}`,
      dimensions: embed === undefined ? HashEmbedding.dimensions : embed.dimensions
    })
  )
