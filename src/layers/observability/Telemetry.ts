/**
 * Export of logs, traces and metrics (OPS3): log lines on stderr, and everything
 * to an OTLP collector if one is configured.
 *
 * **When to use**
 *
 * Provide `loggerLayer` and `layer` at the edge of a program that composes its own
 * server, and `samplingLayer` to the server. `start` and `App.layer` include them.
 *
 * **Details**
 *
 * Traces begin at HTTP requests and at steps of the Chorus; messages and commits
 * begin none, so that tracing costs nothing per message. Headers and query strings
 * are redacted (SEC5, SEC33).
 *
 * **Gotchas**
 *
 * Without `otlpUrl` the exporting layer is empty. If the collector is unreachable,
 * its data is dropped and the server is not affected.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const settings = yield* Layers.Config.load
 *   yield* Effect.logWarning("to stderr").pipe(
 *     Effect.provide(Layers.Telemetry.loggerLayer(settings)),
 *     Effect.provide(Layers.Telemetry.layer(settings))
 *   )
 *   return settings.logFormat
 * })
 *
 * console.log(await Effect.runPromise(program))
 * // => json
 * ```
 */
import { Effect, Layer, Logger, Option, Redacted, References, Tracer } from "effect"
import { FetchHttpClient, HttpMiddleware, UrlParams } from "effect/http"
import { Otlp } from "effect/observability"
import { isHeaderTraced, redactedParameters } from "../../domain/admission/Credentials.ts"
import type { Settings } from "../config/Config.ts"

/** Log lines on stderr: JSON, or coloured for terminals (`CHOIR_LOG_FORMAT`). */
export const loggerLayer = ({ logFormat, logLevel }: Settings): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer([logFormat === "json" ? Logger.withConsoleError(Logger.formatJson) : Logger.consolePretty()]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, logLevel)
  )

/** Spans that begin a trace: an HTTP request, and one step of a run. */
const isRootSpan = ({ kind, name }: { readonly kind: Tracer.SpanKind; readonly name: string }): boolean =>
  kind === "server" || name === "RunStep.perform"

/** Samples spans that begin a trace or belong to one. */
const sampling = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    span: (options) =>
      tracer.span(Option.isSome(options.parent) || isRootSpan(options) ? options : { ...options, sampled: false }),
    context: tracer.context?.bind(tracer)
  })

/** Polled routes, whose spans would outnumber all others. */
const untracedRoutes = HttpMiddleware.layerTracerDisabledForUrls(["/health/live", "/health/ready", "/metrics"])

/** Redacts headers and query strings in spans: they may contain credentials (SEC5, SEC33). */
const redaction = Layer.merge(
  Layer.succeed(HttpMiddleware.TracerHeaderFilter, isHeaderTraced),
  Layer.succeed(UrlParams.CurrentRedactedNames, redactedParameters)
)

/** Exports logs, spans and metrics to `otlpUrl` as the service `otlpService`; empty without it. */
export const layer = ({ otlpService, otlpToken, otlpUrl }: Settings): Layer.Layer<never> =>
  otlpUrl === null ? Layer.empty : Otlp.layerJson({
    baseUrl: otlpUrl,
    resource: { serviceName: otlpService },
    headers: otlpToken === null ? undefined : { authorization: `Bearer ${Redacted.value(otlpToken)}` },
    loggerMergeWithExisting: true
  }).pipe(
    Layer.provideMerge(redaction),
    Layer.provide(FetchHttpClient.layer)
  )

/**
 * Drops the spans of a server that belong to no trace; empty without `otlpUrl`. Provide it to the server alone: spans of
 * the program around it are its own.
 */
export const samplingLayer = ({ otlpUrl }: Settings): Layer.Layer<never> =>
  otlpUrl === null
    ? Layer.empty
    : Layer.merge(Layer.effect(Tracer.Tracer, Effect.map(Effect.tracer, sampling)), untracedRoutes)
