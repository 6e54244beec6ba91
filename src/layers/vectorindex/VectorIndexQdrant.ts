/**
 * The engine for several nodes: a Qdrant server, 1.19 or later.
 *
 * **When to use**
 *
 * When several processes share an index, or when it outgrows one process.
 *
 * **Details**
 *
 * A projection: its writes are not flushed one by one, so that what it loses is indexed again from the logs. Every
 * write waits until it is applied. Threads are Qdrant's tenants. Searches are exact unless `exact` is false.
 *
 * **Gotchas**
 *
 * The layer connects at the first call: a wrong address is not noticed before. Without a TLS address the API key
 * travels in plain text: keep the server on a private network (SEC40). With `exact: false`, a filter on few threads
 * may miss results.
 *
 * **Example**
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Layers, Services } from "choir"
 *
 * const program = Effect.gen(function*() {
 *   const index = yield* Services.VectorIndex.VectorIndex
 *   yield* index.ensure("notes", { dimension: 384 })
 *   return `${yield* index.count("notes")} points`
 * }).pipe(Effect.catchTag("VectorIndexError", (error) => Effect.succeed(error.message)))
 *
 * const layer = Layers.VectorIndexQdrant.layer({ url: "http://127.0.0.1:6333", timeout: 1_000 })
 * console.log(await Effect.runPromise(program.pipe(Effect.provide(layer))))
 * ```
 */
import { Effect, Layer, Schema } from "effect"
import type { Point } from "../../domain/search/VectorPoint.ts"
import { compareHits } from "../../domain/search/VectorQuery.ts"
import { DimensionMismatch, TimedOut, VectorIndex } from "../../services/VectorIndex.ts"
import type { PackageNotInstalled } from "../runtime/OptionalPackage.ts"
import * as QdrantHttp from "./QdrantHttp.ts"
import {
  CollectionInfo,
  payloadIndexes,
  PointRecord,
  ScoredPoint,
  toQdrantFilter,
  UpdateResult,
  versionGuardedUpserts
} from "./QdrantMapping.ts"
import type { QdrantServer } from "./QdrantServer.ts"
import * as VectorValidation from "./VectorValidation.ts"

/** Which server, and how to search it. */
export interface QdrantOptions extends QdrantServer {
  /** Compare with every matching point instead of trusting the graph index of a large collection. Default: true. */
  readonly exact?: boolean | undefined
}

/** Vector components per request; a body may have 32 MB. */
const componentsPerRequest = 400_000

type Engine = VectorIndex["Service"]

/** The operations of one server. */
class QdrantEngine implements Engine {
  private readonly call: QdrantHttp.QdrantCall
  private readonly options: QdrantOptions
  /** Dimensions of known collections. */
  private readonly dimensions = new Map<string, number>()

  constructor(call: QdrantHttp.QdrantCall, options: QdrantOptions) {
    this.options = options
    // A missing collection may be created again with another dimension.
    this.call = (collection, result, send) =>
      Effect.tapError(
        call(collection, result, send),
        ({ reason }) => Effect.sync(() => reason._tag === "CollectionMissing" && this.dimensions.delete(collection))
      )
  }

  readonly ensure: Engine["ensure"] = Effect.fnUntraced({ self: this }, function*(collection, { dimension }) {
    const info = yield* Effect.catchReason(
      this.inspect(collection),
      "VectorIndexError",
      "CollectionMissing",
      () => this.createCollection(collection, dimension)
    )
    const actual = info.config.params.vectors.size
    if (actual !== dimension) {
      return yield* VectorValidation.failWith(new DimensionMismatch({ collection, expected: dimension, actual }))
    }
    for (const index of payloadIndexes) {
      if (index.field_name in info.payload_schema) continue
      const written = yield* this.call(
        collection,
        UpdateResult,
        (api, init) => api.createFieldIndex({ collection_name: collection, wait: true, ...index }, init)
      )
      yield* this.requireCompleted([written])
    }
  })

