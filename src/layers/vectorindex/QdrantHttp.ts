/**
 * Calls to a Qdrant server: interruptible, with a time limit and typed errors. Works around its client library's
 * behaviour; has no part in points.
 */
import type { QdrantClient } from "@qdrant/js-client-rest"
import { Effect, Redacted, Schema } from "effect"
import * as diagnostics from "node:diagnostics_channel"
import {
  BadRequest,
  CollectionMissing,
  MalformedResponse,
  Overloaded,
  TimedOut,
  Unreachable,
  VectorIndexError,
  type VectorIndexErrorReason,
  VectorRejected
} from "../../services/VectorIndex.ts"
import * as OptionalPackage from "../runtime/OptionalPackage.ts"
import type { QdrantServer } from "./QdrantServer.ts"

type QdrantApi = ReturnType<QdrantClient["api"]>

/** Makes one call of the client's low-level interface, and decodes the `result` of its response. */
export type QdrantCall = <A>(
  collection: string,
  result: Schema.Codec<A, unknown>,
  call: (api: QdrantApi, init: { readonly signal: AbortSignal }) => Promise<{ readonly data: unknown }>
) => Effect.Effect<A, VectorIndexError>

const loadClient = OptionalPackage.load(
  "Layers.VectorIndexQdrant",
  "npm install @qdrant/js-client-rest@1",
  () => import("@qdrant/js-client-rest")
)

/** The low-level interface: the high-level client cannot be interrupted. Its own time limit would override a signal. */
const makeApi = (Client: typeof QdrantClient, { apiKey, url }: QdrantServer): QdrantApi => {
  const { hostname, pathname, protocol } = new URL(url)
  // `URL` drops a port that is the scheme's default, and the client would then use its own default.
  const explicitPort = /^[a-z]+:\/\/[^/]*:(\d+)/i.exec(url)?.[1]
  return new Client({
    host: hostname,
    https: protocol === "https:",
    port: explicitPort !== undefined ? Number(explicitPort) : protocol === "https:" ? 443 : 6333,
    prefix: pathname.replace(/(?<!\/)\/+$/, ""),
    timeout: Infinity,
    checkCompatibility: false,
    // As a header: with `apiKey` the client warns on the console about keys over plain HTTP.
    headers: apiKey === undefined ? {} : { "api-key": Redacted.value(apiKey) }
  }).api()
}

const RateLimitHeaders = Schema.Struct({
  request: Schema.Struct({ origin: Schema.String }),
  response: Schema.Struct({ statusCode: Schema.Literal(429), headers: Schema.Array(Schema.Unknown) })
})

/** Reads Retry-After from the raw response headers: the client library keeps only its first digit. */
const observeRetryAfter = Effect.fnUntraced(function*(origin: string) {
  let seconds: number | undefined
  const isRateLimited = Schema.is(RateLimitHeaders)
  const listener = (message: unknown) => {
    if (!isRateLimited(message) || message.request.origin !== origin) return
    const headers = message.response.headers.map(String)
    const at = headers.findIndex((header, i) => i % 2 === 0 && header.toLowerCase() === "retry-after")
    const value = at < 0 ? Number.NaN : Number(headers[at + 1])
    seconds = Number.isFinite(value) && value >= 0 ? value : undefined
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => diagnostics.subscribe("undici:request:headers", listener)),
    () => Effect.sync(() => diagnostics.unsubscribe("undici:request:headers", listener))
  )
  return () => (seconds === undefined ? null : Math.ceil(seconds * 1000))
})

/** A response with an error status, as the client throws it: an unexported class. */
const ErrorResponse = Schema.Struct({ status: Schema.Natural, data: Schema.Unknown })
const ErrorBody = Schema.Struct({ status: Schema.Struct({ error: Schema.String }) })
const RateLimitError = Schema.Struct({ retry_after: Schema.Finite })

const isErrorResponse = Schema.is(ErrorResponse)
const isErrorBody = Schema.is(ErrorBody)
const isRateLimitError = Schema.is(RateLimitError)

const extractDetail = (data: unknown): string =>
  isErrorBody(data) ? data.status.error : String(data ?? "").slice(0, 200)

/** The reason of a thrown value, by the statuses of Qdrant 1.19; it reports its own timeouts with 500. */
const toReason = (
  thrown: unknown,
  context: { readonly collection: string; readonly retryAfter: number | null; readonly timeout: number }
): typeof VectorIndexErrorReason.Type => {
  if (isRateLimitError(thrown)) return new Overloaded({ retry_after_ms: context.retryAfter })
  if (!isErrorResponse(thrown)) {
    return thrown instanceof TypeError
      ? new Unreachable({ detail: "no connection", cause: thrown })
      : new MalformedResponse({ detail: thrown instanceof Error ? thrown.message.slice(0, 200) : "not a response" })
  }
  const { data, status } = thrown
  const detail = extractDetail(data)
  if (status === 429) return new Overloaded({ retry_after_ms: context.retryAfter })
  if (status === 408 || (status === 500 && /timeout/i.test(detail))) return new TimedOut({ after_ms: context.timeout })
  if (status === 404 && isErrorBody(data)) return new CollectionMissing({ collection: context.collection })
  if (status === 400 && /dimension/i.test(detail)) return new VectorRejected({ fault: "dimension" })
  // 507 is a quota, which waiting does not lift.
  if (status >= 500 && status !== 507) return new Unreachable({ detail: `status ${status}`, cause: detail })
  return new BadRequest({ status, detail })
}

/** The calls to one server, until the scope closes. */
export const make = Effect.fnUntraced(function*(options: QdrantServer) {
  const { QdrantClient } = yield* loadClient
  const api = makeApi(QdrantClient, options)
  const retryAfter = yield* observeRetryAfter(new URL(options.url).origin)

  const call: QdrantCall = (collection, result, send) =>
    Effect.tryPromise({
      try: (signal) => send(api, { signal }),
      catch: (thrown) => toReason(thrown, { collection, retryAfter: retryAfter(), timeout: options.timeout })
    }).pipe(
      Effect.timeoutOrElse({
        duration: options.timeout,
        orElse: () => Effect.fail(new TimedOut({ after_ms: options.timeout }))
      }),
      Effect.flatMap(({ data }) =>
        Schema.decodeUnknownEffect(Schema.Struct({ result }))(data).pipe(
          Effect.mapError((error) => new MalformedResponse({ detail: error.message.slice(0, 200) }))
        )
      ),
      Effect.map((answer) => answer.result),
      Effect.mapError((reason) => new VectorIndexError({ reason }))
    )
  return call
})
