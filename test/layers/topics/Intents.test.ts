import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Latch, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import * as Memory from "../../../src/layers/eventlog/Memory.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Performers } from "../../../src/services/Performers.ts"
import { Topics } from "../../../src/services/Topics.ts"
import type { Ask } from "../../support/Counter.ts"
import {
  alice,
  deltas,
  hosts,
  layer,
  listener,
  one,
  send,
  sendAll,
  subscribe,
  total,
  two,
  withLog
} from "../../support/Hosted.ts"

/** Lets everything that is ready run. */
const settle = TestClock.adjust(0)

describe("intents", () => {
  it.effect("[TOP4] an intent is performed once its event is durable, and its answer is logged", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const performers = yield* Performers
      const seen: Array<number> = []
      yield* performers.register<Ask>("Ask", (topic, { id }) =>
        Effect.gen(function*() {
          seen.push((yield* log.read(topic, { after: 0, limit: 10 }).pipe(Effect.orDie)).length)
          return { _tag: "Answered", id, value: 42 }
        }))
      yield* send(one, { _tag: "ask", question: "why" }, { id: "q" })
      yield* settle
      assert.deepStrictEqual(seen, [1])
      assert.strictEqual(yield* total(one), 42)
      const entries = yield* log.read(one, { after: 0, limit: 10 })
      assert.deepStrictEqual(entries.map(({ author, cause }) => [cause, author]), [
        ["q", "system:alice"],
        ["q/answer", "system:world"]
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("[CHO8] an intent that is no longer owed is interrupted", () =>
    Effect.gen(function*() {
      const performers = yield* Performers
      const interrupted = yield* Deferred.make<void>()
      yield* performers.register("Ask", () =>
        Effect.onInterrupt(Effect.never, () => Effect.asVoid(Deferred.succeed(interrupted, undefined))))
      yield* send(one, { _tag: "ask", question: "why" }, { id: "q" })
      yield* settle
      yield* send(one, { _tag: "forget", id: "q" as never })
      yield* Deferred.await(interrupted)
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP4] what is owed and settled within one commit is never performed", () =>
    Effect.gen(function*() {
      const performers = yield* Performers
      let performed = 0
      yield* performers.register("Ask", () => Effect.sync(() => performed++))
      yield* sendAll(one, [["q", { _tag: "ask", question: "why" }], ["r", { _tag: "forget", id: "q" as never }]])
      yield* settle
      assert.strictEqual(performed, 0)
    }).pipe(Effect.provide(layer())))

  it.effect("[FLT25] a performer that dies is called again with back-off", () =>
    Effect.gen(function*() {
      const performers = yield* Performers
      let calls = 0
      yield* performers.register<Ask>("Ask", (_, { id }) =>
        ++calls < 4 ? Effect.die("a broken performer") : Effect.succeed({ _tag: "Answered", id, value: 1 }))
      yield* send(one, { _tag: "ask", question: "why" })
      yield* TestClock.adjust(699)
      assert.strictEqual(calls, 3)
      yield* TestClock.adjust(1)
      assert.strictEqual(calls, 4)
      assert.strictEqual(yield* total(one), 1)
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP6] what is owed is issued again under the same id after a restart, until it is answered", () =>
    Effect.gen(function*() {
      const ids: Array<string> = []
      const session = <A, E>(body: Effect.Effect<A, E, Topics | EventLog>, perform: Effect.Effect<unknown>) =>
        Effect.gen(function*() {
          const performers = yield* Performers
          yield* performers.register<Ask>("Ask", (_, { id }) => {
            ids.push(id)
            return Effect.map(perform, () => ({ _tag: "Answered", id, value: 5 }))
          })
          yield* Effect.flatMap(Topics, (topics) => topics.recover)
          yield* settle
          return yield* body
        }).pipe(Effect.provide(hosts()))
      yield* session(Effect.andThen(send(one, { _tag: "ask", question: "why" }, { id: "q" }), settle), Effect.never)
      yield* session(Effect.void, Effect.never)
      assert.strictEqual(yield* session(total(one), Effect.void), 5)
      assert.strictEqual(yield* session(total(one), Effect.void), 5)
      assert.deepStrictEqual(ids, ["q", "q", "q"])
    }).pipe(Effect.provide(Memory.layer)))
})

describe("between topics", () => {
  it.effect("[TOP6] a tell is another topic's command, by this topic, once", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      yield* send(one, { _tag: "tell", topic: two, n: 3 }, { id: "t" })
      yield* settle
      assert.strictEqual(yield* total(two), 3)
      assert.strictEqual(yield* total(one), 1000)
      const entries = [
        ...yield* log.read(one, { after: 1, limit: 10 }),
        ...yield* log.read(two, { after: 0, limit: 10 })
      ]
      assert.deepStrictEqual(entries.map(({ author, cause }) => [cause, author]), [
        ["t/tell/answer", "system:counter:two"],
        ["t/tell", "system:counter:one"]
      ])
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP6] the other topic's refusal comes back as the answer", () =>
    Effect.gen(function*() {
      yield* send(one, { _tag: "add", n: 10 })
      yield* send(one, { _tag: "tell", topic: two, n: -3 })
      yield* send(one, { _tag: "tell", topic: "nobody:here" as typeof two, n: 1 })
      yield* settle
      assert.strictEqual(yield* total(one), 8)
      assert.strictEqual(yield* total(two), 0)
    }).pipe(Effect.provide(layer())))

  it.effect("[THR2] a forwarded command is decided elsewhere, under its own id and author", () =>
    Effect.gen(function*() {
      const pass = { _tag: "pass_on", topic: two, n: 3 } as const
      assert.deepStrictEqual(
        yield* send(one, pass, { id: "f" }),
        Result.succeed({ topic: two, seq: 1, duplicate: false })
      )
      assert.deepStrictEqual(
        yield* send(one, pass, { id: "f" }),
        Result.succeed({ topic: two, seq: 1, duplicate: true })
      )
      assert.strictEqual(yield* total(two), 3)
      const log = yield* EventLog
      const [entry] = yield* log.read(two, { after: 0, limit: 1 })
      assert.deepStrictEqual([entry?.cause, entry?.author], ["f", "system:alice"])
    }).pipe(Effect.provide(layer())))
})

describe("timers", () => {
  it.effect("[TOP1] a topic is woken when its time has come, not before, and once", () =>
    Effect.gen(function*() {
      const ear = listener("x")
      yield* subscribe(one, ear)
      yield* send(one, { _tag: "wake_at", at: 1000 })
      yield* TestClock.adjust(999)
      assert.strictEqual(yield* total(one), 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* total(one), 100)
      yield* TestClock.adjust(100_000)
      assert.strictEqual(yield* total(one), 100)
      assert.deepStrictEqual(deltas(ear), [[0, 1], [1, 3]])
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP1] a time that is changed replaces the one before", () =>
    Effect.gen(function*() {
      yield* send(one, { _tag: "wake_at", at: 5000 })
      yield* send(two, { _tag: "wake_at", at: 3000 })
      yield* send(one, { _tag: "wake_at", at: 1000 })
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual([yield* total(one), yield* total(two)], [100, 0])
      yield* send(two, { _tag: "wake_at", at: 9000 })
      yield* TestClock.adjust(7999)
      assert.deepStrictEqual([yield* total(one), yield* total(two)], [100, 0])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([yield* total(one), yield* total(two)], [100, 100])
    }).pipe(Effect.provide(layer())))

  it.effect("[ROO8] [TOP6] an idle topic leaves memory, and is woken from the log", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      const log = yield* EventLog
      yield* send(one, { _tag: "wake_at", at: 500_000 })
      yield* send(two, { _tag: "add", n: 1 })
      yield* subscribe(two, listener("x"))
      yield* TestClock.adjust(200_000)
      assert.deepStrictEqual(yield* topics.stats, { live: 1, subscriptions: 1 })
      assert.strictEqual((yield* log.snapshot(one))._tag, "Some")
      yield* TestClock.adjust(300_000)
      assert.strictEqual(yield* total(one), 100)
    }).pipe(Effect.provide(layer())))

  it.effect("[TOP6] a time that came while nothing ran is taken up at the start", () =>
    Effect.gen(function*() {
      yield* send(one, { _tag: "wake_at", at: 1000 }).pipe(Effect.provide(hosts()))
      yield* TestClock.adjust(5000)
      const after = Effect.gen(function*() {
        yield* Effect.flatMap(Topics, (topics) => topics.recover)
        yield* settle
        return yield* total(one)
      })
      assert.strictEqual(yield* after.pipe(Effect.provide(hosts())), 100)
    }).pipe(Effect.provide(Memory.layer)))

  it.effect("[ROO8] [SYN2] whoever subscribes just as a topic is about to leave memory keeps it there", () => {
    const latch = Latch.makeUnsafe(true)
    const slow = withLog((log) => ({ append: (append) => latch.whenOpen(log.append(append)) }))
    return Effect.gen(function*() {
      const topics = yield* Topics
      const ear = listener("x")
      yield* send(one, { _tag: "add", n: 1 })
      yield* TestClock.adjust(900)
      // Idle since; the next sweep finds it so, while the first of these is being stored.
      yield* latch.close
      const post = (id: string) =>
        topics.post(one, { id: id as never, author: alice, input: { _tag: "add", n: 1 }, reply: () => undefined })
      post("a")
      yield* TestClock.adjust(1_000)
      topics.subscribe(one, ear, undefined, () => undefined)
      yield* latch.open
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* topics.stats, { live: 1, subscriptions: 1 })
      yield* send(one, { _tag: "add", n: 1 })
      assert.deepStrictEqual(deltas(ear), [[2, 3]])
    }).pipe(Effect.provide(Layer.provideMerge(hosts({ passivateAfter: 500 }), slow)))
  })

  it.effect("[ROO8] a topic that does not exist costs no memory, and one that is owed something stays", () =>
    Effect.gen(function*() {
      const topics = yield* Topics
      yield* send(one, { _tag: "add", n: -1 })
      yield* settle
      assert.strictEqual((yield* topics.stats).live, 0)
      const fiber = yield* Effect.forkChild(send(two, { _tag: "ask", question: "why" }))
      yield* TestClock.adjust(1_000_000)
      yield* Fiber.join(fiber)
      assert.strictEqual((yield* topics.stats).live, 1)
    }).pipe(Effect.provide(layer())))
})
