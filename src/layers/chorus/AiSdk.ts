/**
 * Models of any AI SDK provider package as `effect/ai` models.
 *
 * Text in, text out: no tools, no files. Never retries: whoever asks decides
 * (CHO6). Interruption aborts the provider's request. A stream ends well only
 * by the provider's own word, never because the connection ended.
 */
import type {
  EmbeddingModelV4,
  LanguageModelV4,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart
} from "@ai-sdk/provider"
import { Array as Arr, Duration, Effect, Layer, Option, Stream } from "effect"
import { type AiError, EmbeddingModel, LanguageModel, type Prompt, type Response } from "effect/ai"
import * as AiSdkError from "./AiSdkError.ts"

/** How long to wait and how much to take. */
export interface ModelLimits {
  /** Until the first piece of an answer. */
  readonly firstTokenTimeout: Duration.Duration
  /** From one piece to the next. */
  readonly idleTimeout: Duration.Duration
  /** Of an answer's text, in UTF-16 units. */
  readonly maxTextLength: number
  /** Until the vectors of one request are there. */
  readonly embeddingTimeout: Duration.Duration
}

/** Defaults of FLT14 and FLT15, and of what an answer may weigh. */
export const defaultLimits: ModelLimits = {
  firstTokenTimeout: Duration.seconds(60),
  idleTimeout: Duration.seconds(60),
  maxTextLength: 262_144,
  embeddingTimeout: Duration.seconds(60)
}

/** What a model is made of. `secrets` never appear in an error. */
export interface ModelOptions {
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
  Stream.unwrap(Effect.map(scopedAbortSignal, (signal) => {
    const toAiError = AiSdkError.fromProvider("streamText", options.secrets ?? [])
    const openStream = Effect.tryPromise({
      try: () => model.doStream({ prompt: toProviderPrompt(request.prompt), abortSignal: signal }),
      catch: toAiError
    })
    let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined
    // Opens at the first call, so that the wait for the first piece covers the request itself.
    const nextPart = Effect.gen(function*() {
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
    return Stream.paginate({ first: true, length: 0 }, ({ first, length }) => {
      const duration = first ? limits.firstTokenTimeout : limits.idleTimeout
      return nextPart.pipe(
        Effect.timeoutOrElse({
          duration,
          orElse: () => Effect.fail(AiSdkError.inactivityTimeout("streamText", duration))
        }),
        Effect.flatMap((part) => {
          const total = length + (part.type === "text-delta" || part.type === "reasoning-delta" ? part.delta.length : 0)
          return total > limits.maxTextLength
            ? Effect.fail(
              AiSdkError.invalidOutput("streamText", `the answer is longer than ${limits.maxTextLength} characters`)
            )
            : Effect.succeed([
              [part],
              part.type === "finish" ? Option.none() : Option.some({ first: false, length: total })
            ])
        })
      )
    })
  }))

/** A signal that fires when the scope closes. */
const scopedAbortSignal = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (controller) => Effect.sync(() => controller.abort())
  ),
  (controller) => controller.signal
)

/** System and text parts; the Chorus puts nothing else. */
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

/** The parts that show the provider at work; `undefined` for what it says beside the answer. */
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
          inputTokens: { total: part.usage.inputTokens.total },
          outputTokens: { total: part.usage.outputTokens.total }
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
  const duration = options.limits?.embeddingTimeout ?? defaultLimits.embeddingTimeout
  const responses = yield* Effect.forEach(
    Arr.chunksOf(inputs, batchSize ?? inputs.length),
    (values) =>
      Effect.tryPromise({ try: (signal) => model.doEmbed({ values, abortSignal: signal }), catch: toAiError }).pipe(
        Effect.timeoutOrElse({
          duration,
          orElse: () => Effect.fail(AiSdkError.inactivityTimeout("embedMany", duration))
        })
      )
  )
  const results = responses.flatMap(({ embeddings }) => embeddings)
  if (results.length !== inputs.length || results.some((vector) => !isUsableVector(vector, dimensions))) {
    return yield* AiSdkError.invalidOutput("embedMany", `expected ${inputs.length} vectors of ${dimensions} numbers`)
  }
  return { results, usage: { inputTokens: responses.reduce((sum, { usage }) => sum + (usage?.tokens ?? 0), 0) } }
})

/** A vector of the right length that is not all zeros, which would be near to nothing. */
const isUsableVector = (vector: ReadonlyArray<number>, dimensions: number): boolean =>
  vector.length === dimensions && vector.every(Number.isFinite) && vector.some((x) => x !== 0)
