/**
 * Adapts the models of AI SDK provider packages to `effect/ai`: text in, text out, without tools and files.
 *
 * Retries nothing: the run machine decides (CHO6). Interruption aborts the provider's request. A stream is complete only
 * with the provider's own end event; a connection that ends before it is an error (FLT16).
 */
import type {
  EmbeddingModelV4,
  LanguageModelV4,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart
} from "@ai-sdk/provider"
import { Array as Arr, Clock, Duration, Effect, Layer, Option, Stream } from "effect"
import { type AiError, EmbeddingModel, LanguageModel, type Prompt, type Response } from "effect/ai"
import * as ModelStream from "../../domain/chorus/ModelStream.ts"
import { toTokenCount } from "../../domain/chorus/TokenCount.ts"
import * as EmbeddingOrder from "../../domain/search/EmbeddingOrder.ts"
import * as Vector from "../../domain/search/Vector.ts"
import * as AiSdkError from "./AiSdkError.ts"
import type { ModelLimits } from "./Endpoint.ts"
import type { LifeSigns } from "./LifeSigns.ts"

/** The limits unless a model is given others. */
const defaultLimits: ModelLimits = { ...ModelStream.defaultStreamLimits, embeddingTimeout: Duration.seconds(60) }

/** Limits of a model, the secrets that are redacted in its errors (SEC33), and where its signs of life are noticed. */
export interface ModelOptions {
  readonly lifeSigns?: LifeSigns | undefined
  readonly limits?: Partial<ModelLimits> | undefined
  readonly secrets?: ReadonlyArray<string> | undefined
}

/** `model` as an `effect/ai` language model. */
export const languageModel = (
  model: LanguageModelV4,
  options: ModelOptions = {}
): Effect.Effect<LanguageModel.LanguageModel> => {
  const stream = (request: LanguageModel.ProviderOptions) =>
    streamText(model, { ...defaultLimits, ...options.limits }, options, request)
  return LanguageModel.make({
    streamText: stream,
    generateText: (request) =>
      Stream.runCollect(stream(request)).pipe(
        Effect.map((parts): Array<Response.PartEncoded> => [
          { type: "text", text: parts.map((part) => part.type === "text-delta" ? part.delta : "").join("") },
          ...parts.filter((part) => part.type === "finish")
        ])
      )
  })
}

/** `model` as an `effect/ai` embedding model whose vectors have `dimensions` components. */
export const embeddingLayer = (
  model: EmbeddingModelV4,
  dimensions: number,
  options: ModelOptions = {}
): Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions> =>
  Layer.merge(
    Layer.effect(
      EmbeddingModel.EmbeddingModel,
      EmbeddingModel.make({ embedMany: ({ inputs }) => embedMany(model, dimensions, options, inputs) })
    ),
    Layer.succeed(EmbeddingModel.Dimensions, dimensions)
  )

// -- Text ----------------------------------------------------------------------

