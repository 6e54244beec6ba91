import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PrometheusMetrics } from "effect/observability"
import * as Metrics from "../../../src/layers/observability/Metrics.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { makeTestUser, openClient, signIn } from "../../support/TestUsers.ts"

const fetchMetrics = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.promise(() => fetch(`${url}/metrics`, { headers }))

/** Values by name and labels. */
const metricValues = (url: string) =>
  Effect.map(
    Effect.flatMap(fetchMetrics(url), (response) => Effect.promise(() => response.text())),
    (text) =>
      new Map(
        text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
          const at = line.lastIndexOf(" ")
          return [line.slice(0, at), Number(line.slice(at + 1))] as const
        })
      )
  )

describe("/metrics", () => {
  it.live("[OPS3] exports the numbers of one conversation", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      const ada = yield* openClient(socketUrl(url))
      yield* signIn(ada, makeTestUser())
      const thread = `thread:${ada.send("create_thread", { name: "Counted" })}`
      yield* ada.nextOf("receipt")
      ada.send("subscribe", {}, thread)
      yield* ada.nextOf("subscribed")
      ada.send("submit_message", { content: "one" }, thread)
      yield* ada.nextOf("receipt")
      ada.send("ack", { seq: 999 }, thread)
      ada.send("close_thread", {}, "thread:none")
      yield* ada.nextOf("error")
      ada.send("submit_prompt", { prompt: "What was counted?" }, thread)
      let before = yield* metricValues(url)
      while (before.get(`choir_chorus_runs_total{outcome="yielded"}`) === 0) before = yield* metricValues(url)

      const is = (name: string, value: number) => assert.strictEqual(before.get(name), value, name)
      is("choir_connections", 1)
      is("choir_connections_opened_total", 1)
      is("choir_topics_live", 2)
      is("choir_subscriptions", 1)
      is("choir_messages_received_total", 8)
      is(`choir_errors_total{code="not_found"}`, 1)
      is(`choir_errors_total{code="internal"}`, 0)
      is("choir_receipt_seconds_count", 4)
      is("choir_delivery_acknowledged_total", 1)
      is(`choir_events_total{kind="thread",event="ThreadCreated"}`, 1)
      is(`choir_chorus_runs_total{outcome="failed"}`, 0)
      assert.isAtLeast(before.get(`choir_chorus_steps_total{outcome="answered"}`)!, 6)
      for (
        const name of [
          `choir_chorus_tokens_total{direction="input"}`,
          "choir_messages_sent_total",
          "choir_commit_seconds_count",
          "choir_commit_appends_sum",
          "choir_delivery_events_total",
          "choir_process_resident_bytes"
        ]
      ) assert.isAbove(before.get(name)!, 1, name)
      for (const name of ["choir_outbox_bytes", "choir_event_loop_delay_p99_seconds", "choir_commit_faults_total"]) {
        assert.isDefined(before.get(name), name)
      }
      ada.ws.close(1000)
      yield* ada.closed
      while ((yield* metricValues(url)).get("choir_connections") !== 0);
      assert.strictEqual((yield* metricValues(url)).get(`choir_connections_closed_total{code="1000"}`), 1)
    }).pipe(Effect.scoped))

  it.effect("[OPS3] are exported whatever a log without kinds holds", () =>
    Effect.gen(function*() {
      const { countEvent } = yield* Metrics.Metrics
      countEvent("notes", { text: "an event without a tag" })
      const lines = PrometheusMetrics.formatUnsafe(yield* Effect.context<never>())
      assert.include(lines, `choir_events_total{kind="notes",event="other"} 1`)
    }).pipe(Effect.provide(Metrics.layer)))

  it.live("[OPS3] is readable from this machine only, not through a proxy or a rebound DNS name", () =>
    Effect.gen(function*() {
      const url = yield* startInProcessServer()
      assert.strictEqual((yield* fetchMetrics(url)).status, 200)
      assert.strictEqual((yield* fetchMetrics(url, { "x-forwarded-for": "127.0.0.1" })).status, 403)
      assert.strictEqual((yield* fetchMetrics(url, { forwarded: "for=127.0.0.1" })).status, 403)
    }).pipe(Effect.scoped))

  it.live("[OPS3] can be public, or readable with a token", () =>
    Effect.gen(function*() {
      const forwarded = { "x-forwarded-for": "203.0.113.9" }
      const publicServer = yield* startInProcessServer({ CHOIR_METRICS: "public" })
      assert.strictEqual((yield* fetchMetrics(publicServer, forwarded)).status, 200)
      const tokenServer = yield* startInProcessServer({ CHOIR_METRICS: "off", CHOIR_METRICS_TOKEN: "sesame" })
      assert.strictEqual((yield* fetchMetrics(tokenServer)).status, 403)
      assert.strictEqual((yield* fetchMetrics(tokenServer, { authorization: "Bearer sesam" })).status, 403)
      assert.strictEqual(
        (yield* fetchMetrics(tokenServer, { ...forwarded, authorization: "Bearer sesame" })).status,
        200
      )
    }).pipe(Effect.scoped))
})
