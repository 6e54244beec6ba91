import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Scope } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import * as EmbeddedWorkerClient from "../../../src/layers/vectorindex/EmbeddedWorkerClient.ts"
import * as VectorIndexEmbedded from "../../../src/layers/vectorindex/VectorIndexEmbedded.ts"
import { VectorIndex } from "../../../src/services/VectorIndex.ts"
import { vectorIndexContract } from "../../contract/VectorIndex.ts"
import { makePoint, pointId } from "../../support/PointFixture.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"

/** A request that makes no sense, so that the worker throws. */
const crash = { _tag: "Remove", collection: "unopened", ids: [] } as const

const database = Sqlite.layer({ filename: ":memory:" })

layer(VectorIndexEmbedded.layer.pipe(Layer.provide(database)))(
  "VectorIndex, embedded",
  (it) => vectorIndexContract(it, { runs: 30 })
)

describe("VectorIndexEmbedded", () => {
  it.effect("[STO3] [TOP6] a new worker finds every point in SQLite", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(database)
      const open = Effect.map(
        Effect.provide(Layer.build(Layer.fresh(VectorIndexEmbedded.layer)), context),
        (built) => built.mapUnsafe.get(VectorIndex.key) as VectorIndex["Service"]
      )
      const first = yield* Scope.make()
      const before = yield* Scope.provide(open, first)
      yield* before.ensure("c", { dimension: 2 })
      yield* before.upsert("c", Array.from({ length: 2500 }, (_, n) => makePoint(n, [Math.cos(n), Math.sin(n)])))
      yield* before.remove("c", [pointId(7)])
      const query = { vector: [Math.cos(7), Math.sin(7)], limit: 20, filter: {} }
      const found = yield* before.search("c", query)
      yield* Scope.close(first, yield* Effect.exit(Effect.void))

      const after = yield* open
      assert.deepStrictEqual(yield* after.search("c", query), found)
      assert.strictEqual(yield* after.count("c"), 2499)
    }))

  it.live("[TOP10] a removal fails while another process reads the file, and leaves no byte once it is repeated", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const filename = join(folder, "choir.db")
      const holding = () => readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes("my secret"))
      const context = yield* Layer.build(VectorIndexEmbedded.layer.pipe(Layer.provide(Sqlite.layer({ filename }))))
      const index = Context.get(context, VectorIndex)
      const point = makePoint(1, [1, 0])
      yield* index.ensure("c", { dimension: 2 })
      yield* index.upsert("c", [{ ...point, payload: { ...point.payload, content: "my secret" } }])
      const reader = yield* Effect.acquireRelease(
        Effect.sync(() => new DatabaseSync(filename, { readOnly: true })),
        (reader) => Effect.sync(() => reader.close())
      )
      reader.exec("BEGIN")
      reader.prepare("SELECT count(*) FROM vector_points").get()
      const error = yield* Effect.flip(index.remove("c", [pointId(1)]))
      assert.strictEqual(error.reason._tag, "Unreachable")
      assert.isNotEmpty(holding())
      assert.deepStrictEqual(yield* index.search("c", { vector: [1, 0], limit: 9, filter: {} }), [])
      reader.exec("COMMIT")
      yield* index.remove("c", [pointId(1)])
      assert.deepStrictEqual(holding(), [])
    }).pipe(Effect.scoped))

  it.effect("[FLT13] when a worker ends, every pending and later call to it fails with a typed error", () =>
    Effect.gen(function*() {
      const host = yield* EmbeddedWorkerClient.start
      yield* host.call({ _tag: "Open", collection: "c", dimension: 2 })
      const search = host.call({
        _tag: "Search",
        collection: "c",
        vector: Float32Array.of(1, 0),
        limit: 1,
        filter: {}
      })
      const outcomes = yield* Effect.all([Effect.flip(host.call(crash)), Effect.flip(search)], {
        concurrency: 2
      })
      const later = yield* Effect.flip(search)
      assert.isFalse(host.isAlive())
      for (const error of [...outcomes, later]) {
        assert.strictEqual(error.reason._tag, "Unreachable")
        assert.isTrue(error.retryable)
      }
      yield* host.stop
    }))

  it.effect("[FLT13] [TOP6] after a worker has ended, the next search starts another with every point", () => {
    const hosts: Array<EmbeddedWorkerClient.WorkerClient> = []
    const watched = VectorIndexEmbedded.layerWith(
      Effect.tap(EmbeddedWorkerClient.start, (host) => Effect.sync(() => hosts.push(host)))
    )
    return Effect.gen(function*() {
      const index = yield* VectorIndex
      yield* index.ensure("c", { dimension: 2 })
      yield* index.upsert("c", [makePoint(1, [1, 0]), makePoint(2, [0, 1])])
      const search = index.search("c", { vector: [1, 0], limit: 2, filter: {} })
      const before = yield* search
      yield* Effect.ignore(hosts.at(-1)!.call(crash))
      // A write meets the dead worker first; it is not lost.
      yield* index.upsert("c", [makePoint(3, [-1, 0])])
      assert.deepStrictEqual(yield* search, before)
      assert.strictEqual((yield* index.search("c", { vector: [-1, 0], limit: 1, filter: {} }))[0]?.id, pointId(3))
      assert.strictEqual(hosts.length, 2)
    }).pipe(Effect.provide(watched.pipe(Layer.provide(database))))
  })
})
