import {
  APICallError,
  type EmbeddingModelV4,
  type LanguageModelV4,
  type LanguageModelV4StreamPart
} from "@ai-sdk/provider"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Stream } from "effect"
import { EmbeddingModel } from "effect/ai"
import { TestClock } from "effect/testing"
import * as AiSdk from "../../../src/layers/chorus/AiSdk.ts"
import { LifeSigns } from "../../../src/layers/chorus/LifeSigns.ts"

type Pull = (controller: ReadableStreamDefaultController<LanguageModelV4StreamPart>) => void | Promise<void>

/** A provider whose stream is `pull`, and whether it was aborted. */
const makeProvider = (pull: Pull, doStream?: LanguageModelV4["doStream"]) => {
  const seen: { signal?: AbortSignal | undefined; options?: Parameters<LanguageModelV4["doStream"]>[0] } = {}
  const model: LanguageModelV4 = {
    specificationVersion: "v4",
    provider: "fake",
    modelId: "fake",
    supportedUrls: {},
    doGenerate: () => Promise.reject(new TypeError("the adapter streams")),
    doStream: (options) => {
      seen.signal = options.abortSignal
      seen.options = options
      return doStream?.(options) ?? Promise.resolve({ stream: new ReadableStream({ pull }) })
    }
  }
  return { model, seen }
}

/** Gives its parts one by one, then nothing for ever. */
const streamOf = (...parts: ReadonlyArray<LanguageModelV4StreamPart>): Pull => {
  const left = [...parts]
  return (controller) => {
    const part = left.shift()
    if (part === undefined) return Promise.withResolvers<void>().promise
    controller.enqueue(part)
    return undefined
  }
}

const delta = (text: string): LanguageModelV4StreamPart => ({ type: "text-delta", id: "0", delta: text })
const finish = (unified: "stop" | "content-filter" = "stop"): LanguageModelV4StreamPart => ({
  type: "finish",
  finishReason: { unified, raw: unified },
  usage: {
    inputTokens: { total: 3, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 4, text: undefined, reasoning: undefined }
  }
})

/** The text of an answer and how it ended. */
const streamOnce = Effect.fnUntraced(function*(model: LanguageModelV4, options: AiSdk.ModelOptions = {}) {
  const languageModel = yield* AiSdk.languageModel(model, options)
  let text = ""
  let usage: unknown
  const exit = yield* languageModel.streamText({
    prompt: [{ role: "system", content: "S" }, { role: "user", content: "U" }]
  }).pipe(
    Stream.runForEach((part) =>
      Effect.sync(() => {
        if (part.type === "text-delta") text += part.delta
        if (part.type === "finish") usage = [part.usage.inputTokens.total, part.usage.outputTokens.total]
      })
    ),
    Effect.result
  )
  return { text, usage, fault: exit._tag === "Failure" ? exit.failure.reason._tag : "none" }
})

describe("AiSdk language model", () => {
  it.live("[CHO12] system and user prompt reach the provider; its text and usage are returned", () =>
    Effect.gen(function*() {
      const { model, seen } = makeProvider(
        streamOf({ type: "stream-start", warnings: [] }, delta("a"), delta("b"), finish())
      )
      assert.deepStrictEqual(yield* streamOnce(model), { text: "ab", usage: [3, 4], fault: "none" })
      assert.deepStrictEqual(seen.options?.prompt, [
        { role: "system", content: "S" },
        { role: "user", content: [{ type: "text", text: "U" }] }
      ])
    }))

  it.live("`generateText` returns the whole text", () =>
    Effect.gen(function*() {
      const { model } = makeProvider(streamOf(delta("a"), delta("b"), finish()))
      const languageModel = yield* AiSdk.languageModel(model)
      assert.strictEqual((yield* languageModel.generateText({ prompt: "U" })).text, "ab")
    }))

  const timeouts = [
    { name: "does not respond to the request", pull: streamOf(), hangs: true },
    { name: "opens a stream and sends nothing", pull: streamOf({ type: "stream-start", warnings: [] }), hangs: false },
    { name: "stalls in the middle of the stream", pull: streamOf(delta("a")), hangs: false }
  ]
  it.effect.each(timeouts)(
    "[FLT14] [FLT15] a provider that $name times out after exactly 60 s",
    ({ hangs, pull }) =>
      Effect.gen(function*() {
        const { model, seen } = makeProvider(pull, hangs ? () => Promise.withResolvers<never>().promise : undefined)
        const fiber = yield* Effect.forkChild(streamOnce(model), { startImmediately: true })
        // Promises of the fake provider settle before virtual time moves.
        yield* Effect.promise(() => new ReadableStream({ start: (c) => c.close() }).getReader().closed)
        yield* settle
        yield* TestClock.adjust("59999 millis")
        yield* settle
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* Fiber.join(fiber)).fault, "NetworkError")
        assert.isTrue(seen.signal?.aborted)
      })
  )

  it.effect("[FLT14] [FLT15] an endpoint that shows signs of life is waited for, up to a limit", () =>
    Effect.gen(function*() {
      const { model, seen } = makeProvider(streamOf())
      const lifeSigns = new LifeSigns()
      const limits = { firstTokenTimeout: Duration.seconds(10), keepAliveLimit: Duration.seconds(60) }
      const fiber = yield* Effect.forkChild(streamOnce(model, { lifeSigns, limits }), { startImmediately: true })
      yield* settle
      for (let seconds = 6; seconds < 60; seconds += 6) {
        yield* TestClock.adjust("6 seconds")
        lifeSigns.notify(seen.signal)
      }
      yield* TestClock.adjust("5999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      lifeSigns.notify(seen.signal)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).fault, "NetworkError")
      assert.isTrue(seen.signal?.aborted)
    }))

  it.live("[CHO8] an interruption aborts the request", () =>
    Effect.gen(function*() {
      const { model, seen } = makeProvider(streamOf(delta("a")))
      const fiber = yield* Effect.forkChild(streamOnce(model), { startImmediately: true })
      yield* settle
      assert.isFalse(seen.signal?.aborted)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(seen.signal?.aborted)
    }))

  it.live("[FLT16] [SEC32] a stream without the provider's end event is a failure, and so is an oversized answer", () =>
    Effect.gen(function*() {
      const cut = makeProvider((controller) => controller.close())
      assert.strictEqual((yield* streamOnce(cut.model)).fault, "InvalidOutputError")
      const endless = makeProvider((controller) => controller.enqueue(delta("x".repeat(1_000))))
      const { fault, text } = yield* streamOnce(endless.model, { limits: { maxTextLength: 10_000 } })
      assert.deepStrictEqual([fault, text.length], ["InvalidOutputError", 10_000])
      assert.isTrue(endless.seen.signal?.aborted)
    }))
})

