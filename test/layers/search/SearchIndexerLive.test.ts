import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Metric } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import type { TopicId } from "../../../src/domain/protocol/Ids.ts"
import type { Event } from "../../../src/domain/thread/ThreadModel.ts"
import type { Erased } from "../../../src/domain/topic/Erasure.ts"
import * as Metrics from "../../../src/layers/observability/Metrics.ts"
import * as DatabaseLive from "../../../src/layers/search/DatabaseLive.ts"
import * as PointDrafts from "../../../src/layers/search/PointDrafts.ts"
import * as SearchIndexerLive from "../../../src/layers/search/SearchIndexerLive.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { SearchIndexer } from "../../../src/services/SearchIndexer.ts"
import { Unreachable, VectorIndex } from "../../../src/services/VectorIndex.ts"
import * as FakeEmbedder from "../../../src/testing/FakeEmbedder.ts"
import { threadId } from "../../support/PointFixture.ts"
import { sealed } from "../../support/SealedFixture.ts"
import * as ThreadLogFixture from "../../support/ThreadLogFixture.ts"
import * as SearchFixture from "./SearchFixture.ts"

const { collection } = SearchFixture
const alice = ThreadLogFixture.userOf("B")

const setup = () => {
  const { database, ...controls } = SearchFixture.make()
  return { ...controls, database, server: SearchIndexerLive.layer.pipe(Layer.provideMerge(database)) }
}

/** Creates a public thread, in which these events follow. */
const appendThread = (topic: TopicId, ...events: ReadonlyArray<Event>) =>
  ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.threadCreated(alice, "public"), ...events])

/** Everything in the index, by id. */
const stored = Effect.flatMap(VectorIndex, (index) => index.scroll(collection, { after: null, limit: 10_000 }))
const contents = Effect.map(stored, (points) => points.map((point) => point.payload.content).sort())
const status = Effect.flatMap(SearchIndexer, (indexer) => indexer.status)
const awaitCaughtUp = Effect.flatMap(SearchIndexer, (indexer) => indexer.awaitCaughtUp)

describe("SearchIndexerLive: projection", () => {
  it.effect("[STO4] published text becomes points with their origin and model", () =>
    Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "hello there", 7))
      yield* awaitCaughtUp
      const [point] = yield* stored
      assert.deepStrictEqual(point?.payload, {
        thread: topic,
        message: ThreadLogFixture.commandId("m1"),
        author: alice,
        content: "hello there",
        content_hash: PointDrafts.sha256Hex("hello there"),
        c: sealed("hello there").c,
        visibility: "public",
        log_seq: 2,
        text_seq: 2,
        embed_model: "test/words",
        created_at: 7,
        version: 2
      })
    }).pipe(Effect.provide(setup().server)))

  it.effect("[STO4] [THR4] a submission is indexed when it is approved, and never otherwise", () =>
    Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(
        topic,
        ThreadLogFixture.submissionOpened("s1", alice, "accepted words"),
        ThreadLogFixture.submissionOpened("s2", alice, "refused words")
      )
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* contents, [])
      yield* ThreadLogFixture.appendEvents(topic, [
        ThreadLogFixture.submissionSettled("s1", "approved", topic),
        ThreadLogFixture.submissionSettled("s2", "rejected", topic)
      ])
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* contents, ["accepted words"])
    }).pipe(Effect.provide(setup().server)))

  it.effect("[STO4] a long text is indexed in chunks of the same message", () =>
    Effect.gen(function*() {
      const paragraphs = Array.from({ length: 12 }, (_, n) => `${n} ${"word ".repeat(120)}`.trim())
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, paragraphs.join("\n\n")))
      yield* awaitCaughtUp
      const points = yield* stored
      assert.strictEqual(points.length, 6)
      assert.isTrue(points.every((point) => point.payload.message === "m1"))
    }).pipe(Effect.provide(setup().server)))
})

