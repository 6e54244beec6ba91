/** Maps the failures of `effect/ai` models to the errors of a step (CHO6, FLT17). */
import { Duration } from "effect"
import type { AiError } from "effect/ai"
import { fromModelFailure, type StepError } from "../../domain/chorus/StepError.ts"

/** The error that a model's failure is. A network error that a retry cannot mend is an invalid request of ours. */
export const fromAiError = ({ isRetryable, reason, retryAfter }: AiError.AiError): StepError =>
  fromModelFailure(
    reason._tag === "NetworkError" && !isRetryable ? "InvalidRequestError" : reason._tag,
    retryAfter === undefined ? undefined : Math.ceil(Duration.toMillis(retryAfter))
  )