describe("AiSdk language model: failures", () => {
  const api = (
    statusCode: number | undefined,
    more: { readonly responseHeaders?: Record<string, string>; readonly responseBody?: string } = {}
  ) =>
    new APICallError({
      message: "message with sk-secret",
      url: "u",
      requestBodyValues: {},
      ...(statusCode === undefined ? {} : { statusCode }),
      ...more
    })

  it.live.each(
    [
      [api(undefined), "NetworkError", true],
      [new TypeError("terminated"), "NetworkError", true],
      [api(408), "NetworkError", true],
      [api(400), "InvalidRequestError", false],
      [api(401), "AuthenticationError", false],
      [api(402), "QuotaExhaustedError", false],
      [api(403), "AuthenticationError", false],
      [api(404), "InvalidRequestError", false],
      [api(413), "InvalidRequestError", false],
      [api(429, { responseHeaders: { "retry-after": "7" } }), "RateLimitError", true],
      [api(429, { responseBody: "{\"error\":{\"code\":\"insufficient_quota\"}}" }), "QuotaExhaustedError", false],
      [api(500), "InternalProviderError", true],
      [api(529), "InternalProviderError", true],
      [{ message: "overloaded sk-secret", type: "overloaded_error" }, "RateLimitError", true],
      [{ message: "boom sk-secret", type: "server_error" }, "InternalProviderError", true]
    ] as const
  )("[FLT17] %s is %s", ([error, fault, retryable]) =>
    Effect.gen(function*() {
      const early = makeProvider(streamOf(), () => Promise.reject(error))
      const late = makeProvider(streamOf(delta("a"), { type: "error", error }))
      for (const { model } of [early, late]) {
        const languageModel = yield* AiSdk.languageModel(model, { secrets: ["sk-secret"] })
        const failure = yield* Effect.flip(Stream.runDrain(languageModel.streamText({ prompt: "U" })))
        assert.strictEqual(failure.reason._tag, fault)
        assert.strictEqual(failure.isRetryable, retryable)
        assert.notInclude(JSON.stringify(failure), "sk-secret")
        if ("responseHeaders" in error && error.responseHeaders !== undefined) {
          assert.deepStrictEqual(failure.retryAfter, Duration.seconds(7))
        }
      }
    }))

  it.live("[FLT17] a content filter is a ContentPolicyError", () =>
    Effect.gen(function*() {
      const { model } = makeProvider(streamOf(delta("a"), finish("content-filter")))
      assert.strictEqual((yield* streamOnce(model)).fault, "ContentPolicyError")
    }))
})

describe("AiSdk embedding model", () => {
  const embedder = (
    doEmbed: (values: ReadonlyArray<string>) => Array<Array<number>>,
    calls: Array<number> = []
  ): EmbeddingModelV4 => ({
    specificationVersion: "v4",
    provider: "fake",
    modelId: "fake",
    maxEmbeddingsPerCall: 2,
    supportsParallelCalls: true,
    doEmbed: ({ values }) => {
      calls.push(values.length)
      return Promise.resolve({ embeddings: doEmbed(values), warnings: [] })
    }
  })
  const embed = (model: EmbeddingModelV4, texts: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const { embedMany } = yield* EmbeddingModel.EmbeddingModel
      return (yield* embedMany(texts)).embeddings.map(({ vector }) => vector)
    }).pipe(Effect.provide(AiSdk.embeddingLayer(model, 2)))

  it.live("texts are embedded in order, in requests of the provider's batch size", () =>
    Effect.gen(function*() {
      const calls: Array<number> = []
      const model = embedder((values) => values.map((value) => [value.length, 1]), calls)
      assert.deepStrictEqual(yield* embed(model, ["a", "bb", "ccc"]), [[1, 1], [2, 1], [3, 1]])
      assert.deepStrictEqual(calls, [2, 1])
    }))

  it.live.each([[[1, 2, 3]], [[0, 0]], [[Number.NaN, 1]], []])(
    "[STO8] the vectors %j are a failure",
    (vectors) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(embed(embedder(() => vectors), ["a"]))
        assert.isTrue(Exit.isFailure(exit))
      })
  )

  it.live("[STO8] an empty text is a failure, and the provider is not called", () =>
    Effect.gen(function*() {
      const calls: Array<number> = []
      const error = yield* Effect.flip(embed(embedder(() => [[1, 1]], calls), [" "]))
      assert.strictEqual(error.reason._tag, "InvalidUserInputError")
      assert.deepStrictEqual(calls, [])
    }))
})

/** One turn of the event loop, without virtual time: promises and fibers that are ready continue. */
const settle = Effect.promise(() => {
  const { promise, resolve } = Promise.withResolvers<void>()
  setImmediate(resolve)
  return promise
})
