/**
 * The embedded engine: an exact scan by a SIMD kernel in a worker thread.
 *
 * SQLite holds the truth; the worker's index is built from it at start, and
 * again after a worker died. Every write goes to SQLite first.
 */
import { Effect, Layer, Option, Semaphore } from "effect"
import type { SqlClient } from "effect/sql"
import type { Point } from "../../domain/search/VectorPoint.ts"
import { CollectionMissing, DimensionMismatch, VectorIndex, type VectorIndexError } from "../../services/VectorIndex.ts"
import * as EmbeddedStore from "./EmbeddedStore.ts"
import * as EmbeddedWorkerClient from "./EmbeddedWorkerClient.ts"
import * as VectorValidation from "./VectorValidation.ts"

/** Feeds a fresh worker everything there is. */
const loadIndex = Effect.fnUntraced(
  function*(store: EmbeddedStore.EmbeddedStore, client: EmbeddedWorkerClient.WorkerClient) {
    for (const collection of yield* store.collections) {
      yield* client.call({ _tag: "Open", collection: collection.name, dimension: collection.dimension })
      let after: string | undefined = ""
      while (after !== undefined) {
        const { batch, last }: Effect.Success<ReturnType<EmbeddedStore.EmbeddedStore["page"]>> = yield* store.page(
          collection,
          after
        )
        if (last !== undefined) yield* client.call({ _tag: "Upsert", collection: collection.name, batch })
        after = last
      }
    }
  }
)

/** Keeps one worker running: `live` is the worker that holds everything, started again when it died. */
const superviseWorker = Effect.fnUntraced(function*(
  start: typeof EmbeddedWorkerClient.start,
  store: EmbeddedStore.EmbeddedStore,
  lock: Semaphore.Semaphore
) {
  let current: EmbeddedWorkerClient.WorkerClient | undefined
  yield* Effect.addFinalizer(() => current?.stop ?? Effect.void)

  const restart = Effect.gen(function*() {
    if (current?.isAlive() === true) return current
    const client = yield* start
    yield* loadIndex(store, client).pipe(Effect.onError(() => client.stop))
    current = client
    return client
  })

  /** For whoever holds the lock. */
  const locked = Effect.uninterruptible(restart)
  const live = Effect.suspend(() =>
    current?.isAlive() === true ? Effect.succeed(current) : Semaphore.withPermit(lock, locked)
  )
  return { live, locked } as const
})

const make = Effect.fnUntraced(function*(start: typeof EmbeddedWorkerClient.start) {
  const store = yield* EmbeddedStore.make
  const lock = yield* Semaphore.make(1)
  const worker = yield* superviseWorker(start, store, lock)
  yield* Effect.forkScoped(Effect.ignore(worker.live))

  /** What is in SQLite and what the worker holds change together, or the worker is thrown away. */
  const write = <A>(effect: (client: EmbeddedWorkerClient.WorkerClient) => Effect.Effect<A, VectorIndexError>) =>
    worker.locked.pipe(Effect.flatMap(effect), Effect.uninterruptible, (body) => Semaphore.withPermit(lock, body))

  const requireDimension = Effect.fnUntraced(function*(collection: string) {
    const dimension = yield* store.dimension(collection)
    return Option.isSome(dimension)
      ? dimension.value
      : yield* VectorValidation.failWith(new CollectionMissing({ collection }))
  })

  const ensure: VectorIndex["Service"]["ensure"] = (collection, { dimension }) =>
    write(Effect.fnUntraced(function*(client) {
      const actual = Option.getOrUndefined(yield* store.dimension(collection))
      if (actual !== undefined && actual !== dimension) {
        return yield* VectorValidation.failWith(new DimensionMismatch({ collection, expected: dimension, actual }))
      }
      if (actual === dimension) return
      yield* store.ensure(collection, dimension)
      yield* client.call({ _tag: "Open", collection, dimension })
    }))

  const upsert = Effect.fnUntraced(function*(collection: string, points: ReadonlyArray<Point>) {
    const dimension = yield* requireDimension(collection)
    const vectors = yield* VectorValidation.validateAndNormalise(points.map((point) => point.vector), dimension)
    if (points.length === 0) return
    yield* write((client) =>
      store.upsert(collection, points.map((point, i) => ({ ...point, vector: vectors[i]! }))).pipe(
        Effect.andThen(client.call({
          _tag: "Upsert",
          collection,
          batch: {
            rows: points.map(({ id, payload: { author, thread, version, visibility } }) => ({
              id,
              author,
              thread,
              version,
              visibility
            })),
            vectors: Float32Array.from(vectors.flat())
          }
        }))
      )
    )
  })

  const remove = Effect.fnUntraced(function*(collection: string, ids: ReadonlyArray<string>) {
    yield* requireDimension(collection)
    if (ids.length === 0) return
    yield* write((client) =>
      store.remove(collection, ids).pipe(Effect.andThen(client.call({ _tag: "Remove", collection, ids })))
    )
  })

  const search: VectorIndex["Service"]["search"] = Effect.fnUntraced(
    function*(collection, { filter, limit, vector }) {
      const dimension = yield* requireDimension(collection)
      const [query] = yield* VectorValidation.validateAndNormalise([vector], dimension)
      const client = yield* worker.live
      const hits = yield* client.call({ _tag: "Search", collection, vector: Float32Array.from(query!), limit, filter })
      if (hits.length === 0) return []
      const payloads = yield* store.payloads(collection, hits.map((hit) => hit.id))
      return hits.flatMap(({ id, score }) => {
        const payload = payloads.get(id)
        return payload === undefined ? [] : [{ id, score, payload }]
      })
    }
  )

  return VectorIndex.of({
    ensure,
    upsert,
    remove,
    search,
    get: (collection, ids) =>
      Effect.flatMap(
        requireDimension(collection),
        () => ids.length === 0 ? Effect.succeed([]) : store.get(collection, ids)
      ),
    count: (collection) => Effect.flatMap(requireDimension(collection), () => store.count(collection)),
    scroll: (collection, { after, limit }) =>
      Effect.flatMap(requireDimension(collection), () => store.scroll(collection, after, limit))
  })
})

/** The engine with workers from `start`, for who wants to see them die. */
export const layerWith = (
  start: typeof EmbeddedWorkerClient.start
): Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> => Layer.effect(VectorIndex, make(start))

/** Keeps its points in the tables `vector_collections` and `vector_points` of the given SQLite database. */
export const layer: Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> = layerWith(
  EmbeddedWorkerClient.start
)
