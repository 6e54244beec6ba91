import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schema } from "effect"
import type { TopicId } from "../../../src/domain/protocol/Ids.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import type { Erased } from "../../../src/domain/topic/Erasure.ts"
import * as PriorsLive from "../../../src/layers/search/PriorsLive.ts"
import * as SearchIndexerLive from "../../../src/layers/search/SearchIndexerLive.ts"
import { Database } from "../../../src/services/Database.ts"
import { Priors } from "../../../src/services/Priors.ts"
import { SearchIndexer } from "../../../src/services/SearchIndexer.ts"
import { Overloaded } from "../../../src/services/VectorIndex.ts"
import * as FakeEmbedder from "../../../src/testing/FakeEmbedder.ts"
import { makePayload, threadId } from "../../support/PointFixture.ts"
import { sealed } from "../../support/SealedFixture.ts"
import * as ThreadLogFixture from "../../support/ThreadLogFixture.ts"
import * as SearchFixture from "./SearchFixture.ts"

const { collection } = SearchFixture
const [alice, bob, carol] = [ThreadLogFixture.userOf("B"), ThreadLogFixture.userOf("C"), ThreadLogFixture.userOf("D")]

const setup = () => {
  const { database, ...controls } = SearchFixture.make()
  const layer = Layer.merge(PriorsLive.layer, SearchIndexerLive.layer).pipe(Layer.provideMerge(database))
  return { ...controls, layer }
}

/** What is found for a thread, once the index has caught up. */
const find = (text: string, thread: TopicId) =>
  Effect.gen(function*() {
    yield* (yield* SearchIndexer).awaitCaughtUp
    return yield* (yield* Priors).find(text, thread)
  })

describe("PriorsLive: selection", () => {
  it.effect("[CHO4] the ten nearest messages are found, the best first, with author and thread", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      const topic = threadId("one")
      yield* ThreadLogFixture.appendEvents(topic, [
        ThreadLogFixture.threadCreated(alice, "public"),
        ...Array.from(
          { length: 30 },
          (_, n) => ThreadLogFixture.messagePublished(`m${n}`, alice, `apple ${"pear ".repeat(n)}x${n}`)
        )
      ])
      const priors = yield* find("apple x0", topic)
      assert.strictEqual(priors.length, 10)
      const [best] = priors
      assert.deepStrictEqual([best?.id, best?.author, best?.thread, best?.content], ["m0", alice, topic, "apple x0"])
      assert.closeTo(best!.similarity, 1, 1e-6)
      const scores = priors.map((prior) => prior.similarity)
      assert.deepStrictEqual(scores, scores.toSorted((a, b) => b - a))
    }).pipe(Effect.provide(layer))
  })

  it.effect("[CHO4] identical texts are one prior, the earliest; a message is one prior, its best chunk", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      yield* ThreadLogFixture.appendEvents(threadId("late"), [
        ThreadLogFixture.threadCreated(alice, "public"),
        ThreadLogFixture.messagePublished("copy", alice, "the same apple", 90)
      ])
      yield* ThreadLogFixture.appendEvents(threadId("early"), [
        ThreadLogFixture.threadCreated(bob, "public"),
        ThreadLogFixture.messagePublished("first", bob, "the same apple", 10),
        ThreadLogFixture.messagePublished(
          "long",
          bob,
          `${"apple filler ".repeat(110)}\n\n${"another filler ".repeat(90)}`,
          20
        )
      ])
      const priors = yield* find("the same apple", threadId("late"))
      assert.deepStrictEqual(priors.map((prior) => prior.id), ["first", "long"])
      assert.isTrue(priors[1]!.content.startsWith("apple"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("[CHO13] [SEC10] [THR10] two tenants, 10,000 near-duplicates: no text of the other tenant is found", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      const threads = [0, 1, 2, 3, 4]
      const texts = 1000
      // Bob's texts are nearer to every query, and more than a search returns: their last character is no word.
      for (const n of threads) {
        const [aliceThread, bobThread] = [threadId(`alice-${n}`), threadId(`bob-${n}`)]
        const write = (author: typeof alice, text: (i: number) => string) => [
          ThreadLogFixture.threadCreated(author, "members"),
          ...Array.from(
            { length: texts },
            (_, i) => ThreadLogFixture.messagePublished(`${author}${n}.${i}`, author, text(i))
          )
        ]
        yield* ThreadLogFixture.appendEvents(aliceThread, write(alice, (i) => `secret plan ${n} alpha ${i}`), [alice])
        yield* ThreadLogFixture.appendEvents(
          bobThread,
          write(bob, (i) => `secret plan ${n} ${String.fromCodePoint(0x2800 + i)}`),
          [bob]
        )
      }
      for (const owner of ["alice-", "bob-"]) {
        for (const n of threads) {
          const priors = yield* find(`secret plan ${n}`, threadId(`${owner}${n}`))
          assert.strictEqual(priors.length, 10)
          for (const prior of priors) assert.isTrue(prior.thread.startsWith(`thread:${owner}`))
        }
      }
      yield* ThreadLogFixture.appendEvents(threadId("carol"), [ThreadLogFixture.threadCreated(carol, "members")], [
        carol
      ])
      assert.deepStrictEqual(yield* find("secret plan", threadId("carol")), [])
      assert.deepStrictEqual(yield* find("secret plan", threadId("nowhere")), [])
    }).pipe(Effect.provide(layer))
  })
})

