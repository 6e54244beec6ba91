import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Redacted, References, Stream } from "effect"
import { EmbeddingModel, LanguageModel } from "effect/ai"
import { displayText } from "../../../src/domain/chorus/ChorusOutput.ts"
import { toErrorState } from "../../../src/domain/chorus/StepError.ts"
import { cappedFetch } from "../../../src/layers/chorus/CappedFetch.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import type { Endpoint } from "../../../src/layers/chorus/Endpoint.ts"
import { makeEndpointFetch } from "../../../src/layers/chorus/EndpointFetch.ts"
import { LifeSigns } from "../../../src/layers/chorus/LifeSigns.ts"
import * as Models from "../../../src/layers/chorus/Models.ts"
import * as OpenAiCompatible from "../../../src/layers/chorus/OpenAiCompatible.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { formatModelAnswer, makeRunAt, stepData } from "../../support/RunFixture.ts"
import { fakePriorsLayer } from "./FakeModel.ts"
import * as ProviderServer from "./ProviderServer.ts"

const answer = formatModelAnswer("Eighty degrees.", stepData.action)
const answerChunks = ProviderServer.textChunks(answer)
const { finishChunk, sendEvents, sendJson, usageChunk } = ProviderServer

const endpointAt = (url: string): Endpoint => ({ url, key: Redacted.make("sk-1"), model: "m" })

/** `steps` steps put to one model of the endpoint. */
const runSteps = Effect.fnUntraced(function*(url: string, steps = 1) {
  const layer = ChorusLive.layer.pipe(
    Layer.provide([Layer.orDie(Models.layer({ llm: endpointAt(url) })), fakePriorsLayer(() => Effect.succeed([]))])
  )
  return yield* Effect.gen(function*() {
    const { step } = yield* Chorus
    const responses = yield* Effect.replicateEffect(step(makeRunAt("action"), () => Effect.void), steps)
    return responses.map(({ output, usage }) => ({ output, text: displayText(output), usage }))
  }).pipe(Effect.provide(layer), Effect.provideService(References.MinimumLogLevel, "None"))
})

/** The error of a model of the endpoint, in its own words. */
const askForError = (url: string) =>
  Effect.flip(LanguageModel.LanguageModel.use((model) => Stream.runDrain(model.streamText({ prompt: "hello" })))).pipe(
    Effect.provide(OpenAiCompatible.layer(endpointAt(url)))
  )

describe("Providers: how an answer ends", () => {
  const endings: ReadonlyArray<readonly [string, ReadonlyArray<unknown>, number | undefined]> = [
    ["the usage, and a connection that stays open", [finishChunk, usageChunk], 6],
    ["usage in the finish chunk, and a connection that stays open", [{ ...finishChunk, usage: usageChunk.usage }], 6],
    ["[DONE] without usage, and a connection that stays open", [finishChunk, "data: [DONE]\n\n"], undefined],
    ["nothing, and a connection that stays open", [finishChunk], undefined],
    ["comments, and a connection that stays open", [finishChunk, ": still here\n\n"], undefined]
  ]
  it.live.each(endings)(
    "[FLT15] an answer is complete with its finish chunk: %s",
    ([, end, tokens]) =>
      Effect.gen(function*() {
        const closed = yield* Deferred.make<void>()
        const { url } = yield* ProviderServer.start((response) => {
          response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
          sendEvents(response, ...answerChunks, ...end)
        })
        const [response] = yield* runSteps(url)
        assert.strictEqual(response?.text, "Eighty degrees.")
        if (tokens !== undefined) assert.strictEqual(response?.usage.output_tokens, tokens)
        yield* Deferred.await(closed)
      })
  )

  it.live("[FLT15] [FLT16] a finish reason that is empty, or that the text mentions, is no end", () =>
    Effect.gen(function*() {
      const quoted = formatModelAnswer(
        "It ends with \"finish_reason\": \"stop\", \"usage\": {} and data: [DONE].",
        stepData.action
      )
      const [first, ...others] = ProviderServer.textChunks(quoted)
      const { url } = yield* ProviderServer.start((response) => {
        sendEvents(response, {
          ...finishChunk,
          choices: [{ index: 0, delta: {}, finish_reason: "" }],
          usage: usageChunk.usage
        }, first)
        setImmediate(() => sendEvents(response, ...others, finishChunk, usageChunk))
      })
      const [response] = yield* runSteps(url)
      assert.include(response?.text, "data: [DONE].")
    }))

  it.live("[CHO5] reasoning in the text, as Ollama and llama.cpp stream it, is no part of the answer", () =>
    Effect.gen(function*() {
      const thinking = "The format is a text, <<<data>>> and {\"confidence\": 0.1}. ".repeat(200)
      const { url } = yield* ProviderServer.start((response) =>
        sendEvents(
          response,
          ...ProviderServer.textChunks(`<think>\n${thinking}\n</think>\n\n${answer}`),
          finishChunk,
          usageChunk
        )
      )
      const [response] = yield* runSteps(url)
      assert.deepStrictEqual(response?.output, {
        _tag: "action",
        proposed_response: "Eighty degrees.",
        confidence: 0.6,
        reasoning: "because"
      })
    }))

  it.live("[FLT14] all that an endpoint sends is a sign of life, comments included", () =>
    Effect.gen(function*() {
      const { url } = yield* ProviderServer.start((response) => sendEvents(response, ": PROCESSING\n\n"))
      const lifeSigns = new LifeSigns()
      const { signal } = new AbortController()
      let signs = 0
      lifeSigns.listen(signal, () => signs++)
      const response = yield* Effect.promise(() =>
        makeEndpointFetch(cappedFetch, lifeSigns)(url, { method: "POST", body: "{}", signal })
      )
      const reader = response.body?.getReader()
      yield* Effect.promise(() => reader?.read() ?? Promise.reject(new TypeError("no body")))
      assert.strictEqual(signs, 2)
      yield* Effect.promise(() => reader?.cancel() ?? Promise.resolve())
    }))
})

