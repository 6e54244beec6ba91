/** A model of a provider, reached over HTTP. Names no type of an optional package. */
import type { Duration, Redacted } from "effect"
import type { StreamLimits } from "../../domain/chorus/ModelStream.ts"

/** The limits of a model's answers and embeddings. */
export interface ModelLimits extends StreamLimits {
  /** Until the vectors of one request have arrived. */
  readonly embeddingTimeout: Duration.Duration
}

/**
 * An endpoint and a model. `url` is the part before `/chat/completions`, often ending in `/v1`. A query is kept at the end
 * of every address; with `api-version` in it, the key is sent as Azure expects it, in the header `api-key`.
 */
export interface Endpoint {
  readonly url: string
  /** Undefined if the endpoint requires none. */
  readonly key?: Redacted.Redacted | undefined
  readonly model: string
  readonly limits?: Partial<ModelLimits> | undefined
}
