import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { shipped } from "../../../src/domain/kinds/Kinds.ts"
import * as HashingEmbedder from "../../../src/layers/chorus/HashingEmbedder.ts"
import * as Collection from "../../../src/layers/database/Collection.ts"
import * as DatabaseLive from "../../../src/layers/database/Database.ts"
import * as PointId from "../../../src/layers/database/PointId.ts"
import * as PriorsLive from "../../../src/layers/database/Priors.ts"
import * as ProjectorLive from "../../../src/layers/database/Projector.ts"
import * as MemoryLog from "../../../src/layers/eventlog/Memory.ts"
import * as SqlLog from "../../../src/layers/eventlog/Sql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import * as Embedded from "../../../src/layers/vectorindex/Embedded.ts"
import * as Qdrant from "../../../src/layers/vectorindex/Qdrant.ts"
import { PriorsCollection } from "../../../src/services/Database.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Priors } from "../../../src/services/Priors.ts"
import { Projector } from "../../../src/services/Projector.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
import * as Logs from "../../support/Logs.ts"
import { thread } from "../../support/Points.ts"
import * as Double from "../../support/qdrant/Double.ts"

const alice = Logs.user("B")

const services = Layer.merge(PriorsLive.layer, ProjectorLive.layer).pipe(
  Layer.provideMerge(DatabaseLive.layer),
  Layer.provideMerge(Collection.layer("choir/hash-384-v1")),
  Layer.provideMerge(HashingEmbedder.layer),
  Layer.provideMerge(Layer.succeed(Kinds, shipped))
)

/** Threads with messages, and the ids that the index must then hold, no more and no fewer. */
const write = Effect.fnUntraced(function*(threads: number, messages: number) {
  const ids: Array<string> = []
  for (let t = 0; t < threads; t++) {
    const topic = thread(`t${t}`)
    const numbers = Array.from({ length: messages }, (_, n) => n)
    yield* Logs.append(topic, [
      Logs.created(alice, "public"),
      ...numbers.map((n) => Logs.published(`m${t}.${n}`, alice, `message ${n} of thread ${t}`))
    ])
    ids.push(...numbers.map((n) => PointId.uuid(JSON.stringify([topic, `m${t}.${n}`, 0]))))
  }
  return ids.sort()
})

const audit = Effect.gen(function*() {
  const index = yield* VectorIndex
  const { name } = yield* PriorsCollection
  const points = yield* index.scroll(name, { after: null, limit: 100_000 })
  return points.map((point) => point.id)
})

describe("Search over the logs", () => {
  it.effect("[STO3, STO4, CHO4] the built-in parts together: SQLite logs, hashed words, the embedded index", () =>
    Effect.gen(function*() {
      const expected = yield* write(5, 40)
      yield* (yield* Projector).caughtUp
      assert.deepStrictEqual(yield* audit, expected)
      const [best] = yield* (yield* Priors).find("message 17 of thread 3", alice)
      assert.deepStrictEqual([best?.id, best?.content], ["m3.17", "message 17 of thread 3"])
    }).pipe(
      Effect.provide(services.pipe(
        Layer.provideMerge(Layer.mergeAll(SqlLog.layer, Embedded.layer)),
        Layer.provide(Sqlite.layer({ filename: ":memory:" }))
      ))
    ))

  // Real time: the faults are a server's, met over HTTP.
  it.live("[FLT13] a Qdrant that fails in every way while it is filled: the audit is exact", () =>
    Effect.gen(function*() {
      const server = yield* Double.start
      const faults: ReadonlyArray<Double.Fault | undefined> = [
        { _tag: "Answer", status: 503, body: "{}" },
        undefined,
        { _tag: "Drop" },
        undefined,
        { _tag: "Answer", status: 200, body: "not json" },
        undefined,
        { _tag: "Hang" },
        undefined,
        { _tag: "Answer", status: 500, body: "{}" }
      ]
      let writes = 0
      server.fault = (line) => (line.includes("batch") ? faults[writes++] : undefined)
      yield* Effect.gen(function*() {
        const expected = yield* write(4, 100)
        yield* (yield* Projector).caughtUp
        assert.isAbove(writes, faults.length)
        assert.deepStrictEqual(yield* audit, expected)
        assert.deepStrictEqual(server.violations, [])
        const [best] = yield* (yield* Priors).find("message 42 of thread 1", alice)
        assert.strictEqual(best?.id, "m1.42")
      }).pipe(
        Effect.provide(services.pipe(
          Layer.provideMerge(Layer.merge(MemoryLog.layer, Qdrant.layer({ url: server.url, timeout: 2_000 })))
        ))
      )
    }).pipe(Effect.scoped))
})