describe("PriorsLive: erased texts", () => {
  it.effect("[TOP10] a search waits for no index to leave them out, and whoever was given one hears of it", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      const topic = threadId("t")
      const { awaitErased, find: search } = yield* Priors
      yield* ThreadLogFixture.appendEvents(topic, [
        ThreadLogFixture.threadCreated(alice, "public"),
        ThreadLogFixture.messagePublished("m1", alice, "apple"),
        ThreadLogFixture.messagePublished("m2", alice, "apple pie")
      ])
      const priors = yield* find("apple", topic)
      assert.sameMembers(priors.map(({ id }) => id), ["m1", "m2"])
      const waiting = yield* Effect.forkChild(awaitErased!(priors), { startImmediately: true })
      const erase = (seq: number, text: string): ThreadModel.Event | Erased => ({
        _tag: "Erased",
        seq,
        paths: ["/content"],
        texts: [sealed(text).c],
        by: alice,
        reason: null,
        because: null,
        at: 9
      })
      yield* ThreadLogFixture.appendEvents(topic, [erase(2, "apple")])
      assert.deepStrictEqual((yield* search("apple", topic)).map(({ id }) => id), ["m2"])
      yield* Fiber.join(waiting)
      yield* awaitErased!(priors)
    }).pipe(Effect.provide(layer))
  })
})

describe("PriorsLive: access and failures", () => {
  it.effect("[SEC10] a hit that the index wrongly holds as public is dropped by the second authorisation", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      yield* ThreadLogFixture.appendEvents(threadId("hidden"), [
        ThreadLogFixture.threadCreated(bob, "members"),
        ThreadLogFixture.messagePublished("m", bob, "leaked")
      ], [bob])
      yield* ThreadLogFixture.appendEvents(threadId("open"), [ThreadLogFixture.threadCreated(bob, "public")], [bob])
      const database = yield* Database
      yield* database.execute({
        _tag: "Store",
        collection,
        points: [{
          id: "00000000-0000-5000-8000-000000000001",
          vector: Array.from({ length: FakeEmbedder.dimensions }, () => 1),
          payload: makePayload({
            thread: threadId("hidden"),
            text_seq: 2,
            visibility: "public",
            content: "leaked",
            c: sealed("leaked").c
          })
        }]
      })
      assert.deepStrictEqual(yield* find("anything at all", threadId("open")), [])
      assert.deepStrictEqual((yield* find("anything at all", threadId("hidden"))).map((prior) => prior.content), [
        "leaked"
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("[FLT13] without an embedder, or without an engine, the search is a typed error", () => {
    const { embedder, index, layer } = setup()
    return Effect.gen(function*() {
      yield* (yield* SearchIndexer).awaitCaughtUp
      const priors = yield* Priors
      embedder.fail = () => FakeEmbedder.providerError
      const embedFailure = yield* Effect.flip(priors.find("anything", threadId("t")))
      assert.deepStrictEqual([embedFailure.operation, embedFailure.retryable], ["embed", true])
      embedder.fail = () => undefined
      index.fail = () => new Overloaded({ retry_after_ms: 10_000 })
      const searchFailure = yield* Effect.flip(priors.find("anything", threadId("t")))
      assert.deepStrictEqual([searchFailure.operation, searchFailure.retryable], ["search", true])
    }).pipe(Effect.provide(layer))
  })
})

const users = ["B", "C", "D", "E"].map(ThreadLogFixture.userOf)
const RandomThread = Schema.Struct({
  visibility: Schema.Literals(["public", "members"]),
  members: Schema.Array(Schema.Literals([0, 1, 2, 3])).check(Schema.isMinLength(1), Schema.isMaxLength(4))
})
type RandomThread = typeof RandomThread.Type

/** The model: a user outside all threads, and each of the four, reads what is public and what they are a member of. */
const mayRead = ({ members, visibility }: RandomThread, user: number) =>
  visibility === "public" || members.some((member) => member === user)

describe("PriorsLive: memberships", () => {
  it.effect.prop(
    "[CHO13] in each thread exactly the texts are found that all its readers may read",
    { threads: Schema.Array(RandomThread).check(Schema.isMinLength(1), Schema.isMaxLength(8)) },
    ({ threads }) => {
      const { layer } = setup()
      return Effect.gen(function*() {
        for (const [n, { members, visibility }] of threads.entries()) {
          const authors = members.map((member) => users[member]!)
          yield* ThreadLogFixture.appendEvents(threadId(`t${n}`), [
            ThreadLogFixture.threadCreated(authors[0]!, visibility),
            ThreadLogFixture.messagePublished(`m${n}`, authors[0]!, `apple ${n}`)
          ], authors)
        }
        for (const [n, thread] of threads.entries()) {
          const readers = [0, 1, 2, 3, 4].filter((user) => mayRead(thread, user))
          const expected = threads.flatMap((other, m) => readers.every((user) => mayRead(other, user)) ? [`m${m}`] : [])
          const found = yield* find("apple", threadId(`t${n}`))
          assert.sameMembers(found.map(({ id }) => id), expected)
        }
      }).pipe(Effect.provide(layer))
    }
  )
})
