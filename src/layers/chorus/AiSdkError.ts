/** Maps the errors of AI SDK providers to those of `effect/ai`, with secrets redacted (SEC33, FLT17). */
import { APICallError, JSONParseError, TypeValidationError } from "@ai-sdk/provider"
import { Duration, Effect, Option, Schema } from "effect"
import { AiError } from "effect/ai"

const make = (method: string, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "choir/AiSdk", method, reason })

/** The error of `method` of a thrown value; its description has at most 300 characters. */
export const fromProvider = (method: string, secrets: ReadonlyArray<string>) => (error: unknown): AiError.AiError => {
  const redact = (text: string) =>
    secrets.reduce((redacted, secret) => redacted.replaceAll(secret, "‹secret›"), text).slice(0, 300)
  return make(method, toReason(error, redact))
}

/** The answer cannot be used. */
export const invalidOutput = (method: string, description: string): AiError.AiError =>
  make(method, new AiError.InvalidOutputError({ description }))

/** The provider's content filter stopped the answer. */
export const contentFiltered = (method: string): AiError.AiError =>
  make(method, new AiError.ContentPolicyError({ description: "the provider's content filter stopped the answer" }))

/** Fails when the provider sends nothing for `duration` (FLT14, FLT15). */
export const failAfter = (method: string, duration: Duration.Duration) =>
  Effect.timeoutOrElse({
    duration,
    orElse: () =>
      Effect.fail(make(method, networkError(method, `nothing was received for ${Duration.format(duration)}`)))
  })

/** The input cannot be embedded. */
export const invalidInput = (method: string, description: string): AiError.AiError =>
  make(method, new AiError.InvalidUserInputError({ description }))

const networkError = (method: string, description: string) =>
  new AiError.NetworkError({ reason: "TransportError", method, url: "", description })

const toReason = (error: unknown, redact: (text: string) => string): AiError.AiErrorReason => {
  if (APICallError.isInstance(error)) return toApiReason(error, redact)
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) {
    return new AiError.InvalidOutputError({ description: "a piece of the provider's answer is malformed" })
  }
  const event = Option.getOrUndefined(decodeErrorEvent(error))
  if (event !== undefined && !(error instanceof Error)) {
    const kind = `${event.type ?? ""} ${event.code ?? ""}`
    return /rate_limit|overloaded|429/.test(kind)
      ? new AiError.RateLimitError({})
      : new AiError.InternalProviderError({ description: redact(event.message) })
  }
  const message = error instanceof Error ? error.message : "unknown failure"
  // The SDK's messages for a connection that ended before the answer did.
  return /finish reason|Invalid response/i.test(message)
    ? new AiError.InvalidOutputError({ description: "the answer ended before its end" })
    : networkError("POST", redact(message))
}

/** An error event within a stream. */
const decodeErrorEvent = Schema.decodeUnknownOption(Schema.Struct({
  message: Schema.String,
  type: Schema.optional(Schema.NullOr(Schema.String)),
  code: Schema.optional(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite])))
}))

const toApiReason = (error: APICallError, redact: (text: string) => string): AiError.AiErrorReason => {
  const description = redact(error.message)
  const status = error.statusCode
  switch (status) {
    case undefined:
      return networkError("POST", description)
    case 200:
      return new AiError.InvalidOutputError({ description })
    case 402:
      return new AiError.QuotaExhaustedError({})
    case 404:
    case 405:
    case 413:
    case 422:
      return new AiError.InvalidRequestError({ description })
    case 408:
    case 409:
    case 425:
      return networkError("POST", description)
    case 429:
      if (/insufficient_quota|billing/.test(error.responseBody ?? "")) return new AiError.QuotaExhaustedError({})
      return new AiError.RateLimitError({ retryAfter: parseRetryAfter(error.responseHeaders) })
    default:
      return AiError.reasonFromHttpStatus({ status, description })
  }
}

/** Seconds only: a date would have to be compared with the provider's clock. */
const parseRetryAfter = (headers: Readonly<Record<string, string>> | undefined): Duration.Duration | undefined => {
  const seconds = Number(headers?.["retry-after"])
  const millis = Number(headers?.["retry-after-ms"])
  return millis > 0 ? Duration.millis(millis) : seconds > 0 ? Duration.seconds(seconds) : undefined
}
