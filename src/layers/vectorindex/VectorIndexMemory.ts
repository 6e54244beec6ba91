/** The reference engine: a map and a full scan, by the definitions in `domain/search`. For tests and small installations. */
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
