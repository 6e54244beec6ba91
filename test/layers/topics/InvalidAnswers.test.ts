/** Whatever an intent handler answers: what is stored decodes, its topic stays usable, and its intent ends. */
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { type RunStep, RunStepAnswer } from "../../../src/domain/chorus/ChorusModel.ts"
import { CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { notFound } from "../../../src/domain/protocol/Rejection.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import { decodeEntry } from "../../../src/domain/topic/DurableState.ts"
import { codecsFor } from "../../../src/domain/topic/KindCodecs.ts"
import * as Topic from "../../../src/domain/topic/Topic.ts"
import type { AnyKind, Intent } from "../../../src/domain/topic/Topic.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import * as IntentHandlersLive from "../../../src/layers/topics/IntentHandlersLive.ts"
import * as TopicsLocal from "../../../src/layers/topics/TopicsLocal.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Topics } from "../../../src/services/Topics.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { recordErrors } from "../../support/ErrorLog.ts"
import {
  counterOne,
  hostsLayer,
  layer,
  readTotal,
  recordingSubscriber,
  sendCommand,
  snapshotState,
  subscribe
} from "../../support/TopicHostFixture.ts"

/** Asks, with a handler of these answers; the calls of the handler, what was logged as errors, and the total. */
const askWith = (answers: (id: string) => unknown, kind?: AnyKind) => {
  const errors: Array<string> = []
  return Effect.gen(function*() {
    let calls = 0
    yield* (yield* IntentHandlers).register<CounterKind.Ask>(
      "Ask",
      (_, { id }) => Effect.sync(() => (calls++, answers(id)))
    )
    yield* sendCommand(counterOne, { _tag: "ask", question: "why" }, { id: "q" })
    // Less than the topic stays in memory: a load would handle a pending intent again.
    yield* TestClock.adjust("30 seconds")
    return { calls, errors, total: yield* readTotal(counterOne) }
  }).pipe(Effect.provide(layer(undefined, kind)), recordErrors(errors))
}

describe("an answer that its kind cannot use", () => {
  it.effect.each([null, undefined, 7, "Answered", {}, { _tag: "Nothing" }, { _tag: "Answered", id: "q", value: 0.5 }])(
    "[TOP8] ends its intent, and is logged once: %j",
    (answer) =>
      Effect.gen(function*() {
        const { calls, errors, total } = yield* askWith(() => answer)
        // The counter counts a failed intent as -2.
        assert.deepStrictEqual([calls, total, errors.length], [1, -2, 1])
        assert.include(errors[0], "Ask q of counter:one has failed")
        assert.include(errors[0], "this answer does not fit the schema of the kind counter")
      })
  )

  it.effect("[FLT25] ends its intent when the kind meets a defect each time", () =>
    Effect.gen(function*() {
      const kind: AnyKind = {
        ...CounterKind.kind,
        decide: (state, input, context) => {
          if ((input as CounterKind.Command)._tag === ("Answered" as string)) throw new TypeError("a defect in decide")
          return CounterKind.kind.decide(state as CounterKind.State, input as CounterKind.Command, context)
        }
      }
      const { calls, total } = yield* askWith((id) => ({ _tag: "Answered", id, value: 1 }), kind)
      assert.deepStrictEqual([calls, total], [1, -3])
    }))

  it.effect("[TOP8] ends its intent when it is one to another intent, or is rejected", () =>
    Effect.gen(function*() {
      const { calls, errors, total } = yield* askWith(() => ({ _tag: "Answered", id: "another", value: 1 }))
      assert.deepStrictEqual([calls, total, errors.length], [1, -4, 1])
      const kind: AnyKind = {
        ...CounterKind.kind,
        decide: (state, input, context) =>
          (input as CounterKind.Command)._tag === ("Answered" as string)
            ? Topic.reject(notFound)
            : CounterKind.kind.decide(state as CounterKind.State, input as CounterKind.Command, context)
      }
      const rejected = yield* askWith((id) => ({ _tag: "Answered", id, value: 1 }), kind)
      assert.deepStrictEqual([rejected.calls, rejected.total, rejected.errors.length], [1, -4, 1])
    }))

  it.effect("[TOP8] of a kind without `IntentFailed` stays pending, and is not asked for again", () =>
    Effect.gen(function*() {
      const kind: AnyKind = { ...CounterKind.kind, Answer: CounterKind.Answer }
      const { calls, errors, total } = yield* askWith(() => "no answer", kind)
      assert.deepStrictEqual([calls, total, errors.length], [1, 0, 1])
    }))

  it.effect("[TOP8] fields that the kind does not have are dropped", () =>
    Effect.gen(function*() {
      const { total } = yield* askWith((id) => ({ _tag: "Answered", id, value: 5, more: "x" }))
      assert.strictEqual(total, 5)
    }))
})

describe("inputs of the server's own code", () => {
  const errors: Array<string> = []
  it.effect("[TOP8] that the kind does not have are rejected and logged", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const input = { _tag: "add", n: "three" }
      const outcome = yield* Effect.flip(
        topics.submit(counterOne, { id: CommandId.make("c"), author: "system:other", input })
      )
      assert.deepInclude(outcome.rejection, { code: "malformed", rule: "TOP8" })
      assert.strictEqual(yield* readTotal(counterOne), 0)
      assert.deepStrictEqual(errors.map((error) => error.includes("counter:one")), [true])
    }).pipe(Effect.provide(layer()), recordErrors(errors)))
})

