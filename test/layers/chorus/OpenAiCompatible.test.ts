import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { LLMock } from "@copilotkit/aimock"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Redacted, References, Result, Schema, Stream } from "effect"
import { EmbeddingModel } from "effect/ai"
import { createServer, type RequestListener } from "node:http"
import { ErrorState, Usage } from "../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusParse from "../../../src/domain/chorus/ChorusParse.ts"
import { toErrorState } from "../../../src/domain/chorus/StepError.ts"
import * as AiSdk from "../../../src/layers/chorus/AiSdk.ts"
import * as CappedFetch from "../../../src/layers/chorus/CappedFetch.ts"
import * as ChorusLive from "../../../src/layers/chorus/ChorusLive.ts"
import type { ModelLimits } from "../../../src/layers/chorus/Endpoint.ts"
import * as Models from "../../../src/layers/chorus/Models.ts"
import * as OpenAiCompatible from "../../../src/layers/chorus/OpenAiCompatible.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { formatModelAnswer, makeRunAt, stepData } from "../../support/RunFixture.ts"
import { fakePriorsLayer } from "./FakeModel.ts"

const key = "sk-canary-0123456789"

/** A maintained mock of the providers' API, on a port of its own. */
const mockServer = Effect.acquireRelease(
  Effect.promise(() => LLMock.create({ port: 0, latency: 0, chunkSize: 5, auth: { apiKeys: [key] } })),
  (mock) => Effect.promise(() => mock.stop())
)

/** One step put to an endpoint, and the pieces that were shown. */
const runStep = Effect.fnUntraced(function*(
  url: string,
  prompt: string,
  options: { readonly key?: string; readonly limits?: Partial<ModelLimits>; readonly pieces?: Array<string> } = {}
) {
  const llm = { url, key: Redacted.make(options.key ?? key), model: "gpt-4o-mini", limits: options.limits }
  const layer = ChorusLive.layer.pipe(
    Layer.provide([Layer.orDie(Models.layer({ llm })), fakePriorsLayer(() => Effect.succeed([]))])
  )
  return yield* Effect.provide(
    Chorus.use(({ step }) =>
      step(makeRunAt("action", 0, { prompt }), (piece) => Effect.sync(() => void options.pieces?.push(piece)))
    ),
    layer
  ).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
})

const validAnswer = formatModelAnswer("A streamed answer, piece by piece.", stepData.action)

describe("OpenAiCompatible: answers and errors", () => {
  it.live("[CHO12] [CHO5] a step is streamed from an endpoint, with its usage", () =>
    Effect.gen(function*() {
      const mock = yield* mockServer
      mock.onMessage(/hello/, { content: validAnswer })
      const pieces: Array<string> = []
      const { output, usage } = yield* runStep(`${mock.url}/v1`, "hello", { pieces })
      assert.deepInclude(output, { _tag: "action", proposed_response: "A streamed answer, piece by piece." })
      assert.strictEqual(pieces.join(""), "A streamed answer, piece by piece.")
      assert.deepInclude(usage, { provider: "openai-compatible", model: "gpt-4o-mini", cost: null })
      assert.isAbove(usage.input_tokens, 0)
      assert.isAbove(usage.output_tokens, 0)
      // CHO11: one system message of ours, everything else in the user's.
      const request = JSON.stringify(mock.getLastRequest()?.body)
      assert.include(request, "\"role\":\"system\"")
      assert.strictEqual(mock.getRequests().length, 1)
    }))

  it.live("[CHO6] [FLT17] [SEC33] a provider's failures are typed errors without the key, after one request each", () =>
    Effect.gen(function*() {
      const mock = yield* mockServer
      const error = (status: number) => ({ error: { message: `no, ${key}`, type: "server_error" }, status })
      mock.onMessage(/five hundred/, error(500))
      mock.onMessage(/slow down/, error(429))
      mock.onMessage(/too long/, error(400))
      mock.onMessage(/cut/, { content: validAnswer }, { truncateAfterChunks: 3 })
      const faults: Array<unknown> = []
      for (const prompt of ["five hundred", "slow down", "too long", "cut", "unknown to the mock"]) {
        const { reason } = yield* Effect.flip(runStep(`${mock.url}/v1`, prompt))
        assert.notInclude(JSON.stringify(reason), key)
        faults.push([reason._tag, reason.retryable])
      }
      assert.deepStrictEqual(faults.slice(0, 3), [["AIError", true], ["AIError", true], ["AIError", false]])
      assert.deepStrictEqual(faults[3], ["NetworkError", true])
      assert.deepStrictEqual(faults[4], ["AIError", false])
      assert.strictEqual(mock.getRequests().length, 5)
      const { reason } = yield* Effect.flip(runStep(`${mock.url}/v1`, "hello", { key: "wrong" }))
      assert.deepStrictEqual(toErrorState(reason), {
        _tag: "AIError",
        message: "the model's provider does not accept the key",
        retryable: false
      })
    }))

  it.live("[CHO6] [FLT16] a corrupted stream is a typed error", () =>
    Effect.gen(function*() {
      const mock = yield* mockServer
      mock.onMessage(/hello/, { content: validAnswer })
      for (const chaos of [{ malformedRate: 1 }, { disconnectRate: 1 }, { dropRate: 1 }, { rateLimitRate: 1 }]) {
        mock.setChaos(chaos)
        const error = yield* Effect.flip(runStep(`${mock.url}/v1`, "hello"))
        assert.isTrue(error.retryable, JSON.stringify([chaos, error.reason]))
        assert.strictEqual(error.reason.retry_after_ms !== undefined, "rateLimitRate" in chaos)
      }
    }))

  it.live("[FLT14] an endpoint that hangs times out, and a closed port is a NetworkError", () =>
    Effect.gen(function*() {
      const { closed, url } = yield* startServer((_, response) => void response.writeHead(200).flushHeaders())
      // Enough for the request to arrive.
      const limits = { firstTokenTimeout: Duration.seconds(1) }
      const { reason } = yield* Effect.flip(runStep(url, "hello", { limits }))
      assert.strictEqual(reason._tag, "NetworkError")
      yield* Deferred.await(closed)
      const gone = yield* Effect.scoped(Effect.map(startServer(() => undefined), ({ url }) => url))
      assert.strictEqual((yield* Effect.flip(runStep(gone, "hello"))).reason._tag, "NetworkError")
    }))
})

