/**
 * The engine for more than one node: a Qdrant server, 1.19 or later.
 *
 * A projection, not the truth: its writes are not flushed one by one, so what
 * it forgets comes back from the logs. Every write waits until it is applied.
 */
import { Effect, Layer, Schema } from "effect"
import { compareHits, type Filter, Payload, type Point } from "../../domain/search/VectorPoint.ts"
import { DimensionMismatch, TimedOut, VectorIndex, VectorIndexError } from "../../services/VectorIndex.ts"
import * as QdrantHttp from "./QdrantHttp.ts"
import * as VectorValidation from "./VectorValidation.ts"

export interface QdrantOptions extends QdrantHttp.QdrantHttpOptions {
  /** Compare with every point that matches, instead of trusting the graph index of a large collection. Default: true. */
  readonly exact?: boolean | undefined
}

/** Numbers in one request; a body may hold 32 MB. */
const numbersPerRequest = 400_000

/** The payload fields that filters and the version guard use. Threads are the tenants. */
const payloadIndexes = [
  { field_name: "thread", field_schema: { type: "keyword", is_tenant: true } },
  { field_name: "author", field_schema: "keyword" },
  { field_name: "visibility", field_schema: "keyword" },
  { field_name: "version", field_schema: "integer" }
] as const

const CollectionInfo = Schema.Struct({
  config: Schema.Struct({
    params: Schema.Struct({ vectors: Schema.Struct({ size: Schema.Natural, distance: Schema.Literal("Cosine") }) })
  }),
  payload_schema: Schema.Record(Schema.String, Schema.Unknown)
})
const UpdateResult = Schema.Struct({ status: Schema.Literals(["acknowledged", "completed", "wait_timeout"]) })
const PointRecord = Schema.Struct({ id: Schema.String, payload: Payload, vector: Schema.Array(Schema.Finite) })
const ScoredPoint = Schema.Struct({ id: Schema.String, payload: Payload, score: Schema.Finite })

type Condition =
  | { readonly key: string; readonly match: { readonly value: string } | { readonly any: Array<string> } }
  | { readonly should: Array<Condition> }

/** Qdrant's words for a filter; undefined for none. `should` is never empty: its meaning then depends on the index. */
const toQdrantFilter = (filter: Filter): { readonly must: Array<Condition> } | undefined => {
  const must: Array<Condition> = []
  const matchValue = (key: string, value: string): Condition => ({ key, match: { value } })
  // The server takes a set.
  const matchAnyThread = (threads: ReadonlyArray<string>): Condition => ({
    key: "thread",
    match: { any: Array.from(new Set(threads)) }
  })
  if (filter.readable !== undefined) {
    must.push({ should: [matchValue("visibility", "public"), matchAnyThread(filter.readable)] })
  }
  if (filter.threads !== undefined) must.push(matchAnyThread(filter.threads))
  if (filter.visibility !== undefined) must.push(matchValue("visibility", filter.visibility))
  if (filter.author !== undefined) must.push(matchValue("author", filter.author))
  return must.length === 0 ? undefined : { must }
}

/** Upserts that hold for the points of one version each: the guard is per request part, not per point. */
const versionGuardedUpserts = (points: ReadonlyArray<Point>) => {
  const byVersion = Map.groupBy(points, (point) => point.payload.version)
  return Array.from(byVersion).sort(([a], [b]) => a - b).map(([version, points]) => ({
    upsert: {
      points: points.map(({ id, payload, vector }) => ({ id, vector: [...vector], payload: { ...payload } })),
      update_filter: { must: [{ key: "version", range: { lt: version } }] }
    }
  }))
}

const compareById = (a: Point, b: Point) => (a.id < b.id ? -1 : 1)