describe("SearchIndexerLive: repetition and retries", () => {
  it.effect("[STO4] indexing is idempotent: a rebuild leaves the same points", () =>
    Effect.gen(function*() {
      const topic = threadId("one")
      yield* ThreadLogFixture.appendEvents(topic, [
        ThreadLogFixture.threadCreated(alice, "members"),
        ThreadLogFixture.messagePublished("m1", alice, "hello")
      ])
      yield* awaitCaughtUp
      const before = yield* stored
      yield* Effect.flatMap(SearchIndexer, (indexer) => indexer.rebuild)
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* stored, before)
      assert.match(before[0]!.id, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/)
    }).pipe(Effect.provide(setup().server)))

  it.effect("[STO4] [TOP6] a new process continues at the cursor, also in the middle of a vote", () => {
    const { database, embedder } = setup()
    return Effect.gen(function*() {
      const topic = threadId("one")
      const once = Effect.provide(awaitCaughtUp, Layer.fresh(SearchIndexerLive.layer))
      yield* appendThread(
        topic,
        ThreadLogFixture.messagePublished("m1", alice, "first"),
        ThreadLogFixture.submissionOpened("s1", alice, "second")
      )
      yield* once
      yield* ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.submissionSettled("s1", "approved", topic)])
      yield* once
      assert.deepStrictEqual(yield* contents, ["first", "second"])
      assert.deepStrictEqual(embedder.calls.flat(), ["first", "second"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO6] [STO8] while the embedder is down nothing is stored and the cursor stays; afterwards all is indexed", () => {
    const { embedder, server } = setup()
    embedder.fail = () => FakeEmbedder.providerError
    return Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "hello"))
      yield* TestClock.adjust("10 seconds")
      const log = yield* EventLog
      assert.deepStrictEqual(yield* log.laggingTopics(collection), [{ topic, seq: 0 }])
      assert.deepStrictEqual(yield* stored, [])
      const tries = embedder.calls.length
      assert.strictEqual((yield* status).textsSetAside, 0)
      assert.isAbove(tries, 2)
      assert.isBelow(tries, 10)
      embedder.fail = () => undefined
      const waiting = yield* Effect.forkChild(awaitCaughtUp)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(yield* contents, ["hello"])
      assert.deepStrictEqual(yield* log.laggingTopics(collection), [])
    }).pipe(Effect.provide(server))
  })
})

describe("SearchIndexerLive: erasures", () => {
  const topic = threadId("one")
  const erased: Erased = {
    _tag: "Erased",
    seq: 2,
    paths: ["/content"],
    texts: [sealed("my secret").c],
    by: alice,
    reason: null,
    because: null,
    at: 8
  }
  const others = (count: number) =>
    Array.from({ length: count }, (_, i) => ThreadLogFixture.messagePublished(`n${i}`, alice, `another ${i}`))

  it.effect.each<readonly [string, ReadonlyArray<Event | Erased>]>([
    ["alone", [erased]],
    ["before another message", [erased, ...others(1)]],
    ["after another message", [...others(1), erased]],
    ["pages after other messages", [...others(300), erased]]
  ])("[TOP10] a text is removed while the embedder is down: erased %s", ([, events]) => {
    const { embedder, server } = setup()
    return Effect.gen(function*() {
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "my secret"))
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* contents, ["my secret"])
      embedder.fail = () => FakeEmbedder.providerError
      yield* ThreadLogFixture.appendEvents(topic, events)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* contents, [])
    }).pipe(Effect.provide(server))
  })

  it.effect("[TOP10] a submission that is published and erased before the index reads on is not stored", () =>
    Effect.gen(function*() {
      yield* appendThread(topic, ThreadLogFixture.submissionOpened("s1", alice, "my secret"))
      // The index remembers the submission with its text.
      yield* awaitCaughtUp
      yield* ThreadLogFixture.appendEvents(topic, [
        ThreadLogFixture.submissionSettled("s1", "approved", topic),
        erased,
        ...others(1)
      ])
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* contents, ["another 0"])
    }).pipe(Effect.provide(setup().server)))

  it.effect("[TOP10] [STO8] a text is removed while another is set aside, and not stored if it was set aside itself", () => {
    const { embedder, server } = setup()
    const bad = new Set(["bad", "my secret"])
    return Effect.gen(function*() {
      embedder.fail = (texts) => texts.some((text) => bad.has(text)) ? FakeEmbedder.providerError : undefined
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "my secret"), ...others(1))
      yield* awaitCaughtUp
      assert.strictEqual((yield* status).textsSetAside, 1)
      yield* ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.messagePublished("m2", alice, "bad"), erased])
      yield* awaitCaughtUp
      assert.strictEqual((yield* status).textsSetAside, 1)
      embedder.fail = () => undefined
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* contents, ["another 0", "bad"])
    }).pipe(Effect.provide(server))
  })
})

