/** What providers say when they refuse a request: in their own words, and how long to wait (FLT17). */
import { Option, Schema } from "effect"

/** A refusal in the provider's words. `status` is an HTTP status if the body has one; `type` names the kind of error. */
export interface ProviderError {
  readonly message: string
  readonly status: number | undefined
  readonly type: string
}

const Code = Schema.optional(Schema.NullOr(Schema.Union([Schema.String, Schema.Finite])))
const Fields = Schema.Struct({
  message: Schema.String,
  type: Schema.optional(Schema.NullOr(Schema.String)),
  status: Code,
  code: Code
})
const Text = Schema.NonEmptyString

/** OpenAI and most others; Gemini, in an array; vLLM and Mistral, with the fields at the top; Ollama and TGI; FastAPI. */
const Body = Schema.Union([
  Schema.Struct({ error: Fields }),
  Schema.Struct({ error: Text }),
  Fields,
  Schema.Struct({ detail: Text }),
  Schema.Struct({ detail: Schema.NonEmptyArray(Schema.Struct({ msg: Text })) }),
  Schema.Struct({ message: Schema.Struct({ detail: Schema.NonEmptyArray(Schema.Struct({ msg: Text })) }) })
])
const decodeBody = Schema.decodeUnknownOption(Body)

/** The provider's error in a parsed body or in an event of a stream; undefined if it has none. */
export const readError = (body: unknown): ProviderError | undefined => {
  const found = Option.getOrUndefined(decodeBody(Array.isArray(body) ? body[0] : body))
  if (found === undefined) return undefined
  if ("detail" in found) return toError(typeof found.detail === "string" ? found.detail : found.detail[0].msg)
  if ("error" in found) {
    return typeof found.error === "string"
      ? toError(found.error)
      : toError(found.error.message, found.error)
  }
  return typeof found.message === "string"
    ? toError(found.message, found as typeof Fields.Type)
    : toError(found.message.detail[0].msg)
}

const toError = (message: string, fields?: Omit<typeof Fields.Type, "message">): ProviderError => {
  const codes = [fields?.code, fields?.status].map(Number)
  return {
    message,
    status: codes.find((code) => Number.isInteger(code) && code >= 100 && code < 600),
    type: [fields?.type, fields?.code, fields?.status].filter((name) => typeof name === "string").join(" ")
  }
}

/** A longer wait, in milliseconds, is a mistake of the provider, such as a time in place of a duration. */
const longestWait = 24 * 60 * 60_000

/**
 * How many milliseconds the provider asks to wait: by its `Retry-After`, in seconds or as a date that is compared with the
 * answer's own `Date`, by Google's `RetryInfo`, or in words. Undefined if it does not say, or says nothing that can be.
 */
export const readRetryAfter = (
  headers: Readonly<Record<string, string | undefined>>,
  body: string
): number | undefined => {
  const retryAfter = headers["retry-after"]?.trim() ?? ""
  const waits = [
    Number(headers["retry-after-ms"]?.trim() || Number.NaN),
    Number(retryAfter || Number.NaN) * 1_000,
    Date.parse(retryAfter) - Date.parse(headers["date"] ?? ""),
    parseDuration(/"retryDelay"\s*:\s*"([^"]{1,30})"/.exec(body)?.[1]),
    parseDuration(/\b(?:retry|try again) (?:in|after) ((?:[\d.]{1,15} ?[a-z]{1,12} ?){1,4})/i.exec(body)?.[1])
  ]
  return waits.find((wait) => wait > 0 && wait <= longestWait)
}

const unitMillis: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, millis: 1 }

/** "38s", "1m26.4s", "20ms", "5 seconds"; not a number for anything else. */
const parseDuration = (text: string | undefined): number => {
  const parts = Array.from(
    (text ?? "").matchAll(/(\d{1,9}(?:\.\d{1,9})?) ?(ms|millis|[hms])[a-z]*/gi),
    ([, amount, unit = ""]) => Number(amount) * unitMillis[unit.toLowerCase()]!
  )
  return parts.length === 0 ? Number.NaN : parts.reduce((sum, part) => sum + part, 0)
}
