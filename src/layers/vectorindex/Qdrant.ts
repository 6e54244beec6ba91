/**
 * The engine for more than one node: a Qdrant server, 1.19 or later.
 *
 * A projection, not the truth: its writes are not flushed one by one, so what
 * it forgets comes back from the logs. Every write waits until it is applied.
 */
import { Effect, Layer, Schema } from "effect"
import { type Filter, Payload, type Point, rank } from "../../domain/storage/VectorPoint.ts"
import { DimensionTaken, TimedOut, VectorIndex, VectorIndexError } from "../../services/VectorIndex.ts"
import * as Checks from "./Checks.ts"
import * as QdrantCalls from "./QdrantCalls.ts"

export interface Options extends QdrantCalls.Options {
  /** Compare with every point that matches, instead of trusting the graph index of a large collection. Default: true. */
  readonly exact?: boolean | undefined
}

/** Numbers in one request; a body may hold 32 MB. */
const numbersPerRequest = 400_000

/** The payload fields that filters and the version guard use. Threads are the tenants. */
const indexes = [
  { field_name: "thread", field_schema: { type: "keyword", is_tenant: true } },
  { field_name: "author", field_schema: "keyword" },
  { field_name: "visibility", field_schema: "keyword" },
  { field_name: "version", field_schema: "integer" }
] as const

const Info = Schema.Struct({
  config: Schema.Struct({
    params: Schema.Struct({ vectors: Schema.Struct({ size: Schema.Natural, distance: Schema.Literal("Cosine") }) })
  }),
  payload_schema: Schema.Record(Schema.String, Schema.Unknown)
})
const Written = Schema.Struct({ status: Schema.Literals(["acknowledged", "completed", "wait_timeout"]) })
const Stored = Schema.Struct({ id: Schema.String, payload: Payload, vector: Schema.Array(Schema.Finite) })
const Scored = Schema.Struct({ id: Schema.String, payload: Payload, score: Schema.Finite })

type Condition =
  | { readonly key: string; readonly match: { readonly value: string } | { readonly any: Array<string> } }
  | { readonly should: Array<Condition> }

/** Qdrant's words for a filter; undefined for none. `should` is never empty: its meaning then depends on the index. */
const conditions = (filter: Filter): { readonly must: Array<Condition> } | undefined => {
  const must: Array<Condition> = []
  const is = (key: string, value: string): Condition => ({ key, match: { value } })
  // The server takes a set.
  const anyThread = (threads: ReadonlyArray<string>): Condition => ({
    key: "thread",
    match: { any: Array.from(new Set(threads)) }
  })
  if (filter.readable !== undefined) must.push({ should: [is("visibility", "public"), anyThread(filter.readable)] })
  if (filter.threads !== undefined) must.push(anyThread(filter.threads))
  if (filter.visibility !== undefined) must.push(is("visibility", filter.visibility))
  if (filter.author !== undefined) must.push(is("author", filter.author))
  return must.length === 0 ? undefined : { must }
}

/** Upserts that hold for the points of one version each: the guard is per request part, not per point. */
const guarded = (points: ReadonlyArray<Point>) => {
  const byVersion = Map.groupBy(points, (point) => point.payload.version)
  return Array.from(byVersion).sort(([a], [b]) => a - b).map(([version, points]) => ({
    upsert: {
      points: points.map(({ id, payload, vector }) => ({ id, vector: [...vector], payload: { ...payload } })),
      update_filter: { must: [{ key: "version", range: { lt: version } }] }
    }
  }))
}

const byId = (a: Point, b: Point) => (a.id < b.id ? -1 : 1)

