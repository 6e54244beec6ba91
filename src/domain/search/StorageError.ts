/** What goes wrong in storage, and what to do about it, both as data (STO2, STO6). */
import { Schema } from "effect"

/** A vector no index can hold. */
export class InvalidVector extends Schema.TaggedError<InvalidVector>()("InvalidVector", {
  id: Schema.NullOr(Schema.String),
  fault: Schema.Literals(["dimension", "not_finite", "zero"])
}) {
  override get message() {
    const description = { dimension: "has the wrong dimension", not_finite: "is not finite", zero: "has no direction" }
    return `the ${this.id === null ? "query" : `point ${this.id}`}'s vector ${description[this.fault]}`
  }
}

/** The collection is not declared here, or not known to be there. */
export class InvalidCollection extends Schema.TaggedError<InvalidCollection>()("InvalidCollection", {
  collection: Schema.String,
  fault: Schema.Literals(["unknown", "not_ready", "wrong_dimension"])
}) {
  override get message() {
    return `collection ${this.collection}: ${this.fault.replace("_", " ")}`
  }
}

/** The update is not newer than what is stored. */
export class VersionConflict extends Schema.TaggedError<VersionConflict>()("VersionConflict", {
  id: Schema.String,
  stored: Schema.Natural,
  given: Schema.Natural
}) {
  override get message() {
    return `point ${this.id} is at version ${this.stored}; ${this.given} is not newer`
  }
}

export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.String }) {
  override get message() {
    return `there is no point ${this.id}`
  }
}

/** An operation whose own numbers make no sense: a limit of 0, an id that is no UUID. */
export class InvalidOperation extends Schema.TaggedError<InvalidOperation>()("InvalidOperation", {
  fault: Schema.String
}) {
  override get message() {
    return this.fault
  }
}

/** The engine cannot be reached, or asks to be left alone for `retry_after_ms`. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  detail: Schema.String,
  retry_after_ms: Schema.NullOr(Schema.Natural)
}) {
  override get message() {
    return `the vector index is not available (${this.detail})`
  }
}

/** The engine does not hold what it should: a collection is gone. */
export class InconsistencyError extends Schema.TaggedError<InconsistencyError>()("InconsistencyError", {
  collection: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `collection ${this.collection} is inconsistent (${this.detail})`
  }
}

/** The engine, or the embedder, refused a vector. */
export class VectorError extends Schema.TaggedError<VectorError>()("VectorError", { detail: Schema.String }) {
  override get message() {
    return `the vector was refused (${this.detail})`
  }
}

/** Refusals of the pure step. */
export const OperationRejection = Schema.Union([
  InvalidVector,
  InvalidCollection,
  VersionConflict,
  NotFound,
  InvalidOperation
])
export type OperationRejection = typeof OperationRejection.Type

/** Failures of the world. */
export const EngineFailure = Schema.Union([ConnectionError, InconsistencyError, VectorError])
export type EngineFailure = typeof EngineFailure.Type

/** What to do before trying again, or that it is of no use. */
export const RecoveryAction = Schema.TaggedUnion({
  /** Make the vectors anew from the text, then try again. */
  RecoverEmbedding: {},
  /** Make sure that the collection is there, then try again. */
  RecoverCollection: { collection: Schema.String, dimension: Schema.Natural },
  /** Read these points from the engine into the state, then try again. */
  RecoverPoints: { collection: Schema.String, ids: Schema.Array(Schema.String) },
  RetryWithBackoff: { delay_ms: Schema.Natural },
  /** Check the collections again, then try again; what they lost comes back from the logs. */
  ValidateAndRetry: {},
  /** Recompute the embeddings, then try again. */
  UpdateAndRetry: {},
  GiveUp: {}
})
export type RecoveryAction = typeof RecoveryAction.Type
