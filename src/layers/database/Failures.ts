/** The engine's failures in the words of storage. */
import {
  ConnectionError,
  type Fault,
  InconsistencyError,
  InvalidCollection,
  InvalidOperation,
  type Refusal,
  VectorError
} from "../../domain/storage/StorageError.ts"
import type { VectorIndexError } from "../../services/VectorIndex.ts"

/** What a failure of the engine means. */
export const fromIndex = ({ reason }: VectorIndexError): Fault | Refusal => {
  switch (reason._tag) {
    case "CollectionMissing":
      return new InconsistencyError({ collection: reason.collection, detail: "it does not exist" })
    case "DimensionTaken":
      return new InvalidCollection({ collection: reason.collection, fault: "wrong_dimension" })
    case "VectorRefused":
      return new VectorError({ detail: reason.message })
    case "Refused":
      return new InvalidOperation({ fault: reason.message })
    case "Overloaded":
      return new ConnectionError({ detail: reason.message, retry_after_ms: reason.retry_after_ms })
    case "Unreachable":
    case "TimedOut":
    case "BadAnswer":
      return new ConnectionError({ detail: reason.message, retry_after_ms: null })
  }
}

export const isFault = (error: Fault | Refusal): error is Fault =>
  error._tag === "ConnectionError" || error._tag === "InconsistencyError" || error._tag === "VectorError"
