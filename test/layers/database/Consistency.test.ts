import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { shipped } from "../../../src/domain/kinds/Kinds.ts"
import * as ConsistencyLive from "../../../src/layers/database/Consistency.ts"
import * as DatabaseLive from "../../../src/layers/database/Database.ts"
import * as ProjectorLive from "../../../src/layers/database/Projector.ts"
import * as MemoryLog from "../../../src/layers/eventlog/Memory.ts"
import { Consistency } from "../../../src/services/Consistency.ts"
import { PriorsCollection } from "../../../src/services/Database.ts"
import { Kinds } from "../../../src/services/Kinds.ts"
import { Projector } from "../../../src/services/Projector.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
import * as Embedder from "../../support/Embedder.ts"
import * as FaultyIndex from "../../support/FaultyIndex.ts"
import * as Logs from "../../support/Logs.ts"
import { point, thread } from "../../support/Points.ts"

const collection = "priors-test"
const alice = Logs.user("B")

const setup = () => {
  const embedder = Embedder.make()
  const layer = ConsistencyLive.layer.pipe(
    Layer.provideMerge(ProjectorLive.layer),
    Layer.provideMerge(DatabaseLive.layer),
    Layer.provideMerge(Layer.mergeAll(
      FaultyIndex.make().layer,
      embedder.layer,
      MemoryLog.layer,
      Layer.succeed(Kinds, shipped),
      Layer.succeed(PriorsCollection, { name: collection, dimension: Embedder.dimensions, embedModel: "test" })
    ))
  )
  return { embedder: embedder.control, layer }
}

describe("Consistency", () => {
  it.effect("[STO5] finds every difference between index and logs, and mends these alone", () => {
    const { embedder, layer } = setup()
    return Effect.gen(function*() {
      const index = yield* VectorIndex
      const { caughtUp } = yield* Projector
      const { repair, verify } = yield* Consistency
      for (const t of [1, 2]) {
        yield* Logs.append(thread(`t${t}`), [
          Logs.created(alice, "public"),
          ...[1, 2, 3].map((n) => Logs.published(`m${t}.${n}`, alice, `text ${n} of ${t}`))
        ])
      }
      yield* caughtUp
      assert.deepStrictEqual(yield* verify, [])
      const all = yield* index.scroll(collection, { after: null, limit: 100 })

      const [missing, stale] = [all[0]!, all[4]!]
      yield* index.remove(collection, [missing.id])
      yield* index.upsert(collection, [{ ...stale, payload: { ...stale.payload, content: "forged", version: 99 } }])
      const orphan = point(1, stale.vector, { thread: thread("t1"), log_seq: 2 })
      const stranger = point(2, stale.vector, { thread: thread("nowhere"), log_seq: 2 })
      yield* index.upsert(collection, [orphan, stranger])

      const found = yield* verify
      assert.deepStrictEqual(found.map(({ _tag, id }) => [_tag, id]), [
        ["Orphan", orphan.id],
        ["Orphan", stranger.id],
        ["Stale", stale.id],
        ["Missing", missing.id]
      ])
      embedder.calls.length = 0
      yield* repair(found)
      yield* caughtUp
      assert.deepStrictEqual(yield* verify, [])
      assert.deepStrictEqual(yield* index.scroll(collection, { after: null, limit: 100 }), all)
      assert.isAtMost(embedder.calls.flat().length, 6)
    }).pipe(Effect.provide(layer))
  })
})