describe("SearchIndexerLive: engine failures", () => {
  it.effect("[STO6] [FLT13] while the engine is down appends succeed; afterwards every point is there once", () => {
    const { index, server } = setup()
    index.fail = () => new Unreachable({ detail: "test", cause: "test" })
    return Effect.gen(function*() {
      for (let n = 0; n < 20; n++) {
        yield* appendThread(threadId(`t${n}`), ThreadLogFixture.messagePublished(`m${n}`, alice, `text ${n}`))
      }
      yield* TestClock.adjust("20 seconds")
      index.fail = () => undefined
      const waiting = yield* Effect.forkChild(awaitCaughtUp)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(waiting)
      assert.deepStrictEqual(yield* contents, Array.from({ length: 20 }, (_, n) => `text ${n}`).sort())
    }).pipe(Effect.provide(server))
  })

  it.effect("[STO6] [FLT13] a lost index is filled again from the logs", () => {
    const { index, server } = setup()
    return Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "first"))
      yield* awaitCaughtUp
      index.dropAll()
      yield* ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.messagePublished("m2", alice, "second")])
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* contents, ["first", "second"])
    }).pipe(Effect.provide(server))
  })

  it.effect("[STO6] an index that is lost after the start, before a write, is filled again", () => {
    const { database, index } = setup()
    const serverRun = Layer.fresh(SearchIndexerLive.layer.pipe(Layer.provideMerge(Layer.fresh(DatabaseLive.layer))))
    return Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "first"))
      yield* Effect.provide(awaitCaughtUp, serverRun)
      yield* Effect.gen(function*() {
        yield* awaitCaughtUp
        index.dropAll()
        yield* ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.messagePublished("m2", alice, "second")])
        yield* awaitCaughtUp
        assert.deepStrictEqual(yield* contents, ["first", "second"])
      }).pipe(Effect.provide(serverRun))
    }).pipe(Effect.provide(database))
  })
})

