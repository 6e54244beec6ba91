/** The engine seam: keeps points and finds the nearest (STO3). Knows nothing of embeddings or of who may read. */
import { Context, type Effect, Schema } from "effect"
import type { Vector } from "../domain/search/Vector.ts"
import type { Hit, Point } from "../domain/search/VectorPoint.ts"
import type { Filter } from "../domain/search/VectorQuery.ts"

/** The collection is not there: `ensure` it. What it held comes back from the logs. */
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

/** A vector of the wrong dimension, not finite, or without a direction. Nothing of the call was stored. */
export class VectorRejected extends Schema.TaggedError<VectorRejected>()("VectorRejected", {
  fault: Schema.Literals(["dimension", "not_finite", "zero"])
}) {
  override get message() {
    return `a vector was refused (${this.fault})`
  }
}

/** The request made no sense to the engine: a defect of ours, or a wrong setting. */
export class BadRequest extends Schema.TaggedError<BadRequest>()("BadRequest", {
  status: Schema.Natural,
  detail: Schema.String
}) {
  override get message() {
    return `the vector index refused (${this.status}): ${this.detail}`
  }
}

/** No connection, a server that is starting, a worker that died: heals by waiting. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  detail: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `the vector index cannot be reached (${this.detail})`
  }
}

/** No answer in time. A write may or may not have happened: repeat it. */
export class TimedOut extends Schema.TaggedError<TimedOut>()("TimedOut", { after_ms: Schema.Natural }) {
  override get message() {
    return `the vector index did not answer within ${this.after_ms} ms`
  }
}

/** Too many requests. `retry_after_ms` is null where the engine did not say. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  retry_after_ms: Schema.NullOr(Schema.Natural)
}) {
  override get message() {
    return "the vector index asks to slow down"
  }
}

/** An answer nobody can read: a proxy's page, a cut body, another version. */
export class MalformedResponse
  extends Schema.TaggedError<MalformedResponse>()("MalformedResponse", { detail: Schema.String })
{
  override get message() {
    return `the vector index gave an answer that cannot be read (${this.detail})`
  }
}

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

export class VectorIndexError extends Schema.TaggedError<VectorIndexError>()("VectorIndexError", {
  reason: VectorIndexErrorReason
}) {
  override get message() {
    return this.reason.message
  }

  /** Whether waiting can help. */
  get retryable(): boolean {
    const { _tag } = this.reason
    return _tag === "Unreachable" || _tag === "TimedOut" || _tag === "Overloaded" || _tag === "MalformedResponse"
  }
}

export class VectorIndex extends Context.Service<VectorIndex, {
  /** Makes the collection, and what it needs for filters, unless it is there. */
  readonly ensure: (
    collection: string,
    options: { readonly dimension: number }
  ) => Effect.Effect<void, VectorIndexError>
  /**
   * Replaces whole points. A point whose version is not greater than the stored one's is left as it is. Done when
   * later searches see it; one bad vector and nothing is stored; after another failure some may be: repeat it.
   */
  readonly upsert: (collection: string, points: ReadonlyArray<Point>) => Effect.Effect<void, VectorIndexError>
  /** Deleting what is not there is no error. */
  readonly remove: (collection: string, ids: ReadonlyArray<string>) => Effect.Effect<void, VectorIndexError>
  /** The `limit` nearest by cosine that match the filter, exactly, in `VectorPoint.rank` order. */
  readonly search: (
    collection: string,
    query: { readonly vector: Vector; readonly limit: number; readonly filter: Filter }
  ) => Effect.Effect<ReadonlyArray<Hit>, VectorIndexError>
  /** Those of the points that exist, by id. */
  readonly get: (
    collection: string,
    ids: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Point>, VectorIndexError>
  readonly count: (collection: string) => Effect.Effect<number, VectorIndexError>
  /** At most `limit` points with an id after `after` (null: from the start), by id. */
  readonly scroll: (
    collection: string,
    page: { readonly after: string | null; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Point>, VectorIndexError>
}>()("choir/services/VectorIndex") {}
