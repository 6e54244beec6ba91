/** Threads whose log holds what an earlier version stored and the present schemas refuse. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { join } from "node:path"
import { Client, Keys } from "../../../src/client/index.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { version } from "../../../src/domain/thread/ThreadUpcasters.ts"
import { upcast } from "../../../src/domain/topic/Topic.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { socketUrl, startInProcessServer } from "../../support/InProcessServer.ts"
import { makeOutput, usage } from "../../support/RunFixture.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { connectSignedIn, request } from "../../support/TestUsers.ts"
import { appendEvents, commandId, threadCreated, userOf } from "../../support/ThreadLogFixture.ts"

const topic = TopicId.make("thread:tea")
const author = userOf("A")
const prompt_id = commandId("p")

const stepCompleted = (counts: object) =>
  ({
    _tag: "StepCompleted",
    prompt_id,
    loop: 0,
    step: "action",
    output: makeOutput("action", 0),
    usage: { ...usage, ...counts },
    at: 4
  }) as const

/** A provider's negative count was stored as it was reported. */
const olderEvents: ReadonlyArray<ThreadModel.Event> = [
  threadCreated(author, "public"),
  { _tag: "PromptSubmitted", id: prompt_id, author, content: "How hot?", at: 2 },
  { _tag: "RunStarted", prompt_id, at: 3 },
  stepCompleted({ input_tokens: -35 }),
  { _tag: "RunCancelled", prompt_id, by: author, at: 5 }
]

/** The input tokens of the first step of a thread's run. */
const inputTokens = (state: unknown): number | undefined =>
  Schema.decodeUnknownSync(threadKind.State)(state).runs[0]?.steps[0]?.usage.input_tokens

describe("a thread of an earlier version", () => {
  it.live("[TOP9] with a negative count of tokens is served to every kind of reader", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      yield* appendEvents(topic, olderEvents, [author]).pipe(
        Effect.provide(EventLogSql.layer.pipe(Layer.provide(Sqlite.layer({ filename: join(data, "choir.db") }))))
      )
      const url = yield* startInProcessServer({ CHOIR_DATA: data })
      const raw = yield* connectSignedIn(socketUrl(url))
      const subscribed = yield* request(raw, "subscribe", {}, topic)
      assert.strictEqual(inputTokens(subscribed.payload["state"]), 0)
      assert.strictEqual((yield* request(raw, "get_thread", {}, topic)).type, "thread_messages")

      const headers = { authorization: `Bearer ${String(raw.init.payload["session_token"])}` }
      const first = yield* Effect.promise((signal) => fetch(`${url}/topics/${topic}/events`, { headers, signal })).pipe(
        Effect.flatMap(({ body }) => Effect.promise(() => body!.getReader().read()))
      )
      const payload = /^data: (.*)$/m.exec(new TextDecoder().decode(first.value))?.[1] ?? ""
      assert.strictEqual(inputTokens((JSON.parse(payload) as { payload: { state: unknown } }).payload.state), 0)

      const client = yield* Client.make({
        url,
        identity: yield* Effect.flatMap(Keys.generateSecret, Keys.fromSecret),
        kinds: [threadKind]
      })
      const view = yield* Stream.runHead(
        Stream.filter(client.topic(threadKind, topic).views, ({ sync }) => sync._tag === "Live")
      )
      assert.strictEqual(view._tag === "Some" && view.value.state.runs[0]?.steps[0]?.usage.input_tokens, 0)
    }).pipe(Effect.scoped))

  it("[TOP9] keeps counts that are counts; any other number becomes one, and other events stay as they are", () => {
    const isEvent = Schema.is(threadKind.Event)
    const lift = (event: unknown) => {
      const lifted = upcast(threadKind, 1, event as Schema.Json)
      return lifted._tag === "Success" ? lifted.success : assert.fail(lifted.failure)
    }
    assert.strictEqual(threadKind.version, version)
    assert.deepStrictEqual<unknown>(lift(stepCompleted({ input_tokens: 3 })), stepCompleted({ input_tokens: 3 }))
    for (const count of [-1, 0.5, 1e300, null, "12"]) {
      assert.isTrue(isEvent(lift(stepCompleted({ input_tokens: count, output_tokens: count, latency_ms: count }))))
    }
    for (const event of olderEvents.slice(0, 3)) assert.strictEqual<unknown>(lift(event), event)
  })
})
