/**
 * The embedded engine: an exact scan by a SIMD kernel in a worker thread.
 *
 * SQLite holds the truth; the worker's index is built from it at start, and
 * again after a worker died. Every write goes to SQLite first.
 */
import { Effect, Layer, Option, Semaphore } from "effect"
import type { SqlClient } from "effect/sql"
import type { Point } from "../../domain/storage/VectorPoint.ts"
import { CollectionMissing, DimensionTaken, VectorIndex, type VectorIndexError } from "../../services/VectorIndex.ts"
import * as Checks from "./Checks.ts"
import * as EmbeddedHost from "./EmbeddedHost.ts"
import * as EmbeddedStore from "./EmbeddedStore.ts"

/** Feeds a fresh worker everything there is. */
const load = Effect.fnUntraced(function*(store: EmbeddedStore.Store, host: EmbeddedHost.Host) {
  for (const collection of yield* store.collections) {
    yield* host.call({ _tag: "Open", collection: collection.name, dimension: collection.dimension })
    let after: string | undefined = ""
    while (after !== undefined) {
      const { batch, last }: Effect.Success<ReturnType<EmbeddedStore.Store["page"]>> = yield* store.page(
        collection,
        after
      )
      if (last !== undefined) yield* host.call({ _tag: "Upsert", collection: collection.name, batch })
      after = last
    }
  }
})

/** Keeps one worker running: `live` is the worker that holds everything, started again when it died. */
const keepWorker = Effect.fnUntraced(function*(
  start: typeof EmbeddedHost.start,
  store: EmbeddedStore.Store,
  lock: Semaphore.Semaphore
) {
  let current: EmbeddedHost.Host | undefined
  yield* Effect.addFinalizer(() => current?.stop ?? Effect.void)

  const restart = Effect.gen(function*() {
    if (current?.alive() === true) return current
    const host = yield* start
    yield* load(store, host).pipe(Effect.onError(() => host.stop))
    current = host
    return host
  })

  /** For whoever holds the lock. */
  const locked = Effect.uninterruptible(restart)
  const live = Effect.suspend(() =>
    current?.alive() === true ? Effect.succeed(current) : Semaphore.withPermit(lock, locked)
  )
  return { live, locked } as const
})

const make = Effect.fnUntraced(function*(start: typeof EmbeddedHost.start) {
  const store = yield* EmbeddedStore.make
  const lock = yield* Semaphore.make(1)
  const worker = yield* keepWorker(start, store, lock)
  yield* Effect.forkScoped(Effect.ignore(worker.live))

  /** What is in SQLite and what the worker holds change together, or the worker is thrown away. */
  const write = <A>(effect: (host: EmbeddedHost.Host) => Effect.Effect<A, VectorIndexError>) =>
    worker.locked.pipe(Effect.flatMap(effect), Effect.uninterruptible, (body) => Semaphore.withPermit(lock, body))

  const find = Effect.fnUntraced(function*(collection: string) {
    const dimension = yield* store.dimension(collection)
    return Option.isSome(dimension) ? dimension.value : yield* Checks.fail(new CollectionMissing({ collection }))
  })

  const ensure: VectorIndex["Service"]["ensure"] = (collection, { dimension }) =>
    write(Effect.fnUntraced(function*(host) {
      const actual = Option.getOrUndefined(yield* store.dimension(collection))
      if (actual !== undefined && actual !== dimension) {
        return yield* Checks.fail(new DimensionTaken({ collection, expected: dimension, actual }))
      }
      if (actual === dimension) return
      yield* store.ensure(collection, dimension)
      yield* host.call({ _tag: "Open", collection, dimension })
    }))

  const upsert = Effect.fnUntraced(function*(collection: string, points: ReadonlyArray<Point>) {
    const dimension = yield* find(collection)
    const vectors = yield* Checks.normalised(points.map((point) => point.vector), dimension)
    if (points.length === 0) return
    yield* write((host) =>
      store.upsert(collection, points.map((point, i) => ({ ...point, vector: vectors[i]! }))).pipe(
        Effect.andThen(host.call({
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
    yield* find(collection)
    if (ids.length === 0) return
    yield* write((host) =>
      store.remove(collection, ids).pipe(Effect.andThen(host.call({ _tag: "Remove", collection, ids })))
    )
  })

  const search: VectorIndex["Service"]["search"] = Effect.fnUntraced(
    function*(collection, { filter, limit, vector }) {
      const dimension = yield* find(collection)
      const [query] = yield* Checks.normalised([vector], dimension)
      const host = yield* worker.live
      const found = yield* host.call({ _tag: "Search", collection, vector: Float32Array.from(query!), limit, filter })
      if (found.length === 0) return []
      const payloads = yield* store.payloads(collection, found.map((hit) => hit.id))
      return found.flatMap(({ id, score }) => {
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
      Effect.flatMap(find(collection), () => ids.length === 0 ? Effect.succeed([]) : store.get(collection, ids)),
    count: (collection) => Effect.flatMap(find(collection), () => store.count(collection)),
    scroll: (collection, { after, limit }) =>
      Effect.flatMap(find(collection), () => store.scroll(collection, after, limit))
  })
})

/** The engine with workers from `start`, for who wants to see them die. */
export const layerWith = (
  start: typeof EmbeddedHost.start
): Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> => Layer.effect(VectorIndex, make(start))

/** Keeps its points in the tables `vector_collections` and `vector_points` of the given SQLite database. */
export const layer: Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> = layerWith(EmbeddedHost.start)
