import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Layer, Option, Result } from "effect"
import { TestClock } from "effect/testing"
import type { UnchainedEntry } from "../../../src/domain/topic/Log.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { type AppendRequest, EventLog, EventLogError, LogUnavailable } from "../../../src/services/EventLog.ts"
import { IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Topics } from "../../../src/services/Topics.ts"
import type * as CounterKind from "../../support/CounterKind.ts"
import {
  alice,
  counterOne,
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

const add = { _tag: "add", n: 1 } as const

const unavailable = new EventLogError({
  reason: new LogUnavailable({ operation: "append", full: false, cause: "a broken disk" })
})

const accepted = (seq: number, duplicate = false) => Result.succeed({ topic: counterOne, seq, duplicate })

const codes = (outcomes: ReadonlyArray<Result.Result<unknown, { readonly code: string }>>) =>
  outcomes.map((outcome) => Result.isSuccess(outcome) ? "ok" : outcome.failure.code)

/** An append as another writer of the same log would make it. */
const foreignAppend = (
  expected: number,
  events: ReadonlyArray<UnchainedEntry["event"]>,
  version = 2
): AppendRequest => ({
  topic: counterOne,
  expectedSeq: expected,
  drafts: events.map((event, i) => ({
    topic: counterOne,
    seq: expected + 1 + i,
    at: 0,
    cause: `foreign-${expected + i}` as UnchainedEntry["cause"],
    author: alice,
    version,
    event
  })),
  wakeAt: undefined,
  hasPendingIntents: false,
  listing: undefined
})

describe("a log that fails", () => {
  it.effect("[FLT4] a failed append is not acknowledged or published, and the state stays the durable one", () => {
    let broken = false
    const faulty = memoryLogWith((log) => ({
      append: (append) => broken ? Effect.fail(unavailable) : log.append(append)
    }))
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* subscribe(counterOne, subscriber)
      broken = true
      assert.deepStrictEqual(
        codes(yield* sendCommands(counterOne, [["a", add], ["b", { _tag: "add", n: -5 }], ["c", add]])),
        ["unavailable", "unavailable", "unavailable"]
      )
      assert.strictEqual(yield* readTotal(counterOne), 1)
      broken = false
      assert.deepStrictEqual(codes(yield* sendCommands(counterOne, [["a", add], ["c", add]])), ["ok", "ok"])
      assert.strictEqual(yield* readTotal(counterOne), 3)
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), faulty)))
  })

  it.effect("[FLT4] [SYN4] a commit that was reported as failed but happened is applied once", () => {
    let ambiguous = false
    const faulty = memoryLogWith((log) => ({
      append: (append) => ambiguous ? Effect.andThen(log.append(append), Effect.fail(unavailable)) : log.append(append)
    }))
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* subscribe(counterOne, subscriber)
      ambiguous = true
      assert.deepStrictEqual(codes([yield* sendCommand(counterOne, add, { id: "a" })]), ["unavailable"])
      ambiguous = false
      assert.deepStrictEqual(
        yield* sendCommands(counterOne, [["a", add], ["b", add]]),
        [
          Result.succeed({ topic: counterOne, seq: 2, duplicate: true }),
          Result.succeed({ topic: counterOne, seq: 3, duplicate: false })
        ]
      )
      assert.strictEqual(yield* readTotal(counterOne), 3)
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), faulty)))
  })

  it.effect("[TOP6] [FLT4] entries that a failed append left in the log are found with back-off, published once, and their intents started", () => {
    const disk = { ambiguous: false, failedReads: 0, reads: 0 }
    const faulty = memoryLogWith((log) => ({
      append: (append) =>
        disk.ambiguous ? Effect.andThen(log.append(append), Effect.fail(unavailable)) : log.append(append),
      head: (topic) => {
        disk.reads += 1
        return disk.failedReads-- > 0 ? Effect.fail(unavailable) : log.head(topic)
      }
    }))
    return Effect.gen(function*() {
      const asked: Array<string> = []
      yield* (yield* IntentHandlers).register<CounterKind.Ask>("Ask", (_topic, { id }) => {
        asked.push(id)
        return Effect.never
      })
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 60_000 })
      yield* subscribe(counterOne, subscriber)
      disk.ambiguous = true
      disk.failedReads = 3
      disk.reads = 0
      assert.deepStrictEqual(codes([yield* sendCommand(counterOne, { _tag: "ask", question: "?" }, { id: "a" })]), [
        "unavailable"
      ])
      disk.ambiguous = false
      yield* TestClock.adjust(249)
      assert.deepStrictEqual([disk.reads, asked, deltaRanges(subscriber)], [0, [], []])
      // Fails after 250, 750 and 1,750 ms, then succeeds.
      yield* TestClock.adjust(3_501)
      assert.deepStrictEqual([disk.reads, asked, deltaRanges(subscriber)], [4, ["a"], [[2, 3]]])
      yield* TestClock.adjust(30_000)
      assert.strictEqual(disk.reads, 4)
      assert.deepStrictEqual(
        yield* sendCommand(counterOne, { _tag: "ask", question: "?" }, { id: "a" }),
        accepted(3, true)
      )
      yield* TestClock.adjust(30_000)
      assert.strictEqual(yield* readTotal(counterOne), 101, "the timer fired when it was due")
      assert.deepStrictEqual(deltaRanges(subscriber), [[2, 3], [3, 5]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), faulty)))
  })

  it.effect("[TOP6] [ROO8] a topic that may be behind its log stays in memory until it has read the head", () => {
    let ambiguous = false
    const faulty = memoryLogWith((log) => ({
      append: (append) => ambiguous ? Effect.andThen(log.append(append), Effect.fail(unavailable)) : log.append(append)
    }))
    return Effect.gen(function*() {
      const asked: Array<string> = []
      yield* (yield* IntentHandlers).register<CounterKind.Ask>("Ask", (_topic, { id }) => {
        asked.push(id)
        return Effect.never
      })
      ambiguous = true
      // The very first event: a topic without a log is otherwise passivated at once.
      assert.deepStrictEqual(codes([yield* sendCommand(counterOne, { _tag: "ask", question: "?" }, { id: "a" })]), [
        "unavailable"
      ])
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(asked, ["a"])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer({ passivateAfter: 10 }), faulty)))
  })

  it.effect("[TOP6] while the disk stays broken, the head of the log is read ever less often", () => {
    let reads = 0
    const broken = memoryLogWith((log) => ({
      append: () => Effect.fail(unavailable),
      head: (topic) => {
        reads += 1
        return reads === 1 ? log.head(topic) : Effect.fail(unavailable)
      }
    }))
    return Effect.gen(function*() {
      yield* sendCommand(counterOne, add)
      yield* TestClock.adjust("10 minutes")
      assert.isAtMost(reads, 30)
      assert.isAtLeast(reads, 20)
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), broken)))
  })

  it.effect("[TOP1] [TOP6] a timer whose event cannot be stored fires again", () => {
    let broken = false
    const faulty = memoryLogWith((log) => ({
      append: (append) => broken ? Effect.fail(unavailable) : log.append(append)
    }))
    return Effect.gen(function*() {
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 1000 })
      broken = true
      yield* TestClock.adjust(2500)
      broken = false
      yield* TestClock.adjust(500)
      assert.strictEqual(yield* readTotal(counterOne), 100)
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), faulty)))
  })

  it.effect("a topic whose log cannot be read rejects its messages, and is loaded again with the next one", () => {
    let broken = true
    const faulty = memoryLogWith((log) => ({ head: (topic) => broken ? Effect.fail(unavailable) : log.head(topic) }))
    return Effect.gen(function*() {
      assert.deepStrictEqual(codes(yield* sendCommands(counterOne, [["a", add], ["b", add]])), [
        "unavailable",
        "unavailable"
      ])
      broken = false
      assert.deepStrictEqual(codes(yield* sendCommands(counterOne, [["a", add], ["b", add]])), ["ok", "ok"])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), faulty)))
  })
})