const make = Effect.fnUntraced(function*(options: QdrantOptions) {
  const call = yield* QdrantHttp.make(options)
  const dimensions = new Map<string, number>()

  /** A write that the server could only promise is to be repeated. */
  const requireCompleted = (written: ReadonlyArray<typeof UpdateResult.Type>) =>
    written.every((write) => write.status === "completed")
      ? Effect.void
      : Effect.fail(new VectorIndexError({ reason: new TimedOut({ after_ms: options.timeout }) }))

  const inspect = (collection: string) =>
    call(collection, CollectionInfo, (api, init) => api.getCollection({ collection_name: collection }, init)).pipe(
      Effect.tap((info) => Effect.sync(() => dimensions.set(collection, info.config.params.vectors.size)))
    )

  const dimensionOf = (collection: string) => {
    const cached = dimensions.get(collection)
    return cached !== undefined
      ? Effect.succeed(cached)
      : Effect.map(inspect(collection), (info) => info.config.params.vectors.size)
  }

  const createCollection = (collection: string, dimension: number) =>
    call(collection, Schema.Boolean, (api, init) =>
      api.createCollection({
        collection_name: collection,
        vectors: { size: dimension, distance: "Cosine" }
      }, init)).pipe(
        // Somebody else was faster: what they made is looked at next.
        Effect.catchIf(({ reason }) => reason._tag === "BadRequest" && reason.status === 409, () => Effect.void),
        Effect.andThen(inspect(collection))
      )

  const ensure = Effect.fnUntraced(function*(collection: string, { dimension }: { readonly dimension: number }) {
    const info = yield* Effect.catchReason(
      inspect(collection),
      "VectorIndexError",
      "CollectionMissing",
      () => createCollection(collection, dimension)
    )
    const actual = info.config.params.vectors.size
    if (actual !== dimension) {
      return yield* VectorValidation.failWith(new DimensionMismatch({ collection, expected: dimension, actual }))
    }
    for (const index of payloadIndexes) {
      if (index.field_name in info.payload_schema) continue
      const written = yield* call(
        collection,
        UpdateResult,
        (api, init) => api.createFieldIndex({ collection_name: collection, wait: true, ...index }, init)
      )
      yield* requireCompleted([written])
    }
  })

  const upsert = Effect.fnUntraced(function*(collection: string, points: ReadonlyArray<Point>) {
    const dimension = yield* dimensionOf(collection)
    const vectors = yield* VectorValidation.validateAndNormalise(points.map((point) => point.vector), dimension)
    const normalised = points.map((point, i) => ({ ...point, vector: vectors[i]! }))
    const size = Math.max(1, Math.floor(numbersPerRequest / dimension))
    for (let i = 0; i < normalised.length; i += size) {
      const operations = versionGuardedUpserts(normalised.slice(i, i + size))
      const written = yield* call(
        collection,
        Schema.Array(UpdateResult),
        (api, init) => api.batchUpdate({ collection_name: collection, wait: true, operations }, init)
      )
      yield* requireCompleted(written)
    }
  })

  const remove = Effect.fnUntraced(function*(collection: string, ids: ReadonlyArray<string>) {
    const written = yield* call(
      collection,
      UpdateResult,
      (api, init) => api.deletePoints({ collection_name: collection, wait: true, points: [...ids] }, init)
    )
    yield* requireCompleted([written])
  })

  const search: VectorIndex["Service"]["search"] = Effect.fnUntraced(
    function*(collection, { filter, limit, vector }) {
      const [query] = yield* VectorValidation.validateAndNormalise([vector], yield* dimensionOf(collection))
      const { points } = yield* call(
        collection,
        Schema.Struct({ points: Schema.Array(ScoredPoint) }),
        (api, init) =>
          api.queryPoints({
            collection_name: collection,
            query: [...query!],
            limit,
            filter: toQdrantFilter(filter) ?? null,
            with_payload: true,
            params: { exact: options.exact ?? true }
          }, init)
      )
      return points.toSorted(compareHits)
    }
  )

  const get = (collection: string, ids: ReadonlyArray<string>) =>
    call(
      collection,
      Schema.Array(PointRecord),
      (api, init) =>
        api.getPoints({ collection_name: collection, ids: [...ids], with_payload: true, with_vector: true }, init)
    ).pipe(
      Effect.map((points) => points.toSorted(compareById))
    )

  const count = (collection: string) =>
    call(
      collection,
      Schema.Struct({ count: Schema.Natural }),
      (api, init) => api.countPoints({ collection_name: collection, exact: true }, init)
    ).pipe(Effect.map((answer) => answer.count))

  /** Qdrant's offset is the first id of the page, so the one that was last is asked for again and dropped. */
  const scroll: VectorIndex["Service"]["scroll"] = (collection, { after, limit }) =>
    call(collection, Schema.Struct({ points: Schema.Array(PointRecord) }), (api, init) =>
      api.scrollPoints({
        collection_name: collection,
        limit: limit + 1,
        offset: after,
        with_payload: true,
        with_vector: true
      }, init)).pipe(Effect.map(({ points }) => points.filter((point) => point.id !== after).slice(0, limit)))

  /** A collection that is gone may come back with another dimension. */
  const forgetDimensionIfMissing = <A>(collection: string, effect: Effect.Effect<A, VectorIndexError>) =>
    Effect.tapError(
      effect,
      ({ reason }) => Effect.sync(() => reason._tag === "CollectionMissing" && dimensions.delete(collection))
    )

  return VectorIndex.of({
    ensure: (collection, options) => forgetDimensionIfMissing(collection, ensure(collection, options)),
    upsert: (collection, points) => forgetDimensionIfMissing(collection, upsert(collection, points)),
    remove: (collection, ids) => forgetDimensionIfMissing(collection, remove(collection, ids)),
    search: (collection, query) => forgetDimensionIfMissing(collection, search(collection, query)),
    get: (collection, ids) => forgetDimensionIfMissing(collection, get(collection, ids)),
    count: (collection) => forgetDimensionIfMissing(collection, count(collection)),
    scroll: (collection, page) => forgetDimensionIfMissing(collection, scroll(collection, page))
  })
})

/** Connects at the first call. */
export const layer = (options: QdrantOptions): Layer.Layer<VectorIndex> => Layer.effect(VectorIndex, make(options))