describe("a state that its schema refuses", () => {
  const errors: Array<string> = []
  it.effect("[TOP7] is neither sent nor stored, and is logged with topic and kind", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const kind: AnyKind = {
        ...CounterKind.kind,
        evolve: () => ({ total: 0.5 }),
        pending: () => [],
        canRead: () => true,
        listing: () => undefined
      }
      yield* Effect.gen(function*() {
        yield* sendCommand(counterOne, { _tag: "add", n: 1 })
        const outcomes = [
          yield* subscribe(counterOne, recordingSubscriber("a")),
          yield* subscribe(counterOne, recordingSubscriber("b"))
        ]
        assert.deepStrictEqual(outcomes.map((one) => Result.isFailure(one) && one.failure.code), [
          "internal",
          "internal"
        ])
        assert.strictEqual(errors.length, 1)
        assert.include(errors[0], "the state of counter:one cannot be sent or stored")
        assert.include(errors[0], "the kind counter at total")
        yield* TestClock.adjust("10 minutes")
      }).pipe(Effect.provide(hostsLayer({}, kind)))
      assert.strictEqual((yield* log.snapshot(counterOne))._tag, "None")
    }).pipe(Effect.provide(EventLogMemory.layer), recordErrors(errors)))
})

// -- The built-in kinds --------------------------------------------------------

const ada = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const ben = UserId.make("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw")
const thread = TopicId.make("thread:one")
const ledger = TopicId.make("ledger:main")

const servers = TopicsLocal.layer().pipe(
  Layer.provideMerge(IntentHandlersLive.layer),
  Layer.provideMerge(EventLogMemory.layer),
  Layer.provide(Layer.succeed(Kinds, builtInKinds))
)

/** Any JSON, or an answer of the schema with one field replaced by any JSON. */
const answers = Arbitrary.all({
  json: Arbitrary.schema(Schema.Json),
  valid: Arbitrary.schema(Schema.toEncoded(RunStepAnswer)),
  /** Whether `intent` and `prompt_id` are those of the step. */
  toOther: Arbitrary.schema(Schema.Literals([false, false, false, true])),
  damage: Arbitrary.schema(Schema.Literals(["whole", "none", "output", "usage", "error", "usage.input_tokens"]))
})
interface DrawnAnswer {
  readonly json: Schema.Json
  readonly valid: typeof RunStepAnswer.Encoded
  readonly toOther: boolean
  readonly damage: string
}