describe("durability", () => {
  it.effect("[TOP4] nothing is published or acknowledged before the commit; all of it is after", () => {
    const latch = Latch.makeUnsafe(true)
    const slow = memoryLogWith((log) => ({ append: (append) => latch.whenOpen(log.append(append)) }))
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* subscribe(counterOne, subscriber)
      yield* latch.close
      const topics = yield* Topics
      let outcome: unknown
      topics.post(counterOne, { id: "a" as never, author: alice, input: add, reply: (result) => outcome = result })
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual([outcome, subscriber.received], [undefined, []])
      yield* latch.open
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(outcome, Result.succeed({ topic: counterOne, seq: 2, duplicate: false }))
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 2]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), slow)))
  })

  it.effect("[SYN11] commands queued when the server stops are stored and acknowledged; new ones are rejected", () =>
    Effect.gen(function*() {
      const outcomes: Array<Result.Result<unknown, { readonly code: string }>> = []
      const post = (topics: Topics["Service"], id: string) =>
        topics.post(counterOne, {
          id: id as never,
          author: alice,
          input: add,
          reply: (result) => outcomes.push(result)
        })
      const topics = yield* Effect.tap(Topics, (topics) => {
        for (let i = 0; i < 100; i++) post(topics, `c${i}`)
        return Effect.void
      }).pipe(Effect.provide(hostsLayer()))
      assert.strictEqual(outcomes.filter(Result.isSuccess).length, 100)
      post(topics, "late")
      assert.deepStrictEqual(codes(outcomes.slice(100)), ["unavailable"])
      const log = yield* EventLog
      assert.strictEqual((yield* log.read(counterOne, { after: 0, limit: 200 })).length, 100)
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[TOP3] after another writer's append the host continues from the log", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* subscribe(counterOne, subscriber)
      yield* log.append(foreignAppend(1, [{ _tag: "Added", n: 50 }]))
      assert.deepStrictEqual(
        yield* sendCommand(counterOne, add),
        Result.succeed({ topic: counterOne, seq: 3, duplicate: false })
      )
      assert.strictEqual(yield* readTotal(counterOne), 52)
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3]])
    }).pipe(Effect.provide(layer())))
})

