/** Models of any endpoint with OpenAI's chat completions and embeddings: OpenAI, vLLM, Ollama, llama.cpp, gateways. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { Layer, Redacted } from "effect"
import { type EmbeddingModel, LanguageModel } from "effect/ai"
import * as AiSdk from "./AiSdk.ts"
import { cappedFetch } from "./CappedFetch.ts"
import { dropInvalidUsage } from "./InvalidUsage.ts"

/** An endpoint and a model. `url` is the part before `/chat/completions`, often ending in `/v1`. */
export interface Endpoint {
  readonly url: string
  /** Undefined if the endpoint requires none. */
  readonly key?: Redacted.Redacted | undefined
  readonly model: string
  readonly limits?: Partial<AiSdk.ModelLimits> | undefined
}

/** The endpoint's chat model. */
export const layer = (endpoint: Endpoint): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    AiSdk.languageModel(makeProvider(endpoint).chatModel(endpoint.model), toModelOptions(endpoint))
  )

/** The endpoint's embedding model. Vectors of another length than `dimensions` are an error (STO8). */
export const openAiEmbeddingLayer = (
  endpoint: Endpoint & { readonly dimensions: number }
): Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions> =>
  AiSdk.embeddingLayer(
    makeProvider(endpoint).embeddingModel(endpoint.model),
    endpoint.dimensions,
    toModelOptions(endpoint)
  )

const makeProvider = ({ key, url }: Endpoint) =>
  createOpenAICompatible({
    name: "openai-compatible",
    baseURL: url,
    includeUsage: true,
    fetch: dropInvalidUsage(cappedFetch),
    ...(key === undefined ? {} : { apiKey: Redacted.value(key) })
  })

const toModelOptions = ({ key, limits }: Endpoint): AiSdk.ModelOptions => ({
  limits,
  secrets: key === undefined || Redacted.value(key) === "" ? [] : [Redacted.value(key)]
})