describe("Providers: what they refuse", () => {
  const optionRefusals: ReadonlyArray<readonly [number, unknown]> = [
    [400, {
      error: { message: "Unrecognized request argument supplied: stream_options", type: "invalid_request_error" }
    }],
    [422, {
      detail: [{ type: "extra_forbidden", loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }]
    }]
  ]
  it.live.each(optionRefusals)(
    "[CHO12] an endpoint that refuses stream_options with %j is asked without them from then on",
    ([status, refusal]) =>
      Effect.gen(function*() {
        const { requests, url } = yield* ProviderServer.start((response, { body }) => {
          if ("stream_options" in body) return sendJson(response, status, refusal)
          sendEvents(response, ...answerChunks, finishChunk, "data: [DONE]\n\n")
          response.end()
        })
        const results = yield* runSteps(url, 2)
        assert.deepStrictEqual(results.map(({ text }) => text), ["Eighty degrees.", "Eighty degrees."])
        assert.deepStrictEqual(requests.map(({ body }) => "stream_options" in body), [true, false, false])
        assert.isTrue(requests.every(({ body }) => body["stream"] === true))
      })
  )

  it.live("[CHO12] [OPS10] an address's query stays at its end; with api-version the key is sent as Azure expects it", () =>
    Effect.gen(function*() {
      const { requests, url } = yield* ProviderServer.start((response) =>
        sendEvents(response, ...answerChunks, finishChunk, usageChunk)
      )
      yield* runSteps(`${url}/openai/deployments/d/?api-version=2024-10-21`)
      yield* runSteps(`${url}?tenant=a%26b`)
      assert.deepStrictEqual(
        requests.map(({ headers, path }) => [path, headers["api-key"], headers.authorization]),
        [
          ["/v1/openai/deployments/d/chat/completions?api-version=2024-10-21", "sk-1", undefined],
          ["/v1/chat/completions?tenant=a%26b", undefined, "Bearer sk-1"]
        ]
      )
    }))

  const refusals: ReadonlyArray<readonly [number, unknown, string]> = [
    [404, { error: "model 'm' not found" }, "model 'm' not found"],
    [
      400,
      { object: "error", message: "maximum context length is 10", type: "BadRequestError", param: null, code: 400 },
      "maximum context length is 10"
    ],
    [422, { detail: "no such field" }, "no such field"],
    [301, "", "the address redirects to https://elsewhere.example/v1/chat/completions"],
    [308, "", "the address redirects to https://elsewhere.example/v1/chat/completions"]
  ]
  it.live.each(refusals)(
    "[FLT17] a refusal with %s %j is not retried, and keeps the provider's words",
    ([status, body, words]) =>
      Effect.gen(function*() {
        const { requests, url } = yield* ProviderServer.start((response) =>
          sendJson(
            response,
            status,
            body,
            status < 400 ? { location: "https://elsewhere.example/v1/chat/completions" } : {}
          )
        )
        const error = yield* askForError(url)
        assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["InvalidRequestError", false])
        assert.include(error.message, words)
        assert.lengthOf(requests, 1)
      })
  )

  const events: ReadonlyArray<readonly [unknown, string, string]> = [
    [
      { error: { object: "error", message: "too long", type: "BadRequestError", code: 400 } },
      "InvalidRequestError",
      "too long"
    ],
    [{ object: "error", message: "too long", type: "BadRequestError", code: 400 }, "InvalidRequestError", "too long"],
    [
      { error: { message: "too long", type: "invalid_request_error", code: "context_length_exceeded" } },
      "InvalidRequestError",
      "too long"
    ],
    [{ error: "model runner has stopped" }, "InternalProviderError", "model runner has stopped"],
    [{ error: { message: "busy", type: "overloaded_error" } }, "RateLimitError", ""],
    [{ error: { message: "no", code: 503 } }, "InternalProviderError", "no"]
  ]
  it.live.each(events)(
    "[FLT17] an error within a stream is what its code says: %j",
    ([event, tag, words]) =>
      Effect.gen(function*() {
        const { url } = yield* ProviderServer.start((response) => sendEvents(response, event))
        const error = yield* askForError(url)
        assert.deepStrictEqual([error.reason._tag, error.isRetryable], [tag, tag !== "InvalidRequestError"])
        assert.include(error.message, words)
      })
  )
})