  readonly upsert: Engine["upsert"] = Effect.fnUntraced({ self: this }, function*(collection, points) {
    const dimension = yield* this.dimensionOf(collection)
    yield* VectorValidation.requireValid(points.map((point) => point.vector), dimension)
    const size = Math.max(1, Math.floor(componentsPerRequest / dimension))
    for (let i = 0; i < points.length; i += size) {
      const operations = versionGuardedUpserts(points.slice(i, i + size))
      const written = yield* this.call(
        collection,
        Schema.Array(UpdateResult),
        (api, init) => api.batchUpdate({ collection_name: collection, wait: true, operations }, init)
      )
      yield* this.requireCompleted(written)
    }
  })

  readonly remove: Engine["remove"] = Effect.fnUntraced({ self: this }, function*(collection, ids) {
    const written = yield* this.call(
      collection,
      UpdateResult,
      (api, init) => api.deletePoints({ collection_name: collection, wait: true, points: [...ids] }, init)
    )
    yield* this.requireCompleted([written])
  })

  readonly search: Engine["search"] = Effect.fnUntraced({ self: this }, function*(collection, query) {
    yield* VectorValidation.requireValid([query.vector], yield* this.dimensionOf(collection))
    const { points } = yield* this.call(
      collection,
      Schema.Struct({ points: Schema.Array(ScoredPoint) }),
      (api, init) =>
        api.queryPoints({
          collection_name: collection,
          query: [...query.vector],
          limit: query.limit,
          filter: toQdrantFilter(query.filter),
          with_payload: true,
          params: { exact: this.options.exact ?? true }
        }, init)
    )
    return points.toSorted(compareHits)
  })

  readonly get: Engine["get"] = (collection, ids) =>
    this.call(
      collection,
      Schema.Array(PointRecord),
      (api, init) =>
        api.getPoints({ collection_name: collection, ids: [...ids], with_payload: true, with_vector: true }, init)
    ).pipe(Effect.map((points) => points.toSorted(compareById)))

  readonly count: Engine["count"] = (collection) =>
    this.call(
      collection,
      Schema.Struct({ count: Schema.Natural }),
      (api, init) => api.countPoints({ collection_name: collection, exact: true }, init)
    ).pipe(Effect.map((answer) => answer.count))

  /** Qdrant's offset is inclusive: the last id of the page before is asked for again and dropped. */
  readonly scroll: Engine["scroll"] = (collection, { after, limit }) =>
    this.call(collection, Schema.Struct({ points: Schema.Array(PointRecord) }), (api, init) =>
      api.scrollPoints({
        collection_name: collection,
        limit: limit + 1,
        offset: after,
        with_payload: true,
        with_vector: true
      }, init)).pipe(Effect.map(({ points }) => points.filter((point) => point.id !== after).slice(0, limit)))

  private inspect(collection: string) {
    return this.call(
      collection,
      CollectionInfo,
      (api, init) => api.getCollection({ collection_name: collection }, init)
    ).pipe(Effect.tap((info) => Effect.sync(() => this.dimensions.set(collection, info.config.params.vectors.size))))
  }

  private dimensionOf(collection: string) {
    const cached = this.dimensions.get(collection)
    return cached !== undefined
      ? Effect.succeed(cached)
      : Effect.map(this.inspect(collection), (info) => info.config.params.vectors.size)
  }

  private createCollection(collection: string, dimension: number) {
    return this.call(collection, Schema.Boolean, (api, init) =>
      api.createCollection({
        collection_name: collection,
        vectors: { size: dimension, distance: "Cosine" }
      }, init)).pipe(
        // Created by another node meanwhile: its dimension is verified next.
        Effect.catchIf(({ reason }) => reason._tag === "BadRequest" && reason.status === 409, () => Effect.void),
        Effect.andThen(this.inspect(collection))
      )
  }

  /** A write that the server has only acknowledged may be lost: the caller repeats it. */
  private requireCompleted(written: ReadonlyArray<typeof UpdateResult.Type>) {
    return written.every((write) => write.status === "completed")
      ? Effect.void
      : VectorValidation.failWith(new TimedOut({ after_ms: this.options.timeout }))
  }
}

const compareById = (a: Point, b: Point) => (a.id < b.id ? -1 : 1)

/** The engine. It connects at the first call. */
export const layer = (options: QdrantOptions): Layer.Layer<VectorIndex, PackageNotInstalled> =>
  Layer.effect(VectorIndex, Effect.map(QdrantHttp.make(options), (call) => new QdrantEngine(call, options)))