const make = Effect.fnUntraced(function*(options: Options) {
  const call = yield* QdrantCalls.make(options)
  const dimensions = new Map<string, number>()

  /** A write that the server could only promise is to be repeated. */
  const completed = (written: ReadonlyArray<typeof Written.Type>) =>
    written.every((write) => write.status === "completed")
      ? Effect.void
      : Effect.fail(new VectorIndexError({ reason: new TimedOut({ after_ms: options.timeout }) }))

  const inspect = (collection: string) =>
    call(collection, Info, (api, init) => api.getCollection({ collection_name: collection }, init)).pipe(
      Effect.tap((info) => Effect.sync(() => dimensions.set(collection, info.config.params.vectors.size)))
    )

  const dimensionOf = (collection: string) => {
    const known = dimensions.get(collection)
    return known !== undefined
      ? Effect.succeed(known)
      : Effect.map(inspect(collection), (info) => info.config.params.vectors.size)
  }

  const create = (collection: string, dimension: number) =>
    call(collection, Schema.Boolean, (api, init) =>
      api.createCollection({
        collection_name: collection,
        vectors: { size: dimension, distance: "Cosine" }
      }, init)).pipe(
        // Somebody else was faster: what they made is looked at next.
        Effect.catchIf(({ reason }) => reason._tag === "Refused" && reason.status === 409, () => Effect.void),
        Effect.andThen(inspect(collection))
      )

  const ensure = Effect.fnUntraced(function*(collection: string, { dimension }: { readonly dimension: number }) {
    const info = yield* Effect.catchReason(
      inspect(collection),
      "VectorIndexError",
      "CollectionMissing",
      () => create(collection, dimension)
    )
    const actual = info.config.params.vectors.size
    if (actual !== dimension) {
      return yield* Checks.fail(new DimensionTaken({ collection, expected: dimension, actual }))
    }
    for (const index of indexes) {
      if (index.field_name in info.payload_schema) continue
      const written = yield* call(
        collection,
        Written,
        (api, init) => api.createFieldIndex({ collection_name: collection, wait: true, ...index }, init)
      )
      yield* completed([written])
    }
  })

  const upsert = Effect.fnUntraced(function*(collection: string, points: ReadonlyArray<Point>) {
    const dimension = yield* dimensionOf(collection)
    const vectors = yield* Checks.normalised(points.map((point) => point.vector), dimension)
    const normalised = points.map((point, i) => ({ ...point, vector: vectors[i]! }))
    const size = Math.max(1, Math.floor(numbersPerRequest / dimension))
    for (let i = 0; i < normalised.length; i += size) {
      const operations = guarded(normalised.slice(i, i + size))
      const written = yield* call(
        collection,
        Schema.Array(Written),
        (api, init) => api.batchUpdate({ collection_name: collection, wait: true, operations }, init)
      )
      yield* completed(written)
    }
  })

  const remove = Effect.fnUntraced(function*(collection: string, ids: ReadonlyArray<string>) {
    const written = yield* call(
      collection,
      Written,
      (api, init) => api.deletePoints({ collection_name: collection, wait: true, points: [...ids] }, init)
    )
    yield* completed([written])
  })

  const search: VectorIndex["Service"]["search"] = Effect.fnUntraced(
    function*(collection, { filter, limit, vector }) {
      const [query] = yield* Checks.normalised([vector], yield* dimensionOf(collection))
      const { points } = yield* call(
        collection,
        Schema.Struct({ points: Schema.Array(Scored) }),
        (api, init) =>
          api.queryPoints({
            collection_name: collection,
            query: [...query!],
            limit,
            filter: conditions(filter) ?? null,
            with_payload: true,
            params: { exact: options.exact ?? true }
          }, init)
      )
      return points.toSorted(rank)
    }
  )

  const get = (collection: string, ids: ReadonlyArray<string>) =>
    call(
      collection,
      Schema.Array(Stored),
      (api, init) =>
        api.getPoints({ collection_name: collection, ids: [...ids], with_payload: true, with_vector: true }, init)
    ).pipe(
      Effect.map((points) => points.toSorted(byId))
    )

  const count = (collection: string) =>
    call(
      collection,
      Schema.Struct({ count: Schema.Natural }),
      (api, init) => api.countPoints({ collection_name: collection, exact: true }, init)
    ).pipe(Effect.map((answer) => answer.count))

  /** Qdrant's offset is the first id of the page, so the one that was last is asked for again and dropped. */
  const scroll: VectorIndex["Service"]["scroll"] = (collection, { after, limit }) =>
    call(collection, Schema.Struct({ points: Schema.Array(Stored) }), (api, init) =>
      api.scrollPoints({
        collection_name: collection,
        limit: limit + 1,
        offset: after,
        with_payload: true,
        with_vector: true
      }, init)).pipe(Effect.map(({ points }) => points.filter((point) => point.id !== after).slice(0, limit)))

  /** A collection that is gone may come back with another dimension. */
  const forgetting = <A>(collection: string, effect: Effect.Effect<A, VectorIndexError>) =>
    Effect.tapError(
      effect,
      ({ reason }) => Effect.sync(() => reason._tag === "CollectionMissing" && dimensions.delete(collection))
    )

  return VectorIndex.of({
    ensure: (collection, options) => forgetting(collection, ensure(collection, options)),
    upsert: (collection, points) => forgetting(collection, upsert(collection, points)),
    remove: (collection, ids) => forgetting(collection, remove(collection, ids)),
    search: (collection, query) => forgetting(collection, search(collection, query)),
    get: (collection, ids) => forgetting(collection, get(collection, ids)),
    count: (collection) => forgetting(collection, count(collection)),
    scroll: (collection, page) => forgetting(collection, scroll(collection, page))
  })
})

/** Connects at the first call. */
export const layer = (options: Options): Layer.Layer<VectorIndex> => Layer.effect(VectorIndex, make(options))