const streamText = (
  model: LanguageModelV4,
  limits: ModelLimits,
  options: ModelOptions,
  request: LanguageModel.ProviderOptions
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> =>
  Stream.unwrap(Effect.gen(function*() {
    const signal = yield* Effect.abortSignal
    const clock = yield* Clock.Clock
    let lastSignAt = 0
    options.lifeSigns?.listen(signal, () => {
      lastSignAt = Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    })
    const nextPart = makePartReader(model, signal, options, request)
    return Stream.paginate(ModelStream.notStarted, (progress) =>
      nextPart.pipe(
        AiSdkError.failWhenSilent("streamText", ModelStream.nextTimeout(progress, limits), limits, () => lastSignAt),
        Effect.flatMap((part) => {
          const next = ModelStream.receivePart(progress, part.type === "text-delta" ? part.delta : "", limits)
          return next === undefined
            ? Effect.fail(
              AiSdkError.invalidOutput("streamText", `the answer is longer than ${limits.maxTextLength} characters`)
            )
            : Effect.succeed([[part], part.type === "finish" ? Option.none() : Option.some(next)])
        })
      ))
  }))

/** The stream's next part. The first call opens the stream, so that the wait for the first part includes the request. */
const makePartReader = (
  model: LanguageModelV4,
  signal: AbortSignal,
  options: ModelOptions,
  request: LanguageModel.ProviderOptions
): Effect.Effect<Response.StreamPartEncoded, AiError.AiError> => {
  const toAiError = AiSdkError.fromProvider("streamText", options.secrets ?? [])
  const openStream = Effect.tryPromise({
    try: () => model.doStream({ prompt: toProviderPrompt(request.prompt), abortSignal: signal }),
    catch: toAiError
  })
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined
  return Effect.gen(function*() {
    const activeReader = reader ??= (yield* openStream).stream.getReader()
    for (;;) {
      const { value } = yield* Effect.tryPromise({ try: () => activeReader.read(), catch: toAiError })
      if (value === undefined) return yield* AiSdkError.invalidOutput("streamText", "the answer ended before its end")
      if (value.type === "error") return yield* toAiError(value.error)
      const part = encodePart(value)
      if (part?.type === "finish" && part.reason === "content-filter") {
        return yield* AiSdkError.contentFiltered("streamText")
      }
      if (part !== undefined) return part
    }
  })
}

/** The prompt's text parts; the Chorus sends no others. */
const toProviderPrompt = (prompt: Prompt.Prompt): LanguageModelV4Prompt =>
  prompt.content.flatMap((message): LanguageModelV4Prompt => {
    switch (message.role) {
      case "system":
        return [{ role: "system", content: message.content }]
      case "user":
      case "assistant": {
        const text = message.content.map((part) => part.type === "text" ? part.text : "").join("")
        return [{ role: message.role, content: [{ type: "text", text }] }]
      }
      case "tool":
        return []
    }
  })

/** The parts of an answer; undefined for a provider's metadata. */
const encodePart = (part: LanguageModelV4StreamPart): Response.StreamPartEncoded | undefined => {
  switch (part.type) {
    case "text-start":
    case "text-end":
      return { type: part.type, id: part.id }
    case "text-delta":
    case "reasoning-delta":
      return { type: part.type, id: part.id, delta: part.delta }
    case "finish":
      return {
        type: "finish",
        reason: part.finishReason.unified === "interrupted" ? "other" : part.finishReason.unified,
        usage: {
          inputTokens: { total: toTokenCount(part.usage.inputTokens.total) },
          outputTokens: { total: toTokenCount(part.usage.outputTokens.total) }
        }
      }
    default:
      return undefined
  }
}

// -- Vectors -------------------------------------------------------------------

const embedMany = Effect.fnUntraced(function*(
  model: EmbeddingModelV4,
  dimensions: number,
  options: ModelOptions,
  inputs: ReadonlyArray<string>
) {
  if (inputs.some((input) => input.trim() === "")) {
    return yield* AiSdkError.invalidInput("embedMany", "there is no text to embed")
  }
  const toAiError = AiSdkError.fromProvider("embedMany", options.secrets ?? [])
  const batchSize = yield* Effect.tryPromise({
    try: () => Promise.resolve(model.maxEmbeddingsPerCall),
    catch: toAiError
  })
  const responses = yield* Effect.forEach(
    Arr.chunksOf(inputs, batchSize ?? inputs.length),
    (values) =>
      Effect.tryPromise({ try: (signal) => model.doEmbed({ values, abortSignal: signal }), catch: toAiError }).pipe(
        AiSdkError.failAfter("embedMany", options.limits?.embeddingTimeout ?? defaultLimits.embeddingTimeout)
      )
  )
  const results = responses.flatMap(({ embeddings, response }) =>
    EmbeddingOrder.orderByIndex(embeddings, EmbeddingOrder.readIndices(response?.body)) ?? []
  )
  if (
    results.length !== inputs.length || results.some((vector) => Vector.findFault(vector, dimensions) !== undefined)
  ) {
    return yield* AiSdkError.invalidOutput("embedMany", `expected ${inputs.length} vectors of ${dimensions} numbers`)
  }
  return {
    results,
    usage: { inputTokens: toTokenCount(responses.reduce((sum, { usage }) => sum + (usage?.tokens ?? 0), 0)) }
  }
})
