/**
 * The reference engine: a map and a full scan, by the definitions in `domain/search`.
 *
 * **When to use**
 *
 * In tests, in examples, and as the measure of other engines.
 *
 * **Details**
 *
 * It follows `VectorQuery.matchesFilter` and `compareHits` to the letter. `make` is the engine as a plain value,
 * without a layer.
 *
 * **Gotchas**
 *
 * Its points are lost with the process; the indexer fills it again from the logs at every start. A search compares
 * every point, in the thread of the server.
 *
 * **Example**
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Domain, Layers, Services } from "choir"
 *
 * const { VectorIndex } = Services.VectorIndex
 * const point = {
 *   id: "00000000-0000-5000-8000-000000000001",
 *   vector: [0.6, 0.8],
 *   payload: {
 *     thread: Domain.Ids.TopicId.make("thread:tea"),
 *     message: Domain.Ids.CommandId.make("message-1"),
 *     author: "system:example" as const,
 *     content: "Steep green tea at 80 degrees.",
 *     content_hash: "0".repeat(64),
 *     c: "A".repeat(43),
 *     visibility: "public" as const,
 *     log_seq: 1,
 *     text_seq: 1,
 *     embed_model: "example",
 *     created_at: 0,
 *     version: 1
 *   }
 * }
 *
 * const program = Effect.gen(function*() {
 *   const index = yield* VectorIndex
 *   yield* index.ensure("notes", { dimension: 2 })
 *   yield* index.upsert("notes", [point])
 *   const filter = { threads: [point.payload.thread] }
 *   const hits = yield* index.search("notes", { vector: [1, 0], limit: 3, filter })
 *   console.log(hits.map(({ payload, score }) => [payload.content, score]))
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Layers.VectorIndexMemory.layer)))
 * ```
 */
import { Effect, Layer } from "effect"
import * as Vector from "../../domain/search/Vector.ts"
import type { Point } from "../../domain/search/VectorPoint.ts"
import { compareHits, matchesFilter } from "../../domain/search/VectorQuery.ts"
import { CollectionMissing, DimensionMismatch, VectorIndex } from "../../services/VectorIndex.ts"
import * as VectorValidation from "./VectorValidation.ts"

interface Collection {
  readonly dimension: number
  readonly points: Map<string, Point>
}

/** An engine without collections. */
export const make = (): VectorIndex["Service"] => {
  const collections = new Map<string, Collection>()

  const requireCollection = (name: string) => {
    const collection = collections.get(name)
    return collection === undefined
      ? VectorValidation.failWith(new CollectionMissing({ collection: name }))
      : Effect.succeed(collection)
  }

  const ensure: VectorIndex["Service"]["ensure"] = (name, { dimension }) =>
    Effect.suspend(() => {
      const actual = collections.get(name)?.dimension
      if (actual === undefined) collections.set(name, { dimension, points: new Map() })
      return actual === undefined || actual === dimension
        ? Effect.void
        : VectorValidation.failWith(new DimensionMismatch({ collection: name, expected: dimension, actual }))
    })

  const upsert = Effect.fnUntraced(function*(name: string, points: ReadonlyArray<Point>) {
    const { dimension, points: stored } = yield* requireCollection(name)
    yield* VectorValidation.requireValid(points.map((point) => point.vector), dimension)
    for (const point of points) {
      const existing = stored.get(point.id)
      if (existing === undefined || existing.payload.version < point.payload.version) stored.set(point.id, point)
    }
  })

  const remove = Effect.fnUntraced(function*(name: string, ids: ReadonlyArray<string>) {
    const { points } = yield* requireCollection(name)
    for (const id of ids) points.delete(id)
  })

  const search: VectorIndex["Service"]["search"] = Effect.fnUntraced(function*(name, { filter, limit, vector: query }) {
    const { dimension, points } = yield* requireCollection(name)
    yield* VectorValidation.requireValid([query], dimension)
    return Array.from(points.values())
      .filter((point) => matchesFilter(filter, point.payload))
      .map(({ id, payload, vector }) => ({ id, payload, score: Vector.dot(query, vector) }))
      .sort(compareHits)
      .slice(0, limit)
  })

  const sortedById = (points: ReadonlyMap<string, Point>) =>
    Array.from(points.values()).sort((a, b) => (a.id < b.id ? -1 : 1))

  return {
    ensure,
    upsert,
    remove,
    search,
    get: (name, ids) =>
      Effect.map(requireCollection(name), ({ points }) => sortedById(points).filter((point) => ids.includes(point.id))),
    count: (name) => Effect.map(requireCollection(name), ({ points }) => points.size),
    scroll: (name, { after, limit }) =>
      Effect.map(
        requireCollection(name),
        ({ points }) => sortedById(points).filter((point) => after === null || point.id > after).slice(0, limit)
      )
  }
}

/** The engine; its points are lost with the process. */
export const layer: Layer.Layer<VectorIndex> = Layer.sync(VectorIndex, make)
