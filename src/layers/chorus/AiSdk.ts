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
export interface Limits {
  /** Until the first piece of an answer. */
  readonly firstToken: Duration.Duration
  /** From one piece to the next. */
  readonly idle: Duration.Duration
  /** Of an answer's text, in UTF-16 units. */
  readonly text: number
  /** Until the vectors of one request are there. */
  readonly embedding: Duration.Duration
}

/** Defaults of FLT14 and FLT15, and of what an answer may weigh. */
export const limits: Limits = {
  firstToken: Duration.seconds(60),
  idle: Duration.seconds(60),
  text: 262_144,
  embedding: Duration.seconds(60)
}

/** What a model is made of. `secrets` never appear in an error. */
export interface Options {
  readonly limits?: Partial<Limits> | undefined
  readonly secrets?: ReadonlyArray<string> | undefined
}

/** `model` as an `effect/ai` language model. */
export const languageModel = (
  model: LanguageModelV4,
  options: Options = {}
): Effect.Effect<LanguageModel.LanguageModel> => {
  const stream = (asked: LanguageModel.ProviderOptions) =>
    streamText(model, { ...limits, ...options.limits }, options, asked)
  return LanguageModel.make({
    streamText: stream,
    generateText: (asked) =>
      Stream.runCollect(stream(asked)).pipe(
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
  options: Options = {}
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
  within: Limits,
  options: Options,
  asked: LanguageModel.ProviderOptions
): Stream.Stream<Response.StreamPartEncoded, AiError.AiError> =>
  Stream.unwrap(Effect.map(abortable, (signal) => {
    const failed = AiSdkError.from("streamText", options.secrets ?? [])
    const open = Effect.tryPromise({
      try: () => model.doStream({ prompt: messages(asked.prompt), abortSignal: signal }),
      catch: failed
    })
    let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined
    // Opens at the first call, so that the wait for the first piece covers the request itself.
    const next = Effect.gen(function*() {
      const from = reader ??= (yield* open).stream.getReader()
      for (;;) {
        const { value } = yield* Effect.tryPromise({ try: () => from.read(), catch: failed })
        if (value === undefined) return yield* AiSdkError.unusable("streamText", "the answer ended before its end")
        if (value.type === "error") return yield* failed(value.error)
        const part = encode(value)
        if (part?.type === "finish" && part.reason === "content-filter") return yield* AiSdkError.refused("streamText")
        if (part !== undefined) return part
      }
    })
    return Stream.paginate({ first: true, length: 0 }, ({ first, length }) => {
      const duration = first ? within.firstToken : within.idle
      return next.pipe(
        Effect.timeoutOrElse({ duration, orElse: () => Effect.fail(AiSdkError.silent("streamText", duration)) }),
        Effect.flatMap((part) => {
          const total = length + (part.type === "text-delta" || part.type === "reasoning-delta" ? part.delta.length : 0)
          return total > within.text
            ? Effect.fail(AiSdkError.unusable("streamText", `the answer is longer than ${within.text} characters`))
            : Effect.succeed([
              [part],
              part.type === "finish" ? Option.none() : Option.some({ first: false, length: total })
            ])
        })
      )
    })
  }))

/** A signal that fires when the scope closes. */
const abortable = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (controller) => Effect.sync(() => controller.abort())
  ),
  (controller) => controller.signal
)

/** System and text parts; the Chorus puts nothing else. */
const messages = (prompt: Prompt.Prompt): LanguageModelV4Prompt =>
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
const encode = (part: LanguageModelV4StreamPart): Response.StreamPartEncoded | undefined => {
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
  options: Options,
  inputs: ReadonlyArray<string>
) {
  if (inputs.some((input) => input.trim() === "")) {
    return yield* AiSdkError.badInput("embedMany", "there is no text to embed")
  }
  const failed = AiSdkError.from("embedMany", options.secrets ?? [])
  const size = yield* Effect.tryPromise({ try: () => Promise.resolve(model.maxEmbeddingsPerCall), catch: failed })
  const duration = options.limits?.embedding ?? limits.embedding
  const answers = yield* Effect.forEach(
    Arr.chunksOf(inputs, size ?? inputs.length),
    (values) =>
      Effect.tryPromise({ try: (signal) => model.doEmbed({ values, abortSignal: signal }), catch: failed }).pipe(
        Effect.timeoutOrElse({ duration, orElse: () => Effect.fail(AiSdkError.silent("embedMany", duration)) })
      )
  )
  const results = answers.flatMap(({ embeddings }) => embeddings)
  if (results.length !== inputs.length || results.some((vector) => !fits(vector, dimensions))) {
    return yield* AiSdkError.unusable("embedMany", `expected ${inputs.length} vectors of ${dimensions} numbers`)
  }
  return { results, usage: { inputTokens: answers.reduce((sum, { usage }) => sum + (usage?.tokens ?? 0), 0) } }
})

/** A vector of the right length that is not all zeros, which would be near to nothing. */
const fits = (vector: ReadonlyArray<number>, dimensions: number): boolean =>
  vector.length === dimensions && vector.every(Number.isFinite) && vector.some((x) => x !== 0)