const answerTo = ({ id, run }: RunStep, { damage, json, toOther, valid }: DrawnAnswer): unknown => {
  if (damage === "whole") return json
  const answer: Record<string, unknown> = {
    ...valid,
    ...toOther ? undefined : { intent: id, prompt_id: run.prompt_id }
  }
  const [field = "", inner] = damage.split(".")
  if (field in answer) answer[field] = inner === undefined ? json : { ...answer[field] as object, [inner]: json }
  return answer
}

/** All entries of a topic's log. */
const entriesOf = (topic: TopicId) =>
  EventLog.use((log) => log.read(topic, { after: 0, limit: 10_000 })).pipe(Effect.orDie)

/** What is stored of a topic decodes, and it can be subscribed to. */
const assertUsable = Effect.fnUntraced(function*(topic: TopicId, kind: AnyKind) {
  for (const entry of yield* entriesOf(topic)) assert.isTrue(Result.isSuccess(decodeEntry(kind, entry)), entry.hash)
  const caughtUp = Result.getOrThrow(yield* subscribe(topic, recordingSubscriber("s", "system:reader")))
  if (caughtUp.mode !== "snapshot") return assert.fail("no snapshot")
  assert.isTrue(Result.isSuccess(codecsFor(kind).decodeState(snapshotState(caughtUp.snapshot))))
})

const send = Effect.fnUntraced(function*(id: string, author: UserId, input: object) {
  const topics = yield* Topics
  return yield* topics.submit(thread, { id: CommandId.make(id), author, input })
})

/** What a sign-in does for a new user (LED3). */
const grantTo = (user: UserId) =>
  Topics.use((topics) =>
    topics.submit(ledger, { id: CommandId.make("grant"), author: "system:server", input: { _tag: "Grant", user } })
  )

describe("the built-in kinds", () => {
  it.effect.prop(
    "[CHO3] [SEC32] a run ends, and its thread stays usable, whatever the handler of its steps answers",
    { script: Arbitrary.array(answers, { minLength: 1, maxLength: 8 }) },
    ({ script }) =>
      Effect.gen(function*() {
        let calls = 0
        yield* (yield* IntentHandlers).register<RunStep>("RunStep", (_, intent) =>
          Effect.sync(() => answerTo(intent, script[calls++ % script.length]!)))
        yield* send("c", ada, { _tag: "create_thread", name: "Tea" })
        yield* send("p", ada, { _tag: "submit_prompt", prompt: "How hot?" })
        yield* TestClock.adjust("10 hours")
        const { runs } = yield* Effect.flatMap(Topics, (topics) =>
          topics.stateOf(threadKind, thread, ada))
        assert.include(["yielded", "failed"], runs[0]?.status)
        yield* send("m", ada, { _tag: "submit_message", content: "Still here." })
        yield* assertUsable(thread, threadKind)
      }).pipe(Effect.provide(servers), recordErrors([])),
    { arbitrary: { runs: 60 } }
  )

  it.effect.prop(
    "[THR6] [SEC32] thread and ledger stay usable, whatever the handler of their requests answers",
    { script: Arbitrary.array(Arbitrary.schema(Schema.Json), { minLength: 1, maxLength: 4 }) },
    ({ script }) =>
      Effect.gen(function*() {
        let calls = 0
        yield* (yield* IntentHandlers).register<Intent>(
          "SendCommand",
          () => Effect.sync(() => script[calls++ % script.length])
        )
        yield* send("c", ada, { _tag: "create_thread", name: "Tea" })
        yield* grantTo(ben)
        yield* send("s", ben, { _tag: "submit_message", content: "Let me in.", stake: 1_000 })
        yield* TestClock.adjust("1 hour")
        assert.isAbove(calls, 0)
        yield* send("m", ada, { _tag: "submit_message", content: "Still here." })
        yield* assertUsable(thread, threadKind)
        yield* assertUsable(ledger, builtInKinds.get("ledger")!)
      }).pipe(Effect.provide(servers), recordErrors([])),
    { arbitrary: { runs: 30 } }
  )
})
