/** Models of any endpoint with OpenAI's chat completions and embeddings: OpenAI, vLLM, Ollama, llama.cpp, gateways. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { Layer, Redacted } from "effect"
import { type EmbeddingModel, LanguageModel } from "effect/ai"
import * as AiSdk from "./AiSdk.ts"
import { cappedFetch } from "./CappedFetch.ts"
import type { Endpoint } from "./Endpoint.ts"
import { makeEndpointFetch } from "./EndpointFetch.ts"
import { dropInvalidUsage } from "./InvalidUsage.ts"
import { LifeSigns } from "./LifeSigns.ts"

/** The endpoint's chat model. */
export const layer = (endpoint: Endpoint): Layer.Layer<LanguageModel.LanguageModel> => {
  const lifeSigns = new LifeSigns()
  return Layer.effect(
    LanguageModel.LanguageModel,
    AiSdk.languageModel(makeProvider(endpoint, lifeSigns).chatModel(endpoint.model), {
      ...toModelOptions(endpoint),
      lifeSigns
    })
  )
}

/** The endpoint's embedding model. Vectors of another length than `dimensions` are an error (STO8). */
export const openAiEmbeddingLayer = (
  endpoint: Endpoint & { readonly dimensions: number }
): Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions> =>
  AiSdk.embeddingLayer(
    makeProvider(endpoint, new LifeSigns()).embeddingModel(endpoint.model),
    endpoint.dimensions,
    toModelOptions(endpoint)
  )

const makeProvider = ({ key, url }: Endpoint, lifeSigns: LifeSigns) => {
  const { origin, pathname, searchParams } = new URL(url)
  const apiKey = key === undefined ? undefined : Redacted.value(key)
  return createOpenAICompatible({
    name: "openai-compatible",
    baseURL: origin + pathname,
    queryParams: Object.fromEntries(searchParams),
    includeUsage: true,
    fetch: dropInvalidUsage(makeEndpointFetch(cappedFetch, lifeSigns)),
    ...(apiKey === undefined ? {} : searchParams.has("api-version") ? { headers: { "api-key": apiKey } } : { apiKey })
  })
}

const toModelOptions = ({ key, limits }: Endpoint): AiSdk.ModelOptions => ({
  limits,
  secrets: key === undefined || Redacted.value(key) === "" ? [] : [Redacted.value(key)]
})
