import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { shipped } from "../../../src/domain/kinds/Kinds.ts"
import * as DatabaseLive from "../../../src/layers/database/Database.ts"
import * as PointId from "../../../src/layers/database/PointId.ts"
import * as ProjectorLive from "../../../src/layers/database/Projector.ts"
import * as MemoryLog from "../../../src/layers/eventlog/Memory.ts"
import { PriorsCollection } from "../../../src/services/Database.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Projector } from "../../../src/services/Projector.ts"
import { Unreachable, VectorIndex } from "../../../src/services/VectorIndex.ts"
import * as Embedder from "../../support/Embedder.ts"
import * as FaultyIndex from "../../support/FaultyIndex.ts"
import * as Logs from "../../support/Logs.ts"
import { thread } from "../../support/Points.ts"

const collection = "priors-test"
const alice = Logs.user("B")

const setup = () => {
  const index = FaultyIndex.make()
  const embedder = Embedder.make()
  const around = Layer.mergeAll(
    index.layer,
    embedder.layer,
    MemoryLog.layer,
    Layer.succeed(Kinds, shipped),
    Layer.succeed(PriorsCollection, { name: collection, dimension: Embedder.dimensions, embedModel: "test/words" })
  )
  const database = DatabaseLive.layer.pipe(Layer.provideMerge(around))
  return { index: index.control, embedder: embedder.control, database, projector: ProjectorLive.layer }
}

/** Everything in the index, by id. */
const stored = Effect.flatMap(VectorIndex, (index) => index.scroll(collection, { after: null, limit: 10_000 }))
const contents = Effect.map(stored, (points) => points.map((point) => point.payload.content).sort())
const caughtUp = Effect.flatMap(Projector, (projector) => projector.caughtUp)