describe("snapshots and versions", () => {
  it.effect("[TOP7] a snapshot is written every so many events; without it, or with an unusable one, the state is the same", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const session = <A, E>(body: Effect.Effect<A, E, Topics>) =>
        body.pipe(Effect.provide(hostsLayer({ snapshotEvery: 4 })))
      for (let i = 0; i < 7; i++) yield* session(sendCommand(counterOne, add, { id: `c${i}` }))
      assert.strictEqual(Option.getOrThrow(yield* log.snapshot(counterOne)).seq, 4)
      assert.strictEqual(yield* session(readTotal(counterOne)), 7)
      for (const [version, state] of [[1, "{}"], [2, "not JSON"], [2, "{}"]] as const) {
        yield* log.saveSnapshot(counterOne, { seq: 4, version, state })
        assert.strictEqual(yield* session(readTotal(counterOne)), 7)
      }
      // Commands from before the snapshot are known from the log.
      assert.deepStrictEqual(
        yield* session(sendCommand(counterOne, add, { id: "c1" })),
        Result.succeed({ topic: counterOne, seq: 2, duplicate: true })
      )
    }).pipe(Effect.provide(EventLogMemory.layer)))

  it.effect("[TOP9] events of an older version are upcast when they are read", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* log.append(foreignAppend(0, [5, 6], 1))
      assert.strictEqual(yield* readTotal(counterOne), 11)
      const caught = Result.getOrThrow(
        yield* subscribe(counterOne, recordingSubscriber("x"), {
          epoch: Option.getOrThrow(yield* log.head(counterOne)).position.epoch,
          seq: 1
        })
      )
      assert.deepStrictEqual(caught.mode === "deltas" && caught.events.map(({ event }) => event), [
        { _tag: "Added", n: 6 }
      ])
    }).pipe(Effect.provide(layer())))
})