describe("OpenAiCompatible: cancellation and limits", () => {
  it.live("[CHO8] [FLT19] cancelling a step closes the provider's request", () =>
    Effect.gen(function*() {
      const { closed, opened, url } = yield* startServer((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(event({ choices: [{ index: 0, delta: { content: "Half " } }] }))
      })
      const pieces: Array<string> = []
      const fiber = yield* Effect.forkChild(runStep(url, "hello", { pieces }))
      yield* Deferred.await(opened)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(closed)
    }))

  it.live("[FLT16] [SEC32] an endless response body is cut off at its limit", () =>
    Effect.gen(function*() {
      const filler = Buffer.alloc(1024 * 1024, "x")
      const { url } = yield* startServer((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        const more = () => {
          while (response.write(filler)) { /* as fast as the socket takes it */ }
        }
        response.on("drain", more).on("error", () => undefined)
        more()
      })
      const { reason } = yield* Effect.flip(runStep(url, "hello"))
      assert.isTrue(reason.retryable)
      assert.strictEqual(CappedFetch.maxResponseBytes, 16 * filler.length)
    }))
})

describe("OpenAiCompatible: counts and waits that cannot be", () => {
  const usages = [
    { usage: { prompt_tokens: 12, completion_tokens: 34 }, input: 12, output: 34 },
    { usage: { prompt_tokens: 12, completion_tokens: 34, prompt_tokens_details: { cached_tokens: "4" } } },
    { usage: { prompt_tokens: -1, completion_tokens: -35 } },
    { usage: { prompt_tokens: 12.5, completion_tokens: 1e300 } },
    { usage: { prompt_tokens: "12", completion_tokens: {} } },
    { usage: "none" },
    { usage: [1, 2] },
    { usage: null },
    {}
  ]
  it.live.each(usages)(
    "[SEC32] the usage $usage costs no answer",
    ({ input, output, ...usage }) =>
      Effect.gen(function*() {
        const { url } = yield* startServer((_, response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          // The text names the field too: it must stay as it is.
          const content = formatModelAnswer(`A "usage":-1, \\"usage\\":"x".`, stepData.action)
          response.write(event({ choices: [{ index: 0, delta: { content } }], ...usage }))
          response.end(
            `${event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], ...usage })}data: [DONE]\n\n`
          )
        })
        const step = yield* runStep(url, "hello")
        assert.deepInclude(step.output, { proposed_response: `A "usage":-1, \\"usage\\":"x".` })
        assert.strictEqual(step.usage.input_tokens, input ?? step.usage.input_tokens)
        assert.strictEqual(step.usage.output_tokens, output ?? step.usage.output_tokens)
        assert.isTrue(Schema.is(Usage)(step.usage))
      })
  )

  it.live.each(["-1", "\"12\"", "{}", "null", "1e999"])(
    "[SEC32] a vector is not lost for prompt_tokens: %s",
    (count) =>
      Effect.gen(function*() {
        const { url } = yield* startServer((_, response) => {
          response.writeHead(200, { "content-type": "application/json" })
          response.end(`{"data":[{"embedding":[0.6,0.8]}],\n"usage": {"prompt_tokens":${count}}}`)
        })
        const { vector } = yield* EmbeddingModel.EmbeddingModel.use(({ embed }) => embed("green tea")).pipe(
          Effect.provide(OpenAiCompatible.openAiEmbeddingLayer({ url, model: "e", dimensions: 2 }))
        )
        assert.deepStrictEqual(vector, [0.6, 0.8])
      })
  )

  it.live.each(["1e999", "99999999999999999999", "1e13", "-1", "NaN", "4, 4", "0.0004"])(
    "[CHO6] [FLT17] Retry-After: %s is a typed error that a run can record",
    (wait) =>
      Effect.gen(function*() {
        const { url } = yield* startServer((_, response) =>
          void response.writeHead(429, { "retry-after": wait }).end("{}")
        )
        const { reason } = yield* Effect.flip(runStep(url, "hello"))
        const state = toErrorState(reason)
        assert.deepInclude(state, { _tag: "AIError", retryable: true })
        assert.isTrue(Schema.is(ErrorState)(state))
      })
  )
})

