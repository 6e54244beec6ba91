import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch, Layer } from "effect"
import { TestClock } from "effect/testing"
import { authorOf, principalOf } from "../../../src/domain/protocol/Principal.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Topics } from "../../../src/services/Topics.ts"
import type { Ask } from "../../support/CounterKind.ts"
import {
  accepted,
  alice,
  counterOne,
  counterTwo,
  deltaRanges,
  hostsLayer,
  layer,
  memoryLogWith,
  readTotal,
  recordingSubscriber,
  sendCommand,
  sendCommands,
  subscribe
} from "../../support/TopicHostFixture.ts"

/** Lets everything that is ready run. */
const runReadyFibers = TestClock.adjust(0)

describe("intents", () => {
  it.effect("[TOP4] an intent starts once its event is durable, and its answer is logged", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const handlers = yield* IntentHandlers
      const seen: Array<number> = []
      yield* handlers.register<Ask>("Ask", (topic, { id }) =>
        Effect.gen(function*() {
          seen.push((yield* log.read(topic, { after: 0, limit: 10 }).pipe(Effect.orDie)).length)
          return { _tag: "Answered", id, value: 42 }
        }))
      yield* sendCommand(counterOne, { _tag: "ask", question: "why" }, { id: "q" })
      yield* runReadyFibers
      assert.deepStrictEqual(seen, [1])
      assert.strictEqual(yield* readTotal(counterOne), 42)
      const entries = yield* log.read(counterOne, { after: 0, limit: 10 })
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        entries.map(({ answers, cause, depth, principal }) => [cause, authorOf(principal), answers, depth]),
        [
          ["q", "system:alice", undefined, 0],
          ["q/answer", "system:world", { intent: "q" }, 1]
        ]
      )
    }).pipe(Effect.provide(layer())))

  it.effect("an intent that its topic cancels is interrupted", () =>
    Effect.gen(function*() {
      const handlers = yield* IntentHandlers
      const interrupted = yield* Deferred.make<void>()
      yield* handlers.register("Ask", () =>
        Effect.onInterrupt(Effect.never, () => Effect.asVoid(Deferred.succeed(interrupted, undefined))))
      yield* sendCommand(counterOne, { _tag: "ask", question: "why" }, { id: "q" })
      yield* runReadyFibers
      yield* sendCommand(counterOne, { _tag: "forget", id: "q" as never })
      yield* Deferred.await(interrupted)
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP4] an intent that starts and is settled in one commit is never run", () =>
    Effect.gen(function*() {
      const handlers = yield* IntentHandlers
      let performed = 0
      yield* handlers.register("Ask", () => Effect.sync(() => performed++))
      yield* sendCommands(counterOne, [["q", { _tag: "ask", question: "why" }], ["r", {
        _tag: "forget",
        id: "q" as never
      }]])
      yield* runReadyFibers
      assert.strictEqual(performed, 0)
    }).pipe(Effect.provide(layer())))

  it.effect("[FLT25] an intent handler that dies is called again with back-off", () =>
    Effect.gen(function*() {
      const handlers = yield* IntentHandlers
      let calls = 0
      yield* handlers.register<Ask>("Ask", (_, { id }) =>
        ++calls < 4 ? Effect.die("a broken performer") : Effect.succeed({ _tag: "Answered", id, value: 1 }))
      yield* sendCommand(counterOne, { _tag: "ask", question: "why" })
      yield* TestClock.adjust(699)
      assert.strictEqual(calls, 3)
      yield* TestClock.adjust(1)
      assert.strictEqual(calls, 4)
      assert.strictEqual(yield* readTotal(counterOne), 1)
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP6] an outstanding intent starts again under its id after a restart, until it is answered", () =>
    Effect.gen(function*() {
      const ids: Array<string> = []
      const session = <A, E>(body: Effect.Effect<A, E, Topics | EventLog>, perform: Effect.Effect<unknown>) =>
        Effect.gen(function*() {
          const handlers = yield* IntentHandlers
          yield* handlers.register<Ask>("Ask", (_, { id }) => {
            ids.push(id)
            return Effect.map(perform, () => ({ _tag: "Answered", id, value: 5 }))
          })
          yield* Effect.flatMap(Topics, (topics) => topics.recover)
          yield* runReadyFibers
          return yield* body
        }).pipe(Effect.provide(hostsLayer()))
      yield* session(
        Effect.andThen(sendCommand(counterOne, { _tag: "ask", question: "why" }, { id: "q" }), runReadyFibers),
        Effect.never
      )
      yield* session(Effect.void, Effect.never)
      assert.strictEqual(yield* session(readTotal(counterOne), Effect.void), 5)
      assert.strictEqual(yield* session(readTotal(counterOne), Effect.void), 5)
      assert.deepStrictEqual(ids, ["q", "q", "q"])
    }).pipe(Effect.provide(EventLogMemory.layer)))
})

