/** Maps the errors of AI SDK providers to those of `effect/ai`, with secrets redacted (SEC33, FLT17). */
import { APICallError, JSONParseError, TypeValidationError } from "@ai-sdk/provider"
import { Clock, Duration, Effect, Option, Schema } from "effect"
import { AiError } from "effect/ai"
import * as ModelStream from "../../domain/chorus/ModelStream.ts"
import * as ProviderError from "../../domain/chorus/ProviderError.ts"

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

/** Fails when the provider sends nothing for `duration`. */
export const failAfter = (method: string, duration: Duration.Duration) =>
  Effect.timeoutOrElse({ duration, orElse: () => Effect.fail(silence(method, duration)) })

/** Fails when a part of a stream is overdue (FLT14, FLT15); `lastSignAt` is when the endpoint last showed a sign of life. */
export const failWhenSilent = (
  method: string,
  timeout: Duration.Duration,
  limits: ModelStream.StreamLimits,
  lastSignAt: () => number
) =>
<A, E, R>(part: Effect.Effect<A, E, R>): Effect.Effect<A, E | AiError.AiError, R> =>
  Effect.raceFirst(
    part,
    Effect.gen(function*() {
      const startedAt = yield* monotonicMillis
      for (let now = startedAt;; now = yield* monotonicMillis) {
        const remaining = ModelStream.remainingWait({ startedAt, lastSignAt: lastSignAt(), now }, timeout, limits)
        if (remaining <= 0) return yield* silence(method, timeout)
        yield* Effect.sleep(remaining)
      }
    })
  )

/** Milliseconds of a clock that is never set back. */
export const monotonicMillis: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanos) => Number(nanos) / 1e6
)

const silence = (method: string, duration: Duration.Duration) =>
  make(method, networkError(method, `nothing was received for ${Duration.format(duration)}`))

/** The input cannot be embedded. */
export const invalidInput = (method: string, description: string): AiError.AiError =>
  make(method, new AiError.InvalidUserInputError({ description }))

const networkError = (method: string, description: string) =>
  new AiError.NetworkError({ reason: "TransportError", method, url: "", description })

const toReason = (error: unknown, redact: (text: string) => string): AiError.AiErrorReason => {
  if (APICallError.isInstance(error)) return toApiReason(error, redact)
  if (JSONParseError.isInstance(error)) return malformedPiece
  const isInvalidPiece = TypeValidationError.isInstance(error)
  const event = ProviderError.readError(isInvalidPiece ? error.value : error instanceof Error ? undefined : error)
  if (event !== undefined) {
    return toRefusal(eventStatus(event), redact(event.message), ProviderError.readRetryAfter({}, event.message))
  }
  if (isInvalidPiece) return malformedPiece
  const message = error instanceof Error ? error.message : typeof error === "string" ? error : "unknown failure"
  // The SDK's messages for a connection that ended before the answer did.
  return /finish reason|Invalid response/i.test(message)
    ? new AiError.InvalidOutputError({ description: "the answer ended before its end" })
    : networkError("POST", redact(message))
}

const malformedPiece = new AiError.InvalidOutputError({ description: "a piece of the provider's answer is malformed" })

/** The HTTP status of an error within a stream: its own, or that of its kind; 500 for kinds that are not known. */
const eventStatus = ({ status, type }: ProviderError.ProviderError): number =>
  status ?? eventKinds.find(([kind]) => kind.test(type))?.[1] ?? 500

const eventKinds: ReadonlyArray<readonly [RegExp, number]> = [
  [/quota/i, 402],
  [/rate.?limit|overloaded|exhausted/i, 429],
  [/invalid|bad.?request|context.?length/i, 400],
  [/authentication|permission/i, 401]
]

const toApiReason = (error: APICallError, redact: (text: string) => string): AiError.AiErrorReason => {
  const status = error.statusCode
  const body = (error.responseBody ?? "").slice(0, maxErrorBody)
  const refusal = ProviderError.readError(Option.getOrUndefined(decodeJson(body)))
  const description = redact(refusal?.message ?? error.message)
  const headers = error.responseHeaders ?? {}
  if (status === undefined) return networkError("POST", description)
  if (status === 200) return new AiError.InvalidOutputError({ description })
  if (status >= 300 && status < 400) {
    return new AiError.InvalidRequestError({
      description: `the address redirects to ${redact(headers["location"] ?? "nowhere")}: that one has to be configured`
    })
  }
  const retryAfter = ProviderError.readRetryAfter(headers, body)
  // Gemini calls a limit per minute a quota, and says when it ends.
  const isQuota = /insufficient_quota/.test(body) || retryAfter === undefined && /billing/.test(body)
  return toRefusal(status === 429 && isQuota ? 402 : status, description, retryAfter)
}

/** The units of an error's body that are read. */
const maxErrorBody = 65_536
const decodeJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** The reason of an error status, inside a stream or not. `retryAfter` in milliseconds. */
const toRefusal = (status: number, description: string, retryAfter: number | undefined): AiError.AiErrorReason => {
  switch (status) {
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
      return rateLimit(retryAfter)
    default:
      return status >= 500 && retryAfter !== undefined
        ? rateLimit(retryAfter)
        : AiError.reasonFromHttpStatus({ status, description })
  }
}

const rateLimit = (retryAfter: number | undefined) =>
  new AiError.RateLimitError(retryAfter === undefined ? {} : { retryAfter: Duration.millis(retryAfter) })
