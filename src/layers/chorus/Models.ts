/**
 * The language model and the embedding model of a server: OpenAI-compatible endpoints where they are configured, the
 * built-in ones elsewhere (CHO12).
 *
 * **When to use**
 *
 * To provide `LanguageModel`, `EmbeddingModel` and their names at once. Models of other providers are layers of
 * `effect/ai`; provide `ModelInfo` beside them.
 *
 * **Details**
 *
 * The built-in language model quotes sentences and does not reason; the built-in embedding model compares spelling.
 * Neither needs a key or a network.
 *
 * **Gotchas**
 *
 * Vectors of two embedding models cannot be compared: `ModelInfo.embedder` is part of the name of the collection, and
 * another embedder means another collection. `dimensions` has to be what the endpoint returns; other vectors are
 * errors.
 *
 * **Example**
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layers } from "choir"
 *
 * const program = Effect.gen(function*() {
 *   const { dimensions, embedder, model, offline } = yield* Layers.Models.ModelInfo
 *   console.log(model, offline, embedder, dimensions) // extractive-1 true hash-384-v1 384
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Layers.Models.layer({}))))
 * ```
 */
import { Context, Effect, Layer } from "effect"
import type { EmbeddingModel, LanguageModel } from "effect/ai"
import * as ExtractiveModel from "../../domain/chorus/extractive/ExtractiveModel.ts"
import * as HashEmbedding from "../../domain/search/HashEmbedding.ts"
import * as OptionalPackage from "../runtime/OptionalPackage.ts"
import type { Endpoint } from "./Endpoint.ts"
import * as ExtractiveLanguageModel from "./ExtractiveLanguageModel.ts"
import * as HashingEmbedder from "./HashingEmbedder.ts"

/** The names of the models in use. */
export class ModelInfo extends Context.Service<ModelInfo, {
  readonly provider: string
  readonly model: string
  /** Whether the language model is the built-in one, which quotes and does not reason. */
  readonly offline: boolean
  /** The embedding model and its version: vectors of another name cannot be compared with its own. */
  readonly embedder: string
  readonly dimensions: number
}>()("choir/layers/chorus/Models/ModelInfo") {}

/** The configured endpoints; a model without one is the built-in one. */
export interface ModelsConfig {
  readonly llm?: Endpoint | undefined
  readonly embed?: (Endpoint & { readonly dimensions: number }) | undefined
}

/** The AI SDK is an optional package, needed for endpoints alone. */
const loadOpenAiCompatible = OptionalPackage.load(
  "Layers.Models with an endpoint",
  "npm install @ai-sdk/openai-compatible@3 @ai-sdk/provider@4",
  () => import("./OpenAiCompatible.ts")
)

/** The models and their names. */
export const layer = (
  { embed, llm }: ModelsConfig
): Layer.Layer<
  LanguageModel.LanguageModel | EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions | ModelInfo,
  OptionalPackage.PackageNotInstalled
> =>
  Layer.mergeAll(
    llm === undefined
      ? ExtractiveLanguageModel.layer
      : Layer.unwrap(Effect.map(loadOpenAiCompatible, ({ layer }) => layer(llm))),
    embed === undefined
      ? HashingEmbedder.layer
      : Layer.unwrap(Effect.map(loadOpenAiCompatible, ({ openAiEmbeddingLayer }) => openAiEmbeddingLayer(embed))),
    Layer.succeed(ModelInfo, {
      provider: llm === undefined ? "choir" : "openai-compatible",
      model: llm === undefined ? ExtractiveModel.modelName : llm.model,
      offline: llm === undefined,
      embedder: embed === undefined ? HashEmbedding.modelName : `openai-compatible/${embed.model}`,
      dimensions: embed === undefined ? HashEmbedding.dimensions : embed.dimensions
    })
  )