describe("between topics", () => {
  it.effect("[TOP6] a `SendCommand` becomes a command of this topic to the other, applied once", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* sendCommand(counterOne, { _tag: "send_add", topic: counterTwo, n: 3 }, { id: "t" })
      yield* runReadyFibers
      assert.strictEqual(yield* readTotal(counterTwo), 3)
      assert.strictEqual(yield* readTotal(counterOne), 1000)
      const entries = [
        ...yield* log.read(counterOne, { after: 1, limit: 10 }),
        ...yield* log.read(counterTwo, { after: 0, limit: 10 })
      ]
      assert.deepStrictEqual(entries.map(({ cause, principal }) => [cause, authorOf(principal)]), [
        ["t/send/answer", "system:counter:two"],
        ["t/send", "system:counter:one"]
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP6] the other topic's rejection is the answer", () =>
    Effect.gen(function*() {
      yield* sendCommand(counterOne, { _tag: "add", n: 10 })
      yield* sendCommand(counterOne, { _tag: "send_add", topic: counterTwo, n: -3 })
      yield* sendCommand(counterOne, { _tag: "send_add", topic: "unknown:here" as typeof counterTwo, n: 1 })
      yield* runReadyFibers
      assert.strictEqual(yield* readTotal(counterOne), 8)
      assert.strictEqual(yield* readTotal(counterTwo), 0)
    }).pipe(Effect.provide(layer())))

  it.effect("[SYN4] a forwarded command is decided by the other topic, under its own id and author, once", () =>
    Effect.gen(function*() {
      const pass = { _tag: "forward_add", topic: counterTwo, n: 3 } as const
      assert.deepStrictEqual(
        yield* sendCommand(counterOne, pass, { id: "f" }),
        accepted(1, false, counterTwo)
      )
      assert.deepStrictEqual(
        yield* sendCommand(counterOne, pass, { id: "f" }),
        accepted(1, true, counterTwo)
      )
      assert.strictEqual(yield* readTotal(counterTwo), 3)
      const log = yield* EventLog
      const [entry] = yield* log.read(counterTwo, { after: 0, limit: 1 })
      assert.deepStrictEqual([entry?.cause, entry?.principal], ["f", principalOf("system:alice")])
    }).pipe(Effect.provide(layer())))
})

describe("timers", () => {
  it.effect("[TOP1] a topic's timer fires when it is due, not before, and once", () =>
    Effect.gen(function*() {
      const subscriber = recordingSubscriber("x")
      yield* subscribe(counterOne, subscriber)
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 1000 })
      yield* TestClock.adjust(999)
      assert.strictEqual(yield* readTotal(counterOne), 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* readTotal(counterOne), 100)
      yield* TestClock.adjust(100_000)
      assert.strictEqual(yield* readTotal(counterOne), 100)
      assert.deepStrictEqual(deltaRanges(subscriber), [[0, 1], [1, 3]])
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP1] a timer that is moved fires at the new time only", () =>
    Effect.gen(function*() {
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 5000 })
      yield* sendCommand(counterTwo, { _tag: "wake_at", at: 3000 })
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 1000 })
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual([yield* readTotal(counterOne), yield* readTotal(counterTwo)], [100, 0])
      yield* sendCommand(counterTwo, { _tag: "wake_at", at: 9000 })
      yield* TestClock.adjust(7999)
      assert.deepStrictEqual([yield* readTotal(counterOne), yield* readTotal(counterTwo)], [100, 0])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([yield* readTotal(counterOne), yield* readTotal(counterTwo)], [100, 100])
    }).pipe(Effect.provide(layer())))

  it.effect("[ROO8] [TOP6] an idle topic is passivated, and loaded from its log when its timer fires", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const log = yield* EventLog
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 500_000 })
      yield* sendCommand(counterTwo, { _tag: "add", n: 1 })
      yield* subscribe(counterTwo, recordingSubscriber("x"))
      yield* TestClock.adjust(200_000)
      assert.deepStrictEqual(yield* topics.stats, { loadedTopics: 1, subscriptions: 1 })
      assert.strictEqual((yield* log.snapshot(counterOne))._tag, "Some")
      yield* TestClock.adjust(300_000)
      assert.strictEqual(yield* readTotal(counterOne), 100)
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP6] a timer that was due while the server was down fires at the next start", () =>
    Effect.gen(function*() {
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 1000 }).pipe(Effect.provide(hostsLayer()))
      yield* TestClock.adjust(5000)
      const after = Effect.gen(function*() {
        yield* Effect.flatMap(Topics, (topics) => topics.recover)
        yield* runReadyFibers
        return yield* readTotal(counterOne)
      })
      assert.strictEqual(yield* after.pipe(Effect.provide(hostsLayer())), 100)
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[ROO8] [SYN2] a subscription that arrives as its topic is passivated keeps the topic in memory", () => {
    const latch = Latch.makeUnsafe(true)
    const slow = memoryLogWith((log) => ({ append: (append) => latch.whenOpen(log.append(append)) }))
    return Effect.gen(function*() {
      const topics = yield* Topics
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      yield* TestClock.adjust(900)
      // Idle since; the next sweep finds it so, while the first of these is being stored.
      yield* latch.close
      const post = (id: string) =>
        topics.post(counterOne, {
          id: id as never,
          author: alice,
          input: { _tag: "add", n: 1 },
          reply: () => undefined
        })
      post("a")
      yield* TestClock.adjust(1_000)
      topics.subscribe(counterOne, subscriber, undefined, () => undefined)
      yield* latch.open
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* topics.stats, { loadedTopics: 1, subscriptions: 1 })
      yield* sendCommand(counterOne, { _tag: "add", n: 1 })
      assert.deepStrictEqual(deltaRanges(subscriber), [[2, 3]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer({ passivateAfter: 500 }), slow)))
  })

  it.effect("[ROO8] a topic that does not exist takes no memory, and one with a running intent stays", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      yield* sendCommand(counterOne, { _tag: "add", n: -1 })
      yield* runReadyFibers
      assert.strictEqual((yield* topics.stats).loadedTopics, 0)
      const fiber = yield* Effect.forkChild(sendCommand(counterTwo, { _tag: "ask", question: "why" }))
      yield* TestClock.adjust(1_000_000)
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* topics.stats).loadedTopics, 1)
    }).pipe(Effect.provide(layer())))
})
