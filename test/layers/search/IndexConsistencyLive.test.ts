import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as IndexConsistencyLive from "../../../src/layers/search/IndexConsistencyLive.ts"
import * as SearchIndexerLive from "../../../src/layers/search/SearchIndexerLive.ts"
import { IndexConsistency } from "../../../src/services/IndexConsistency.ts"
import { SearchIndexer } from "../../../src/services/SearchIndexer.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
import { makePoint, threadId } from "../../support/PointFixture.ts"
import * as ThreadLogFixture from "../../support/ThreadLogFixture.ts"
import * as SearchFixture from "./SearchFixture.ts"

const { collection } = SearchFixture
const alice = ThreadLogFixture.userOf("B")

const setup = () => {
  const { database, ...controls } = SearchFixture.make()
  const layer = IndexConsistencyLive.layer.pipe(
    Layer.provideMerge(SearchIndexerLive.layer),
    Layer.provideMerge(database)
  )
  return { ...controls, layer }
}

describe("IndexConsistencyLive", () => {
  it.effect("[STO5] every difference between index and logs is found, and repaired without touching other points", () => {
    const { embedder, layer } = setup()
    return Effect.gen(function*() {
      const index = yield* VectorIndex
      const { awaitCaughtUp } = yield* SearchIndexer
      const { repair, verify } = yield* IndexConsistency
      for (const t of [1, 2]) {
        yield* ThreadLogFixture.appendEvents(threadId(`t${t}`), [
          ThreadLogFixture.threadCreated(alice, "public"),
          ...[1, 2, 3].map((n) => ThreadLogFixture.messagePublished(`m${t}.${n}`, alice, `text ${n} of ${t}`))
        ])
      }
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* verify, [])
      const all = yield* index.scroll(collection, { after: null, limit: 100 })

      const [missing, stale] = [all[0]!, all[4]!]
      yield* index.remove(collection, [missing.id])
      yield* index.upsert(collection, [{ ...stale, payload: { ...stale.payload, content: "forged", version: 99 } }])
      const orphan = makePoint(1, stale.vector, { thread: threadId("t1"), log_seq: 2 })
      const foreign = makePoint(2, stale.vector, { thread: threadId("nowhere"), log_seq: 2 })
      yield* index.upsert(collection, [orphan, foreign])

      const found = yield* verify
      assert.deepStrictEqual(found.map(({ _tag, id }) => [_tag, id]), [
        ["Orphan", orphan.id],
        ["Orphan", foreign.id],
        ["Stale", stale.id],
        ["Missing", missing.id]
      ])
      embedder.calls.length = 0
      yield* repair(found)
      yield* awaitCaughtUp
      assert.deepStrictEqual(yield* verify, [])
      assert.deepStrictEqual(yield* index.scroll(collection, { after: null, limit: 100 }), all)
      assert.isAtMost(embedder.calls.flat().length, 6)
    }).pipe(Effect.provide(layer))
  })
})
