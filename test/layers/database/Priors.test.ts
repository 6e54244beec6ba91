import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { shipped } from "../../../src/domain/kinds/Kinds.ts"
import * as DatabaseLive from "../../../src/layers/database/Database.ts"
import * as PriorsLive from "../../../src/layers/database/Priors.ts"
import * as ProjectorLive from "../../../src/layers/database/Projector.ts"
import * as MemoryLog from "../../../src/layers/eventlog/Memory.ts"
import { Database, PriorsCollection } from "../../../src/services/Database.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Priors } from "../../../src/services/Priors.ts"
import { Projector } from "../../../src/services/Projector.ts"
import { Overloaded } from "../../../src/services/VectorIndex.ts"
import * as Embedder from "../../support/Embedder.ts"
import * as FaultyIndex from "../../support/FaultyIndex.ts"
import * as Logs from "../../support/Logs.ts"
import { payload, thread } from "../../support/Points.ts"

const collection = "priors-test"
const [alice, bob, carol] = [Logs.user("B"), Logs.user("C"), Logs.user("D")]

const setup = () => {
  const index = FaultyIndex.make()
  const embedder = Embedder.make()
  const layer = Layer.merge(PriorsLive.layer, ProjectorLive.layer).pipe(
    Layer.provideMerge(DatabaseLive.layer),
    Layer.provideMerge(Layer.mergeAll(
      index.layer,
      embedder.layer,
      MemoryLog.layer,
      Layer.succeed(Kinds, shipped),
      Layer.succeed(PriorsCollection, { name: collection, dimension: Embedder.dimensions, embedModel: "test" })
    ))
  )
  return { index: index.control, embedder: embedder.control, layer }
}

const find = (text: string, reader: typeof alice) =>
  Effect.gen(function*() {
    yield* (yield* Projector).caughtUp
    return yield* (yield* Priors).find(text, reader)
  })

describe("Priors", () => {
  it.effect("[CHO4] the ten nearest, best first, with who wrote them where", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      const topic = thread("one")
      yield* Logs.append(topic, [
        Logs.created(alice, "public"),
        ...Array.from({ length: 30 }, (_, n) => Logs.published(`m${n}`, alice, `apple ${"pear ".repeat(n)}x${n}`))
      ])
      const priors = yield* find("apple x0", bob)
      assert.strictEqual(priors.length, 10)
      const [best] = priors
      assert.deepStrictEqual([best?.id, best?.author, best?.thread, best?.content], ["m0", alice, topic, "apple x0"])
      assert.closeTo(best!.similarity, 1, 1e-6)
      const scores = priors.map((prior) => prior.similarity)
      assert.deepStrictEqual(scores, scores.toSorted((a, b) => b - a))
    }).pipe(Effect.provide(layer))
  })

  it.effect("[CHO4] identical texts count once, as the earliest; a message counts once, as its best chunk", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      yield* Logs.append(thread("late"), [
        Logs.created(alice, "public"),
        Logs.published("copy", alice, "the same apple", 90)
      ])
      yield* Logs.append(thread("early"), [
        Logs.created(bob, "public"),
        Logs.published("first", bob, "the same apple", 10),
        Logs.published("long", bob, `${"apple filler ".repeat(110)}\n\n${"another filler ".repeat(90)}`, 20)
      ])
      const priors = yield* find("the same apple", carol)
      assert.deepStrictEqual(priors.map((prior) => prior.id), ["first", "long"])
      assert.isTrue(priors[1]!.content.startsWith("apple"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("[SEC10, THR10] two tenants, 10,000 near-duplicates: nobody ever meets the other's text", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      const threads = [0, 1, 2, 3, 4]
      const texts = 1000
      // Bob's are the nearer ones for every query, more of them than a search looks at: signs that are no words.
      for (const n of threads) {
        const [mine, foreign] = [thread(`alice-${n}`), thread(`bob-${n}`)]
        const write = (who: typeof alice, text: (i: number) => string) => [
          Logs.created(who, "members"),
          ...Array.from({ length: texts }, (_, i) => Logs.published(`${who}${n}.${i}`, who, text(i)))
        ]
        yield* Logs.append(mine, write(alice, (i) => `secret plan ${n} alpha ${i}`), [alice])
        yield* Logs.append(foreign, write(bob, (i) => `secret plan ${n} ${String.fromCodePoint(0x2800 + i)}`), [bob])
      }
      for (const [reader, owner] of [[alice, "alice-"], [bob, "bob-"]] as const) {
        for (const n of threads) {
          const priors = yield* find(`secret plan ${n}`, reader)
          assert.strictEqual(priors.length, 10)
          for (const prior of priors) assert.isTrue(prior.thread.startsWith(`thread:${owner}`))
        }
      }
      assert.deepStrictEqual(yield* find("secret plan", carol), [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("[SEC10] a hit that the index wrongly calls public is authorised again, and dropped", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      yield* Logs.append(thread("hidden"), [Logs.created(bob, "members")], [bob])
      const database = yield* Database
      yield* database.execute({
        _tag: "Store",
        collection,
        points: [{
          id: "00000000-0000-5000-8000-000000000001",
          vector: Array.from({ length: Embedder.dimensions }, () => 1),
          payload: payload({ thread: thread("hidden"), visibility: "public", content: "leaked" })
        }]
      })
      assert.deepStrictEqual(yield* find("anything at all", alice), [])
      assert.deepStrictEqual((yield* find("anything at all", bob)).map((prior) => prior.content), ["leaked"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("[CHO4, FLT13] without an embedder, or without an engine, the search is a typed failure", () => {
    const { embedder, index, layer } = setup()
    return Effect.gen(function*() {
      yield* (yield* Projector).caughtUp
      const priors = yield* Priors
      embedder.fail = () => Embedder.outage
      const blind = yield* Effect.flip(priors.find("anything", alice))
      assert.deepStrictEqual([blind.operation, blind.retryable], ["embed", true])
      embedder.fail = () => undefined
      index.fail = () => new Overloaded({ retry_after_ms: 10_000 })
      const lost = yield* Effect.flip(priors.find("anything", alice))
      assert.deepStrictEqual([lost.operation, lost.retryable], ["search", true])
    }).pipe(Effect.provide(layer))
  })
})