describe("Providers: how long they ask to wait", () => {
  const quota = "You exceeded your current quota, please check your plan and billing details. Please retry in 38.1s."
  const waits: ReadonlyArray<readonly [number, unknown, Readonly<Record<string, string>>, number | undefined]> = [
    [
      429,
      [{ error: { code: 429, message: quota, status: "RESOURCE_EXHAUSTED", details: [{ retryDelay: "38s" }] } }],
      {},
      38_000
    ],
    [429, { error: { message: quota } }, {}, 38_100],
    [429, "", { "retry-after": "Fri, 27 Nov 2026 20:00:38 GMT", date: "Fri, 27 Nov 2026 20:00:00 GMT" }, 38_000],
    [503, "", { "retry-after": "7" }, 7_000],
    [429, "", { "retry-after": "99999999999999999999" }, undefined]
  ]
  it.live.each(waits)("[FLT17] [CHO6] %s %j with %j", ([status, body, headers, wait]) =>
    Effect.gen(function*() {
      const { url } = yield* ProviderServer.start((response) => sendJson(response, status, body, headers))
      const { reason } = yield* Effect.flip(runSteps(url))
      const { retry_after_ms, retryable } = toErrorState(reason)
      assert.deepStrictEqual([retryable, retry_after_ms], [true, wait])
    }))
})

describe("Providers: embeddings", () => {
  const vectors = [[1, 0], [0, 1], [-1, 0]]
  /** The vectors of three texts, from items with these indices, in this order. */
  const embedThree = Effect.fnUntraced(function*(indices: ReadonlyArray<number | undefined>) {
    const { url } = yield* ProviderServer.start((response) =>
      sendJson(response, 200, {
        data: indices.map((index, position) => ({ object: "embedding", index, embedding: vectors[index ?? position] })),
        usage: { prompt_tokens: 1, total_tokens: 1 }
      })
    )
    return yield* EmbeddingModel.EmbeddingModel.use(({ embedMany }) => embedMany(["a", "b", "c"])).pipe(
      Effect.map(({ embeddings }) => embeddings.map(({ vector }) => vector)),
      Effect.provide(OpenAiCompatible.openAiEmbeddingLayer({ ...endpointAt(url), dimensions: 2 }))
    )
  })

  const orders: ReadonlyArray<{ readonly indices: ReadonlyArray<number | undefined> }> = [
    { indices: [0, 1, 2] },
    { indices: [2, 1, 0] },
    { indices: [1, 2, 0] },
    { indices: [undefined, undefined, undefined] }
  ]
  it.live.each(orders)(
    "[STO2] the vectors belong to the texts that their index names: %j",
    ({ indices }) => Effect.map(embedThree(indices), (found) => assert.deepStrictEqual(found, vectors))
  )

  const disorders: typeof orders = [
    { indices: [0, 0, 1] },
    { indices: [0, 2, undefined] },
    { indices: [0, 1] },
    { indices: [1, 2, 3] },
    { indices: [0, 1, 2, 3] }
  ]
  it.live.each(disorders)(
    "[STO2] [STO8] indices that are not those of the texts are an error: %j",
    ({ indices }) =>
      Effect.map(
        Effect.flip(embedThree(indices)),
        ({ reason }) => assert.strictEqual(reason._tag, "InvalidOutputError")
      )
  )
})