describe("OpenAiCompatible: chunked streams and embeddings", () => {
  it.live("[FLT16] an answer is the same at every byte offset at which it is cut", () =>
    Effect.gen(function*() {
      const events = [
        ": a comment\r\n\r\n",
        event({
          id: "1",
          created: 1,
          model: "m",
          choices: [{ index: 0, delta: { role: "assistant", content: "Tee: 茶 𝄞 " } }]
        }),
        event({ id: "1", created: 1, model: "m", choices: [{ index: 0, delta: { content: "é\n<<<da" } }] }),
        event({
          id: "1",
          created: 1,
          model: "m",
          choices: [{ index: 0, delta: { content: `ta>>>\n${JSON.stringify(stepData.action)}` } }]
        }),
        event({ id: "1", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }),
        event({
          id: "1",
          created: 1,
          model: "m",
          choices: [],
          usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 }
        }),
        "data: [DONE]\n\n"
      ]
      const bytes = new TextEncoder().encode(events.join(""))
      const read = (chunks: ReadonlyArray<Uint8Array>) =>
        Effect.gen(function*() {
          const fetch = () =>
            Promise.resolve(
              new Response(ReadableStream.from(chunks), { headers: { "content-type": "text/event-stream" } })
            )
          const chat = createOpenAICompatible({ name: "test", baseURL: "http://127.0.0.1", includeUsage: true, fetch })
            .chatModel("m")
          const model = yield* AiSdk.languageModel(chat)
          const { text } = yield* Stream.runFold(
            model.streamText({ prompt: "hello" }),
            () => ({ text: "" }),
            (all, part) => part.type === "text-delta" ? { text: all.text + part.delta } : all
          )
          return Result.getOrThrow(ChorusParse.parseOutput(makeRunAt("action"), [], text))
        })
      const whole = yield* read([bytes])
      assert.deepInclude(whole, { _tag: "action", proposed_response: "Tee: 茶 𝄞 é" })
      assert.deepStrictEqual(yield* read(Array.from(bytes, (byte) => Uint8Array.of(byte))), whole)
      for (let i = 1; i < bytes.length; i++) {
        assert.deepStrictEqual(yield* read([bytes.subarray(0, i), bytes.subarray(i)]), whole)
      }
    }))

  it.live("[STO8] an embedding of another length than expected is a failure", () =>
    Effect.gen(function*() {
      const mock = yield* mockServer
      mock.onEmbedding(/tea/, { embedding: [0.6, 0.8] })
      const embed = (dimensions: number) =>
        EmbeddingModel.EmbeddingModel.use(({ embed }) => embed("green tea")).pipe(
          Effect.provide(
            OpenAiCompatible.openAiEmbeddingLayer({
              url: `${mock.url}/v1`,
              key: Redacted.make(key),
              model: "e",
              dimensions
            })
          )
        )
      assert.deepStrictEqual((yield* embed(2)).vector, [0.6, 0.8])
      assert.strictEqual((yield* Effect.flip(embed(3))).reason._tag, "InvalidOutputError")
    }))
})

const event = (data: unknown): string => `data: ${JSON.stringify(data)}\n\n`

/** An HTTP server of a few lines, where a mock is too well-behaved. */
const startServer = Effect.fnUntraced(function*(listener: RequestListener) {
  const opened = yield* Deferred.make<void>()
  const closed = yield* Deferred.make<void>()
  const http = createServer((request, response) => {
    request.resume()
    response.on("close", () => Deferred.doneUnsafe(closed, Effect.void))
    listener(request, response)
    Deferred.doneUnsafe(opened, Effect.void)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void http.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        http.closeAllConnections()
        http.close()
      })
  )
  const address = http.address()
  return { opened, closed, url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/v1` }
})