describe("Projector", () => {
  it.effect("[STO4] published text becomes points that say where they come from", () => {
    const { database, projector } = setup()
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "public"), Logs.published("m1", alice, "hello there", 7)])
      yield* caughtUp
      const [point] = yield* stored
      assert.deepStrictEqual(point?.payload, {
        thread: topic,
        message: Logs.command("m1"),
        author: alice,
        content: "hello there",
        content_hash: PointId.hash("hello there"),
        visibility: "public",
        log_seq: 2,
        embed_model: "test/words",
        created_at: 7,
        version: 2
      })
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO4, THR4] a submission is found once it is approved, not before and not otherwise", () => {
    const { database, projector } = setup()
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [
        Logs.created(alice, "public"),
        Logs.opened("s1", alice, "accepted words"),
        Logs.opened("s2", alice, "refused words")
      ])
      yield* caughtUp
      assert.deepStrictEqual(yield* contents, [])
      yield* Logs.append(topic, [Logs.settled("s1", "approved", topic), Logs.settled("s2", "rejected", topic)])
      yield* caughtUp
      assert.deepStrictEqual(yield* contents, ["accepted words"])
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO4] long texts come in chunks of the same message", () => {
    const { database, projector } = setup()
    return Effect.gen(function*() {
      const paragraphs = Array.from({ length: 12 }, (_, n) => `${n} ${"word ".repeat(120)}`.trim())
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "public"), Logs.published("m1", alice, paragraphs.join("\n\n"))])
      yield* caughtUp
      const points = yield* stored
      assert.strictEqual(points.length, 6)
      assert.isTrue(points.every((point) => point.payload.message === "m1"))
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO4] doing it again changes nothing: same ids, same points", () => {
    const { database, projector } = setup()
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "members"), Logs.published("m1", alice, "hello")])
      yield* caughtUp
      const before = yield* stored
      yield* Effect.flatMap(Projector, (projector) => projector.rebuild)
      yield* caughtUp
      assert.deepStrictEqual(yield* stored, before)
      assert.match(before[0]!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/)
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO4, TOP6] a new process goes on where the last one stopped, also in the middle of a vote", () => {
    const { database, embedder, projector } = setup()
    return Effect.gen(function*() {
      const topic = thread("one")
      const once = Effect.provide(caughtUp, Layer.fresh(projector))
      yield* Logs.append(topic, [
        Logs.created(alice, "public"),
        Logs.published("m1", alice, "first"),
        Logs.opened("s1", alice, "second")
      ])
      yield* once
      yield* Logs.append(topic, [Logs.settled("s1", "approved", topic)])
      yield* once
      assert.deepStrictEqual(yield* contents, ["first", "second"])
      assert.deepStrictEqual(embedder.calls.flat(), ["first", "second"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO6, STO8] while the embedder is down nothing is stored and the cursor stays; then everything is", () => {
    const { database, embedder, projector } = setup()
    embedder.fail = () => Embedder.outage
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "public"), Logs.published("m1", alice, "hello")])
      yield* TestClock.adjust("10 seconds")
      const log = yield* EventLog
      assert.deepStrictEqual(yield* log.lagging(collection), [{ topic, seq: 0 }])
      assert.deepStrictEqual(yield* stored, [])
      const tries = embedder.calls.length
      assert.isAbove(tries, 2)
      assert.isBelow(tries, 10)
      embedder.fail = () => undefined
      const waiting = yield* Effect.forkChild(caughtUp)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(yield* contents, ["hello"])
      assert.deepStrictEqual(yield* log.lagging(collection), [])
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO6, FLT13] while the engine is down the log goes on; afterwards nothing is missing and nothing twice", () => {
    const { database, index, projector } = setup()
    index.fail = () => new Unreachable({ detail: "test", cause: "test" })
    return Effect.gen(function*() {
      for (let n = 0; n < 20; n++) {
        yield* Logs.append(thread(`t${n}`), [
          Logs.created(alice, "public"),
          Logs.published(`m${n}`, alice, `text ${n}`)
        ])
      }
      yield* TestClock.adjust("20 seconds")
      index.fail = () => undefined
      const waiting = yield* Effect.forkChild(caughtUp)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(yield* contents, Array.from({ length: 20 }, (_, n) => `text ${n}`).sort())
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO6, FLT13] an index that lost everything is filled again from the logs", () => {
    const { database, index, projector } = setup()
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "public"), Logs.published("m1", alice, "first")])
      yield* caughtUp
      index.lose()
      yield* Logs.append(topic, [Logs.published("m2", alice, "second")])
      yield* caughtUp
      assert.deepStrictEqual(yield* contents, ["first", "second"])
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })

  it.effect("[STO6] so is one that lost everything after a start, before anything was stored", () => {
    const { database, index, projector } = setup()
    const life = Layer.fresh(projector.pipe(Layer.provideMerge(Layer.fresh(DatabaseLive.layer))))
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "public"), Logs.published("m1", alice, "first")])
      yield* Effect.provide(caughtUp, life)
      yield* Effect.gen(function*() {
        yield* caughtUp
        index.lose()
        yield* Logs.append(topic, [Logs.published("m2", alice, "second")])
        yield* caughtUp
        assert.deepStrictEqual(yield* contents, ["first", "second"])
      }).pipe(Effect.provide(life))
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO6] [TOP6] nor is anything missing when the server dies over a lost index", () => {
    const { database, index, projector } = setup()
    let dying = false
    const mortal = Layer.effect(
      EventLog,
      Effect.map(EventLog, (log) =>
        EventLog.of({
          ...log,
          advance: (name, topic, seq) => dying && seq === 0 ? Effect.never : log.advance(name, topic, seq)
        }))
    )
    const life = Layer.fresh(projector.pipe(
      Layer.provideMerge(Layer.fresh(DatabaseLive.layer)),
      Layer.provideMerge(mortal)
    ))
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [Logs.created(alice, "public"), Logs.published("m1", alice, "first")])
      yield* Effect.gen(function*() {
        yield* caughtUp
        index.lose()
        dying = true
        yield* Logs.append(topic, [Logs.published("m2", alice, "second")])
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(life))
      dying = false
      yield* Effect.provide(caughtUp, life)
      assert.deepStrictEqual(yield* contents, ["first", "second"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO6] an index that is empty at the start is filled, whatever the cursors say", () => {
    const { database, index, projector } = setup()
    return Effect.gen(function*() {
      const once = Effect.provide(caughtUp, Layer.fresh(projector))
      yield* Logs.append(thread("one"), [Logs.created(alice, "public"), Logs.published("m1", alice, "first")])
      yield* once
      index.lose()
      yield* once
      assert.deepStrictEqual(yield* contents, ["first"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO8] a text the model will never take is left out alone", () => {
    const { database, embedder, projector } = setup()
    embedder.fail = (inputs) => inputs.includes("🎉") ? Embedder.refusal : undefined
    return Effect.gen(function*() {
      yield* Logs.append(thread("one"), [
        Logs.created(alice, "public"),
        Logs.published("m1", alice, "before"),
        Logs.published("m2", alice, "🎉"),
        Logs.published("m3", alice, "after")
      ])
      yield* caughtUp
      assert.deepStrictEqual(yield* contents, ["after", "before"])
    }).pipe(Effect.provide(projector.pipe(Layer.provideMerge(database))))
  })
})
