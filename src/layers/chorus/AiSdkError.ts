/** What went wrong at a provider, as `effect/ai` names it. Keys are blotted out of whatever the provider said. */
import { APICallError, JSONParseError, TypeValidationError } from "@ai-sdk/provider"
import { Duration, Option, Schema } from "effect"
import { AiError } from "effect/ai"

const module = "choir/AiSdk"

/** The error of `method` that `error` stands for. Descriptions are at most 300 characters long. */
export const from = (method: string, secrets: ReadonlyArray<string>) => (error: unknown): AiError.AiError => {
  const say = (text: string) =>
    secrets.reduce((said, secret) => said.replaceAll(secret, "‹secret›"), text).slice(0, 300)
  return AiError.make({ module, method, reason: reasonOf(error, say) })
}

/** The answer is none that can be used. */
export const unusable = (method: string, description: string): AiError.AiError =>
  AiError.make({ module, method, reason: new AiError.InvalidOutputError({ description }) })

/** The provider refused to write what it was asked. */
export const refused = (method: string): AiError.AiError =>
  AiError.make({
    module,
    method,
    reason: new AiError.ContentPolicyError({ description: "the provider's content filter stopped the answer" })
  })

/** The provider said nothing for `duration`. */
export const silent = (method: string, duration: Duration.Duration): AiError.AiError =>
  AiError.make({ module, method, reason: network(method, `nothing came for ${Duration.format(duration)}`) })

/** The embedder was given something that it cannot embed, or asked for what it cannot do. */
export const badInput = (method: string, description: string): AiError.AiError =>
  AiError.make({ module, method, reason: new AiError.InvalidUserInputError({ description }) })

const network = (method: string, description: string) =>
  new AiError.NetworkError({ reason: "TransportError", method, url: "", description })

const reasonOf = (error: unknown, say: (text: string) => string): AiError.AiErrorReason => {
  if (APICallError.isInstance(error)) return apiReason(error, say)
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) {
    return new AiError.InvalidOutputError({ description: "a piece of the provider's answer is malformed" })
  }
  const event = Option.getOrUndefined(decodeEvent(error))
  if (event !== undefined && !(error instanceof Error)) {
    const kind = `${event.type ?? ""} ${event.code ?? ""}`
    return /rate_limit|overloaded|429/.test(kind)
      ? new AiError.RateLimitError({})
      : new AiError.InternalProviderError({ description: say(event.message) })
  }
  const message = error instanceof Error ? error.message : "unknown failure"
  // The SDK's word for a connection that ended before the answer did.
  return /finish reason|Invalid response/i.test(message)
    ? new AiError.InvalidOutputError({ description: "the answer ended before its end" })
    : network("POST", say(message))
}

/** An error event within a stream that began well. */
const decodeEvent = Schema.decodeUnknownOption(Schema.Struct({
  message: Schema.String,
  type: Schema.optional(Schema.NullOr(Schema.String)),
  code: Schema.optional(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite])))
}))

const apiReason = (error: APICallError, say: (text: string) => string): AiError.AiErrorReason => {
  const description = say(error.message)
  const status = error.statusCode
  switch (status) {
    case undefined:
      return network("POST", description)
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
      return network("POST", description)
    case 429:
      if (/insufficient_quota|billing/.test(error.responseBody ?? "")) return new AiError.QuotaExhaustedError({})
      return new AiError.RateLimitError({ retryAfter: retryAfter(error.responseHeaders) })
    default:
      return AiError.reasonFromHttpStatus({ status, description })
  }
}

/** Seconds only: a date would be compared with a clock that is not ours. */
const retryAfter = (headers: Readonly<Record<string, string>> | undefined): Duration.Duration | undefined => {
  const seconds = Number(headers?.["retry-after"])
  const millis = Number(headers?.["retry-after-ms"])
  return millis > 0 ? Duration.millis(millis) : seconds > 0 ? Duration.seconds(seconds) : undefined
}
