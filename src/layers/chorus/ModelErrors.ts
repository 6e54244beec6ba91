/** Maps the failures of `effect/ai` models to the errors of a step (CHO6, FLT17). */
import { Duration } from "effect"
import type { AiError } from "effect/ai"
import { fromModelFailure, type StepError } from "../../domain/chorus/StepError.ts"

/** Maps a model's failure. A network error that is not retryable is an invalid request of this server. */
export const fromAiError = ({ isRetryable, reason, retryAfter }: AiError.AiError): StepError =>
  fromModelFailure(
    reason._tag === "NetworkError" && !isRetryable ? "InvalidRequestError" : reason._tag,
    retryAfter === undefined ? undefined : Duration.toMillis(retryAfter)
  )
