/** The three faults of CHO6, out of what models and parsers report. Sentences for people: nothing a provider said. */
import { Duration } from "effect"
import type { AiError } from "effect/ai"
import type { ErrorState } from "../../domain/chorus/ChorusModel.ts"
import type { MalformedModelOutput } from "../../domain/chorus/ChorusParse.ts"

/** The fault that a model's failure is. */
export const fromAiError = (error: AiError.AiError): ErrorState => ({
  _tag: error.reason._tag === "NetworkError" ? "NetworkError" : "AIError",
  message: describeReason(error.reason),
  retryable: error.isRetryable,
  ...(error.retryAfter === undefined ? {} : { retry_after_ms: Math.ceil(Duration.toMillis(error.retryAfter)) })
})

/** An answer that cannot be read may come out better the next time. */
export const fromMalformedOutput = (error: MalformedModelOutput): ErrorState => ({
  _tag: "AIError",
  message: error.message,
  retryable: true
})

/** The answer reached the model's own limit before its end. */
export const lengthLimitReached: ErrorState = {
  _tag: "AIError",
  message: "the model's answer was cut short by its length limit",
  retryable: true
}

/** The run lacks what its step builds on. The log is the truth, so another try would see the same. */
export const missingStepOutput = (step: string): ErrorState => ({
  _tag: "StateError",
  message: `the run has no output of its ${step} step`,
  retryable: false
})

const describeReason = (reason: AiError.AiErrorReason): string => {
  switch (reason._tag) {
    case "NetworkError":
      return "the model's provider could not be reached, or stopped answering"
    case "RateLimitError":
      return "the model's provider has too much to do"
    case "QuotaExhaustedError":
      return "the account with the model's provider is used up"
    case "AuthenticationError":
      return "the model's provider does not accept the key"
    case "InvalidRequestError":
      return "the model's provider refused the request"
    case "ContentPolicyError":
      return "the model's provider refused to answer"
    case "InternalProviderError":
      return "the model's provider failed"
    default:
      return "the model's answer could not be read"
  }
}
