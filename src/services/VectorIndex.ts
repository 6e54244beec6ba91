/**
 * Stores points and finds the nearest by cosine (STO3): the interface of search engines. It has no part in embeddings
 * or access rules.
 *
 * **When to use**
 *
 * To add an engine: implement this tag, and run `test/contract/VectorIndex.ts` against it. To store and search, use
 * `Database`, which validates and recovers.
 *
 * **Details**
 *
 * `domain/search/VectorQuery` defines which points a filter admits, and the order of results; all engines agree on
 * them. A point of a version that is not newer than the stored one is ignored, so that writes can be repeated.
 * Vectors are normalised by the caller (`Vector.normalise`), and rejected if they have another dimension, are not
 * finite or zero.
 *
 * **Gotchas**
 *
 * After a failure other than `VectorRejected`, a write may have been applied in part: repeat it. A search must be
 * exact, or it misses text that only few may read. Implement `TimedOut` for a write whose outcome is not known.
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
import { Context, type Effect, Schema } from "effect"
import type { Vector } from "../domain/search/Vector.ts"
import type { Hit, Point } from "../domain/search/VectorPoint.ts"
import type { Filter } from "../domain/search/VectorQuery.ts"

/** The collection does not exist: call `ensure`. Its points are indexed again from the logs. */
export class CollectionMissing extends Schema.TaggedError<CollectionMissing>()("CollectionMissing", {
  collection: Schema.String
}) {
  override get message() {
    return `collection ${this.collection} does not exist`
  }
}

/** The collection exists with another dimension. */
export class DimensionMismatch extends Schema.TaggedError<DimensionMismatch>()("DimensionMismatch", {
  collection: Schema.String,
  expected: Schema.Natural,
  actual: Schema.Natural
}) {
  override get message() {
    return `collection ${this.collection} holds vectors of ${this.actual} numbers, not of ${this.expected}`
  }
}

/** A vector has another dimension, is not finite, or is zero (STO8). No point of the call was stored. */
export class VectorRejected extends Schema.TaggedError<VectorRejected>()("VectorRejected", {
  fault: Schema.Literals(["dimension", "not_finite", "zero"])
}) {
  override get message() {
    return `a vector was rejected (${this.fault})`
  }
}

/** The engine rejected the request: a defect of the client, or a wrong setting. */
export class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", {
  status: Schema.Natural,
  detail: Schema.String
}) {
  override get message() {
    return `the vector index rejected the request (${this.status}): ${this.detail}`
  }
}

/** The engine cannot be reached: no connection, a server that is starting, a worker that died. Retry later. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  detail: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `the vector index cannot be reached (${this.detail})`
  }
}

/** No response in time. A write may or may not have been applied: repeat it. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { after_ms: Schema.Natural }) {
  override get message() {
    return `the vector index did not answer within ${this.after_ms} ms`
  }
}

/** Too many requests. `retry_after_ms` is null if the engine did not send Retry-After. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  retry_after_ms: Schema.NullOr(Schema.Natural)
}) {
  override get message() {
    return "the vector index is overloaded"
  }
}

/** A response that cannot be decoded: a proxy's page, a truncated body, another version. */
export class MalformedResponse
  extends Schema.TaggedError<MalformedResponse>()("MalformedResponse", { detail: Schema.String })
{
  override get message() {
    return `the vector index sent a response that cannot be decoded (${this.detail})`
  }
}

/** Why an engine failed. */
export const VectorIndexErrorReason = Schema.Union([
  CollectionMissing,
  DimensionMismatch,
  VectorRejected,
  BadRequest,
  Unreachable,
  TimedOut,
  Overloaded,
  MalformedResponse
])

/** An engine failed. Handle single reasons with `Effect.catchReason`. */
export class VectorIndexError extends Schema.TaggedError<VectorIndexError>()("VectorIndexError", {
  reason: VectorIndexErrorReason
}) {
  override get message() {
    return this.reason.message
  }

  /** Whether a later retry can succeed. */
  get retryable(): boolean {
    const { _tag } = this.reason
    return _tag === "Unreachable" || _tag === "TimedOut" || _tag === "Overloaded" || _tag === "MalformedResponse"
  }
}

/** A search engine. */
export class VectorIndex extends Context.Service<VectorIndex, {
  /** Creates the collection, and its indexes for filters, unless they exist. */
  readonly ensure: (
    collection: string,
    options: { readonly dimension: number }
  ) => Effect.Effect<void, VectorIndexError>
  /**
   * Writes whole points with normalised vectors; a version that is not newer than the stored one is ignored. Returns when
   * later searches see them. If one vector is rejected, no point is stored; after another failure some may be.
   */
  readonly upsert: (collection: string, points: ReadonlyArray<Point>) => Effect.Effect<void, VectorIndexError>
  /** Deletes points; ids that do not exist are ignored. */
  readonly remove: (collection: string, ids: ReadonlyArray<string>) => Effect.Effect<void, VectorIndexError>
  /** The `limit` nearest points by cosine that match the filter, exactly, in the order of `VectorQuery.compareHits`. */
  readonly search: (
    collection: string,
    query: { readonly vector: Vector; readonly limit: number; readonly filter: Filter }
  ) => Effect.Effect<ReadonlyArray<Hit>, VectorIndexError>
  /** The points that exist, by id. */
  readonly get: (
    collection: string,
    ids: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Point>, VectorIndexError>
  /** The number of points. */
  readonly count: (collection: string) => Effect.Effect<number, VectorIndexError>
  /** At most `limit` points with an id after `after` (null: from the first), by id. */
  readonly scroll: (
    collection: string,
    page: { readonly after: string | null; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Point>, VectorIndexError>
}>()("choir/services/VectorIndex") {}