describe("SearchIndexerLive: crashes, empty indexes, rejected texts", () => {
  it.effect("[STO6] [TOP6] after the loss of an index and a crash every point is indexed again", () => {
    const { database, index } = setup()
    let crashed = false
    const crashingLog = Layer.effect(
      EventLog,
      Effect.map(EventLog, (log) =>
        EventLog.of({
          ...log,
          setCursor: (name, topic, seq) => crashed && seq === 0 ? Effect.never : log.setCursor(name, topic, seq)
        }))
    )
    const serverRun = Layer.fresh(SearchIndexerLive.layer.pipe(
      Layer.provideMerge(Layer.fresh(DatabaseLive.layer)),
      Layer.provideMerge(crashingLog)
    ))
    return Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "first"))
      yield* Effect.gen(function*() {
        yield* awaitCaughtUp
        index.dropAll()
        crashed = true
        yield* ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.messagePublished("m2", alice, "second")])
        yield* TestClock.adjust("1 second")
      }).pipe(Effect.provide(serverRun))
      crashed = false
      yield* Effect.provide(awaitCaughtUp, serverRun)
      assert.deepStrictEqual(yield* contents, ["first", "second"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO4] [STO6] a page is not behind the cursor when the index was lost while it was stored", () => {
    const { database, index } = setup()
    let resets = Number.NEGATIVE_INFINITY
    // The cursors are reset when the loss is noticed, and the process crashes before they are reset once more.
    const crashingLog = Layer.effect(
      EventLog,
      Effect.map(EventLog, (log) =>
        EventLog.of({
          ...log,
          setCursor: (name, topic, seq) => seq === 0 && resets++ >= 1 ? Effect.never : log.setCursor(name, topic, seq)
        }))
    )
    const serverRun = Layer.fresh(SearchIndexerLive.layer.pipe(
      Layer.provideMerge(Layer.fresh(DatabaseLive.layer)),
      Layer.provideMerge(crashingLog)
    ))
    return Effect.gen(function*() {
      const topic = threadId("one")
      yield* appendThread(topic, ThreadLogFixture.messagePublished("m1", alice, "first"))
      yield* Effect.gen(function*() {
        yield* awaitCaughtUp
        index.dropAll()
        resets = 0
        yield* ThreadLogFixture.appendEvents(topic, [ThreadLogFixture.messagePublished("m2", alice, "second")])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* contents, ["second"])
        assert.deepStrictEqual(yield* EventLog.use((log) => log.laggingTopics(collection)), [{ topic, seq: 0 }])
      }).pipe(Effect.provide(serverRun))
      resets = Number.NEGATIVE_INFINITY
      yield* Effect.provide(awaitCaughtUp, serverRun)
      assert.deepStrictEqual(yield* contents, ["first", "second"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO6] an index that is empty at the start is filled, whatever the cursors are", () => {
    const { database, index } = setup()
    return Effect.gen(function*() {
      const once = Effect.provide(awaitCaughtUp, Layer.fresh(SearchIndexerLive.layer))
      yield* appendThread(threadId("one"), ThreadLogFixture.messagePublished("m1", alice, "first"))
      yield* once
      index.dropAll()
      yield* once
      assert.deepStrictEqual(yield* contents, ["first"])
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO8] only the text that the model rejects is left out", () => {
    const { embedder, server } = setup()
    embedder.fail = (inputs) => inputs.includes("🎉") ? FakeEmbedder.invalidInputError : undefined
    return Effect.gen(function*() {
      yield* appendThread(
        threadId("one"),
        ThreadLogFixture.messagePublished("m1", alice, "before"),
        ThreadLogFixture.messagePublished("m2", alice, "🎉"),
        ThreadLogFixture.messagePublished("m3", alice, "after")
      )
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* contents, ["after", "before"])
    }).pipe(Effect.provide(server))
  })
})

