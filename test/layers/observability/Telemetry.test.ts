import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import * as App from "../../../src/layers/app/App.ts"
import * as Config from "../../../src/layers/config/Config.ts"
import { startCollector } from "../../support/Collector.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { makeTestUser, openClient, signIn } from "../../support/TestUsers.ts"

interface Traces {
  readonly resourceSpans: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{
      readonly spans: ReadonlyArray<
        { readonly name: string; readonly parentSpanId?: string; readonly traceId: string; readonly spanId: string }
      >
    }>
  }>
}

describe("Telemetry", () => {
  it.live("[OPS3] steps of runs and HTTP requests begin traces, messages and commits do not; metrics are exported", () =>
    Effect.gen(function*() {
      const { bodies, url } = yield* startCollector()
      yield* Effect.scoped(Effect.gen(function*() {
        const server = yield* startInProcessServer({ CHOIR_OTLP_URL: url })
        yield* Effect.promise(() => fetch(`${server}/`))
        yield* Effect.promise(() => fetch(`${server}/health/ready`))
        const ada = yield* openClient(socketUrl(server))
        yield* signIn(ada, makeTestUser())
        const thread = `thread:${ada.send("create_thread", { name: "Traced" })}`
        ada.send("subscribe", {}, thread)
        ada.send("submit_prompt", { prompt: "Why?" }, thread)
        let delta = yield* ada.nextOf("delta")
        while (!JSON.stringify(delta).includes(`"step":"yield"`)) delta = yield* ada.nextOf("delta")
      }))
      const spans = bodies("/v1/traces").flatMap((body) =>
        (JSON.parse(body) as Traces).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
      )
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined || parentSpanId === "")
      assert.sameMembers([...new Set(roots.map(({ name }) => name))], ["GET", "RunStep.perform"])
      assert.strictEqual(roots.filter(({ name }) => name === "GET").length, 1)
      assert.isAtLeast(roots.filter(({ name }) => name === "RunStep.perform").length, 6)
      assert.isTrue(spans.some(({ name }) => name === "Chorus.step"))
      assert.include(bodies("/v1/metrics").join(), "choir_chorus_runs_total")
    }))

  it.live("[OPS3] spans of the program around a server are exported as they are, under the name of its service", () =>
    Effect.gen(function*() {
      const { bodies, url } = yield* startCollector()
      const settings = Result.getOrThrow(
        Config.make({ data: yield* temporaryFolder, port: 0, otlpUrl: url, otlpService: "my-service" })
      )
      yield* Effect.void.pipe(
        Effect.withSpan("my-span"),
        Effect.provide(App.layer(settings).pipe(Layer.provide(NodeServices.layer)))
      )
      const traces = bodies("/v1/traces").join()
      assert.include(traces, `"my-span"`)
      assert.include(traces, `"my-service"`)
      assert.notInclude(traces, "sql")
    }).pipe(Effect.scoped))

  it.live("[OPS3] an unreachable collector delays nothing", () =>
    Effect.gen(function*() {
      const server = yield* startInProcessServer({ CHOIR_OTLP_URL: "http://127.0.0.1:9" })
      yield* signIn(yield* openClient(socketUrl(server)), makeTestUser())
    }).pipe(Effect.scoped))
})
