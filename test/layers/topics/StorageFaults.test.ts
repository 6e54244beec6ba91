import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogMemory from "../../../src/layers/eventlog/EventLogMemory.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Topics } from "../../../src/services/Topics.ts"
import type * as CounterKind from "../../support/CounterKind.ts"
import {
  accepted,
  alice,
  codeOf,
  counterOne,
  deltaRanges,
  type Disk,
  diskFailure,
  foreignAppend,
  hostsLayer,
  layer,
  logOnDisk,
  memoryLogWith,
  readTotal,
  recordingSubscriber,
  sendCommand,
  sendCommands,
  subscribe
} from "../../support/TopicHostFixture.ts"

const add = { _tag: "add", n: 1 } as const

/** Registers a handler of `Ask` that never answers; returns the ids of the intents that were started. */
const recordAsked = Effect.gen(function*() {
  const asked: Array<string> = []
  yield* (yield* IntentHandlers).register<CounterKind.Ask>("Ask", (_topic, { id }) => {
    asked.push(id)
    return Effect.never
  })
  return asked
})

describe("a log that fails", () => {
  it.effect("[FLT4] a failed append is not acknowledged or published, and the state stays the durable one", () => {
    const disk: Disk = { mode: "sound" }
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* subscribe(counterOne, subscriber)
      disk.mode = "broken"
      assert.deepStrictEqual(
        (yield* sendCommands(counterOne, [["a", add], ["b", { _tag: "add", n: -5 }], ["c", add]])).map(codeOf),
        ["unavailable", "unavailable", "unavailable"]
      )
      assert.strictEqual(yield* readTotal(counterOne), 1)
      disk.mode = "sound"
      assert.deepStrictEqual((yield* sendCommands(counterOne, [["a", add], ["c", add]])).map(codeOf), ["ok", "ok"])
      assert.strictEqual(yield* readTotal(counterOne), 3)
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), logOnDisk(disk))))
  })

  it.effect("[FLT4] [SYN4] a commit that was reported as failed but happened is applied once", () => {
    const disk: Disk = { mode: "sound" }
    return Effect.gen(function*() {
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* subscribe(counterOne, subscriber)
      disk.mode = "ambiguous"
      assert.strictEqual(codeOf(yield* sendCommand(counterOne, add, { id: "a" })), "unavailable")
      disk.mode = "sound"
      assert.deepStrictEqual(yield* sendCommands(counterOne, [["a", add], ["b", add]]), [
        accepted(2, true),
        accepted(3)
      ])
      assert.strictEqual(yield* readTotal(counterOne), 3)
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3]])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), logOnDisk(disk))))
  })

  it.effect("[TOP6] [FLT4] entries that a failed append left in the log are found with back-off, published once, and their intents started", () => {
    const disk: Disk = { mode: "sound" }
    const head = { failures: 0, reads: 0 }
    const faulty = logOnDisk(disk, (log) => ({
      head: (topic) => {
        head.reads += 1
        return head.failures-- > 0 ? Effect.fail(diskFailure) : log.head(topic)
      }
    }))
    return Effect.gen(function*() {
      const asked = yield* recordAsked
      const subscriber = recordingSubscriber("x")
      yield* sendCommand(counterOne, add)
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 60_000 })
      yield* subscribe(counterOne, subscriber)
      disk.mode = "ambiguous"
      head.failures = 3
      head.reads = 0
      assert.strictEqual(
        codeOf(yield* sendCommand(counterOne, { _tag: "ask", question: "?" }, { id: "a" })),
        "unavailable"
      )
      disk.mode = "sound"
      yield* TestClock.adjust(249)
      assert.deepStrictEqual([head.reads, asked, deltaRanges(subscriber)], [0, [], []])
      // Fails after 250, 750 and 1,750 ms, then succeeds.
      yield* TestClock.adjust(3_501)
      assert.deepStrictEqual([head.reads, asked, deltaRanges(subscriber)], [4, ["a"], [[2, 3]]])
      yield* TestClock.adjust(30_000)
      assert.strictEqual(head.reads, 4)
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
    const disk: Disk = { mode: "sound" }
    return Effect.gen(function*() {
      const asked = yield* recordAsked
      disk.mode = "ambiguous"
      // The very first event: a topic without a log is otherwise passivated at once.
      assert.strictEqual(
        codeOf(yield* sendCommand(counterOne, { _tag: "ask", question: "?" }, { id: "a" })),
        "unavailable"
      )
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual(asked, ["a"])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer({ passivateAfter: 10 }), logOnDisk(disk))))
  })

  it.effect("[TOP6] while the disk stays broken, the head of the log is read ever less often", () => {
    let reads = 0
    const broken = logOnDisk({ mode: "broken" }, (log) => ({
      head: (topic) => {
        reads += 1
        return reads === 1 ? log.head(topic) : Effect.fail(diskFailure)
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
    const disk: Disk = { mode: "sound" }
    return Effect.gen(function*() {
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 1000 })
      disk.mode = "broken"
      yield* TestClock.adjust(2500)
      disk.mode = "sound"
      yield* TestClock.adjust(500)
      assert.strictEqual(yield* readTotal(counterOne), 100)
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), logOnDisk(disk))))
  })

  it.effect("[TOP6] a timer whose topic cannot be loaded fires again, until it is loaded", () => {
    let broken = false
    const faulty = memoryLogWith((log) => ({ head: (topic) => broken ? Effect.fail(diskFailure) : log.head(topic) }))
    return Effect.gen(function*() {
      const log = yield* EventLog
      yield* sendCommand(counterOne, { _tag: "wake_at", at: 60_000 })
      yield* TestClock.adjust(30_000)
      assert.strictEqual((yield* (yield* Topics).stats).loadedTopics, 0)
      broken = true
      yield* TestClock.adjust(90_000)
      assert.lengthOf(yield* log.read(counterOne, { after: 1, limit: 9 }), 0)
      broken = false
      // No message loads the topic: only its own timer does.
      yield* TestClock.adjust(1_000)
      assert.deepStrictEqual((yield* log.read(counterOne, { after: 1, limit: 9 })).map(({ event }) => event), [
        { _tag: "WakeSet", at: null },
        { _tag: "Added", n: 100 }
      ])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer({ passivateAfter: 10_000 }), faulty)))
  })

  it.effect("[SYN5] [FLT25] a command has one answer, also when what follows its commit meets a defect", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const outcomes: Array<string> = []
      topics.post(counterOne, {
        id: CommandId.make("a"),
        author: alice,
        input: add,
        reply: (outcome) => outcomes.push(codeOf(outcome))
      })
      yield* TestClock.adjust(1_000)
      assert.strictEqual(yield* readTotal(counterOne), 1)
      assert.deepStrictEqual(outcomes, ["ok"])
    }).pipe(Effect.provide(Layer.provideMerge(
      hostsLayer({ snapshotEvery: 1 }),
      memoryLogWith(() => ({ saveSnapshot: () => Effect.die("a defect of the snapshot writer") }))
    ))))

  it.effect("a topic whose log cannot be read rejects its messages, and is loaded again with the next one", () => {
    let broken = true
    const faulty = memoryLogWith((log) => ({ head: (topic) => broken ? Effect.fail(diskFailure) : log.head(topic) }))
    return Effect.gen(function*() {
      assert.deepStrictEqual((yield* sendCommands(counterOne, [["a", add], ["b", add]])).map(codeOf), [
        "unavailable",
        "unavailable"
      ])
      broken = false
      assert.deepStrictEqual((yield* sendCommands(counterOne, [["a", add], ["b", add]])).map(codeOf), ["ok", "ok"])
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), faulty)))
  })
})

