/** Maps the errors of the vector index to those of storage. */
import { Schema } from "effect"
import {
  ConnectionError,
  EngineFailure,
  InconsistencyError,
  InvalidCollection,
  InvalidOperation,
  type OperationRejection,
  VectorError
} from "../../domain/search/StorageError.ts"
import type { VectorIndexError } from "../../services/VectorIndex.ts"

/** The storage error of an engine error. */
export const fromVectorIndexError = ({ reason }: VectorIndexError): EngineFailure | OperationRejection => {
  switch (reason._tag) {
    case "CollectionMissing":
      return new InconsistencyError({ collection: reason.collection, detail: "it does not exist" })
    case "DimensionMismatch":
      return new InvalidCollection({ collection: reason.collection, fault: "wrong_dimension" })
    case "VectorRejected":
      return new VectorError({ detail: reason.message })
    case "BadRequest":
      return new InvalidOperation({ fault: reason.message })
    case "Overloaded":
      return new ConnectionError({ detail: reason.message, retry_after_ms: reason.retry_after_ms })
    case "Unreachable":
    case "TimedOut":
    case "MalformedResponse":
      return new ConnectionError({ detail: reason.message, retry_after_ms: null })
  }
}

/** Whether a recovery exists for the error: not for a rejected operation. */
export const isEngineFailure: (error: EngineFailure | OperationRejection) => error is EngineFailure = Schema.is(
  EngineFailure
)
