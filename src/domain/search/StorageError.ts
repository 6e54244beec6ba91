/** The tagged errors of storage, and the recoveries from them as data (STO2, STO6). */
import { Schema } from "effect"

/** STO8: a vector that no index can hold. `id` is null for the vector of a query. */
export class InvalidVector extends Schema.TaggedError<InvalidVector>()("InvalidVector", {
  id: Schema.NullOr(Schema.String),
  fault: Schema.Literals(["dimension", "not_finite", "zero"])
}) {
  override get message() {
    const description = { dimension: "has the wrong dimension", not_finite: "is not finite", zero: "is zero" }
    return `the ${this.id === null ? "query" : `point ${this.id}`}'s vector ${description[this.fault]}`
  }
}

/** The collection is not declared, not known to exist, or exists with another dimension. */
export class InvalidCollection extends Schema.TaggedError<InvalidCollection>()("InvalidCollection", {
  collection: Schema.String,
  fault: Schema.Literals(["unknown", "not_ready", "wrong_dimension"])
}) {
  override get message() {
    return `collection ${this.collection}: ${this.fault.replace("_", " ")}`
  }
}

/** An update whose version is not newer than the stored one. */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  id: Schema.String,
  stored: Schema.Natural,
  given: Schema.Natural
}) {
  override get message() {
    return `point ${this.id} is at version ${this.stored}; ${this.given} is not newer`
  }
}

/** An update of a point that does not exist, or is not cached. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.String }) {
  override get message() {
    return `there is no point ${this.id}`
  }
}

/** An operation with an invalid argument, such as a limit of 0 or an id that is not a UUID. */
export class InvalidOperation extends Schema.TaggedError<InvalidOperation>()("InvalidOperation", {
  fault: Schema.String
}) {
  override get message() {
    return this.fault
  }
}

/** The engine cannot be reached, or rejects calls for `retry_after_ms`. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  detail: Schema.String,
  retry_after_ms: Schema.NullOr(Schema.Natural)
}) {
  override get message() {
    return `the vector index is not available (${this.detail})`
  }
}

/** The engine has lost a collection. */
export class InconsistencyError extends Schema.TaggedError<InconsistencyError>()("InconsistencyError", {
  collection: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `collection ${this.collection} is inconsistent (${this.detail})`
  }
}

/** The embedding model cannot be reached, is rate-limited, or failed: the same texts may be embedded later (STO8). */
export class EmbeddingUnavailable extends Schema.TaggedError<EmbeddingUnavailable>()("EmbeddingUnavailable", {
  detail: Schema.String,
  retry_after_ms: Schema.NullOr(Schema.Natural)
}) {
  override get message() {
    return `the embedding model is not available (${this.detail})`
  }
}

/** The engine rejected a vector, or the embedding model a text. */
export class VectorError extends Schema.TaggedError<VectorError>()("VectorError", { detail: Schema.String }) {
  override get message() {
    return `the vector was rejected (${this.detail})`
  }
}

/** Why `Storage.executeOperation` rejects an operation. */
export const OperationRejection = Schema.Union([
  InvalidVector,
  InvalidCollection,
  VersionConflict,
  NotFound,
  InvalidOperation
])
export type OperationRejection = typeof OperationRejection.Type

/** Failures outside: of the engine or the embedding model. */
export const EngineFailure = Schema.Union([ConnectionError, InconsistencyError, EmbeddingUnavailable, VectorError])
export type EngineFailure = typeof EngineFailure.Type

/** The action before the operation is retried; `GiveUp` for an operation that is not retried. */
export const RecoveryAction = Schema.TaggedUnion({
  /** Embed the texts again. */
  RecoverEmbedding: {},
  /** Create the collection unless it exists. */
  RecoverCollection: { collection: Schema.String, dimension: Schema.Natural },
  /** Read these points from the engine into the cache. */
  RecoverPoints: { collection: Schema.String, ids: Schema.Array(Schema.String) },
  /** Wait. */
  RetryWithBackoff: { delay_ms: Schema.Natural },
  /** Check the collection again; its points are indexed again from the logs. */
  ValidateAndRetry: {},
  /** Embed the texts again. */
  UpdateAndRetry: {},
  /** Fail the operation. */
  GiveUp: {}
})
export type RecoveryAction = typeof RecoveryAction.Type