describe("leaving memory", () => {
  it.effect("[ROO8] who subscribes and sends while the last snapshot is stored is answered, and hears what follows", () => {
    const latch = Latch.makeUnsafe(false)
    let saves = 0
    const slow = memoryLogWith((log) => ({
      saveSnapshot: (topic, snapshot) => {
        saves += 1
        return latch.whenOpen(log.saveSnapshot(topic, snapshot))
      }
    }))
    return Effect.gen(function*() {
      yield* sendCommand(counterOne, add)
      yield* TestClock.adjust(30_000)
      assert.strictEqual(saves, 1)
      const subscriber = recordingSubscriber("x")
      const subscription = yield* Effect.forkChild(subscribe(counterOne, subscriber), { startImmediately: true })
      const command = yield* Effect.forkChild(sendCommand(counterOne, add), { startImmediately: true })
      yield* latch.open
      yield* TestClock.adjust(1)
      assert.strictEqual(codeOf(yield* Fiber.join(subscription)), "ok")
      assert.deepStrictEqual(yield* Fiber.join(command), accepted(2))
      assert.deepStrictEqual(yield* sendCommand(counterOne, add), accepted(3))
      assert.strictEqual(deltaRanges(subscriber).at(-1)?.[1], 3)
      assert.strictEqual((yield* (yield* Topics).stats).subscriptions, 1)
    }).pipe(Effect.provide(Layer.provideMerge(hostsLayer({ passivateAfter: 10_000 }), slow)))
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
      assert.deepStrictEqual(outcome, accepted(2))
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
      assert.deepStrictEqual(outcomes.slice(100).map(codeOf), ["unavailable"])
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
      assert.deepStrictEqual(yield* sendCommand(counterOne, add), accepted(3))
      assert.strictEqual(yield* readTotal(counterOne), 52)
      assert.deepStrictEqual(deltaRanges(subscriber), [[1, 3]])
    }).pipe(Effect.provide(layer())))
})