describe("SearchIndexerLive: texts that cannot be embedded", () => {
  const bad = "the bad one"
  const topic = threadId("one")
  const zeros = Array.from({ length: FakeEmbedder.dimensions }, () => 0)
  const rejected = (reason: AiError.AiErrorReason): FakeEmbedder.EmbedderControl["fail"] => (inputs) =>
    inputs.includes(bad) ? reason : undefined
  const messages = (count: number) =>
    Array.from(
      { length: count },
      (_, n) => ThreadLogFixture.messagePublished(`m${n}`, alice, n === 3 ? bad : `text ${n}`)
    )
  const cursorOf = Effect.map(
    Effect.flatMap(EventLog, (log) => log.laggingTopics(collection)),
    (lagging) => lagging.find((thread) => thread.topic === topic)?.seq
  )

  const faults: ReadonlyArray<readonly [string, (embedder: FakeEmbedder.EmbedderControl) => void]> = [
    ["500", (embedder) => void (embedder.fail = rejected(FakeEmbedder.providerError))],
    [
      "422",
      (embedder) => void (embedder.fail = rejected(new AiError.InvalidRequestError({ description: "too long" })))
    ],
    ["nulls", (embedder) => void (embedder.fail = rejected(new AiError.InvalidOutputError({ description: "nulls" })))],
    ["a zero vector", (embedder) => void (embedder.overrideVector = (text) => text === bad ? zeros : undefined)]
  ]

  it.effect.each(faults)(
    "[STO8] one that fails with %s is set aside: no other waits for it, and it is tried again",
    ([, plant]) => {
      const { embedder, server } = setup()
      plant(embedder)
      return Effect.gen(function*() {
        yield* appendThread(topic, ...messages(100))
        yield* awaitCaughtUp
        yield* appendThread(threadId("two"), ThreadLogFixture.messagePublished("n1", alice, "another thread"))
        yield* awaitCaughtUp
        const found = yield* contents
        assert.lengthOf(found, 100)
        assert.include(found, "another thread")
        assert.notInclude(found, bad)
        assert.strictEqual((yield* status).textsSetAside, 1)
        // Before the text: a restart finds it again.
        assert.strictEqual(yield* cursorOf, 4)
        embedder.fail = () => undefined
        embedder.overrideVector = () => undefined
        yield* TestClock.adjust("10 seconds")
        assert.include(yield* contents, bad)
        assert.strictEqual((yield* status).textsSetAside, 0)
        assert.isUndefined(yield* cursorOf)
      }).pipe(Effect.provide(server))
    }
  )

  it.effect("[STO8] [TOP6] after a restart it is tried again, and what is stored is not embedded again", () => {
    const { database, embedder } = setup()
    embedder.fail = rejected(FakeEmbedder.providerError)
    return Effect.gen(function*() {
      const run = <A, E>(effect: Effect.Effect<A, E, SearchIndexer>) =>
        Effect.provide(effect, Layer.fresh(SearchIndexerLive.layer))
      yield* appendThread(topic, ...messages(10))
      yield* run(awaitCaughtUp)
      embedder.calls.length = 0
      embedder.fail = () => undefined
      yield* run(awaitCaughtUp)
      assert.deepStrictEqual(embedder.calls, [[bad]])
      assert.lengthOf(yield* contents, 10)
      assert.isUndefined(yield* cursorOf)
    }).pipe(Effect.provide(database))
  })

  it.effect("[STO8] one that fails for hours is left out", () => {
    const { embedder, server } = setup()
    embedder.fail = rejected(FakeEmbedder.providerError)
    return Effect.gen(function*() {
      yield* appendThread(topic, ...messages(10))
      yield* awaitCaughtUp
      yield* TestClock.adjust("12 hours")
      assert.strictEqual((yield* status).textsSetAside, 0)
      assert.isUndefined(yield* cursorOf)
      assert.isAtMost(embedder.calls.filter((inputs) => inputs.includes(bad)).length, 30)
      assert.lengthOf(yield* contents, 9)
    }).pipe(Effect.provide(server))
  })

  it.effect("[STO8] [FLT17] a rate limit is no fault of a text: nothing is asked before the time that the model names", () => {
    const { embedder, server } = setup()
    embedder.fail = () => new AiError.RateLimitError({ retryAfter: Duration.seconds(40) })
    return Effect.gen(function*() {
      yield* appendThread(topic, ...messages(10))
      yield* TestClock.adjust("39 seconds")
      assert.lengthOf(embedder.calls, 1)
      embedder.fail = () => undefined
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* contents, 10)
      assert.deepStrictEqual([embedder.calls.length, (yield* status).textsSetAside], [2, 0])
    }).pipe(Effect.provide(server))
  })

  it.effect("[STO8] none is set aside where no text can be embedded", () => {
    const { embedder, server } = setup()
    embedder.overrideVector = () => zeros
    return Effect.gen(function*() {
      yield* appendThread(topic, ...messages(10))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([(yield* status).textsSetAside, yield* cursorOf], [0, 0])
      embedder.overrideVector = () => undefined
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* contents, 10)
      assert.isUndefined(yield* cursorOf)
    }).pipe(Effect.provide(server))
  })

  it.effect("[STO8] [OPS3] a gauge tells how many are set aside", () => {
    const { embedder, server } = setup()
    embedder.fail = rejected(FakeEmbedder.providerError)
    return Effect.gen(function*() {
      yield* appendThread(topic, ...messages(10))
      yield* awaitCaughtUp
      const snapshot = yield* Metric.snapshot
      assert.deepInclude(snapshot.find(({ id }) => id === "choir_search_texts_set_aside")?.state, { value: 1 })
    }).pipe(Effect.provide(server.pipe(Layer.provideMerge(Metrics.layer))))
  })
})
