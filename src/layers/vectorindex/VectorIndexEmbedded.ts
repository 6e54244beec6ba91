/**
 * The embedded engine: an exact scan by a SIMD kernel in a worker thread, over points in SQLite.
 *
 * **When to use**
 *
 * In a server of one process, up to some hundred thousand points: nothing has to be installed or run beside it.
 *
 * **Details**
 *
 * SQLite is durable and written first; the worker's index is loaded from it at the start, and again after the worker
 * has died. A search multiplies the query with every vector that the filter admits, 4,096 at a time.
 *
 * **Gotchas**
 *
 * Memory grows with the points: 1.5 KB each at 384 dimensions, in the worker. Searches fail with `Unreachable` while
 * the worker is loading again. The tables are `vector_collections` and `vector_points`; drop them to have the index
 * filled from the logs.
 *
 * **Example**
 *
 * ```ts
 * import { Effect, Layer } from "effect"
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
 * const layer = Layers.VectorIndexEmbedded.layer.pipe(Layer.provide(Layers.Sqlite.layer({ filename: ":memory:" })))
 * await Effect.runPromise(program.pipe(Effect.provide(layer)))
 * ```
 */
import { Effect, Layer, Option, Semaphore } from "effect"
import type { SqlClient } from "effect/sql"
import type { Point } from "../../domain/search/VectorPoint.ts"
import { CollectionMissing, DimensionMismatch, VectorIndex, type VectorIndexError } from "../../services/VectorIndex.ts"
import * as EmbeddedStore from "./EmbeddedStore.ts"
import * as EmbeddedWorkerClient from "./EmbeddedWorkerClient.ts"
import { rowOfPoint } from "./FlatIndex.ts"
import * as VectorValidation from "./VectorValidation.ts"

/** The dependencies of the operations. */
interface Dependencies {
  readonly store: EmbeddedStore.EmbeddedStore
  /** The worker that holds everything; started again when it died. */
  readonly liveWorker: Effect.Effect<EmbeddedWorkerClient.WorkerClient, VectorIndexError>
  /** Runs a write: SQLite and the worker change together, or the worker is replaced. */
  readonly write: (
    effect: (client: EmbeddedWorkerClient.WorkerClient) => Effect.Effect<void, VectorIndexError>
  ) => Effect.Effect<void, VectorIndexError>
}

const make = Effect.fnUntraced(function*(start: typeof EmbeddedWorkerClient.start) {
  const store = yield* EmbeddedStore.make
  const lock = yield* Semaphore.make(1)
  const worker = yield* superviseWorker(start, store, lock)
  yield* Effect.forkScoped(Effect.ignore(worker.live))
  const dependencies: Dependencies = {
    store,
    liveWorker: worker.live,
    write: (effect) =>
      worker.locked.pipe(Effect.flatMap(effect), Effect.uninterruptible, (body) => Semaphore.withPermit(lock, body))
  }
  return VectorIndex.of({
    ensure: ensure(dependencies),
    upsert: upsert(dependencies),
    remove: remove(dependencies),
    search: search(dependencies),
    get: (collection, ids) =>
      Effect.flatMap(
        requireDimension(store, collection),
        () => ids.length === 0 ? Effect.succeed([]) : store.get(collection, ids)
      ),
    count: (collection) => Effect.flatMap(requireDimension(store, collection), () => store.count(collection)),
    scroll: (collection, { after, limit }) =>
      Effect.flatMap(requireDimension(store, collection), () => store.scroll(collection, after, limit))
  })
})

// -- The worker ----------------------------------------------------------------

/** Keeps one worker running. `live` takes the lock when it has to start one; `locked` is for the holder of the lock. */
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

  const locked = Effect.uninterruptible(restart)
  const live = Effect.suspend(() =>
    current?.isAlive() === true ? Effect.succeed(current) : Semaphore.withPermit(lock, locked)
  )
  return { live, locked } as const
})

/** Loads all stored points into a new worker. */
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

// -- Operations ----------------------------------------------------------------

const requireDimension = Effect.fnUntraced(function*(store: EmbeddedStore.EmbeddedStore, collection: string) {
  const dimension = yield* store.dimension(collection)
  return Option.isSome(dimension)
    ? dimension.value
    : yield* VectorValidation.failWith(new CollectionMissing({ collection }))
})

const ensure = ({ store, write }: Dependencies): VectorIndex["Service"]["ensure"] => (collection, { dimension }) =>
  write(Effect.fnUntraced(function*(client) {
    const actual = Option.getOrUndefined(yield* store.dimension(collection))
    if (actual !== undefined && actual !== dimension) {
      return yield* VectorValidation.failWith(new DimensionMismatch({ collection, expected: dimension, actual }))
    }
    if (actual === dimension) return
    yield* store.ensure(collection, dimension)
    yield* client.call({ _tag: "Open", collection, dimension })
  }))

const upsert = ({ store, write }: Dependencies) =>
  Effect.fnUntraced(function*(collection: string, points: ReadonlyArray<Point>) {
    yield* VectorValidation.requireValid(
      points.map((point) => point.vector),
      yield* requireDimension(store, collection)
    )
    if (points.length === 0) return
    const batch = { rows: points.map(rowOfPoint), vectors: Float32Array.from(points.flatMap((point) => point.vector)) }
    yield* write((client) =>
      store.upsert(collection, points).pipe(
        Effect.andThen(client.call({ _tag: "Upsert", collection, batch })),
        Effect.asVoid
      )
    )
  })

const remove = ({ store, write }: Dependencies) =>
  Effect.fnUntraced(function*(collection: string, ids: ReadonlyArray<string>) {
    yield* requireDimension(store, collection)
    if (ids.length === 0) return
    yield* write((client) =>
      store.remove(collection, ids).pipe(
        Effect.andThen(client.call({ _tag: "Remove", collection, ids })),
        Effect.andThen(store.cleanFiles)
      )
    )
  })

const search = ({ liveWorker, store }: Dependencies): VectorIndex["Service"]["search"] =>
  Effect.fnUntraced(function*(collection, { filter, limit, vector }) {
    yield* VectorValidation.requireValid([vector], yield* requireDimension(store, collection))
    const client = yield* liveWorker
    const hits = yield* client.call({ _tag: "Search", collection, vector: Float32Array.from(vector), limit, filter })
    if (hits.length === 0) return []
    const payloads = yield* store.payloads(collection, hits.map((hit) => hit.id))
    return hits.flatMap(({ id, score }) => {
      const payload = payloads.get(id)
      return payload === undefined ? [] : [{ id, score, payload }]
    })
  })

/** The engine with workers from `start`, such as ones that a test ends. */
export const layerWith = (
  start: typeof EmbeddedWorkerClient.start
): Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> => Layer.effect(VectorIndex, make(start))

/** The engine. Its points are in the tables `vector_collections` and `vector_points` of the given SQLite database. */
export const layer: Layer.Layer<VectorIndex, VectorIndexError, SqlClient.SqlClient> = layerWith(
  EmbeddedWorkerClient.start
)
