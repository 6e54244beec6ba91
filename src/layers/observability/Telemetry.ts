/**
 * Where logs, traces and metrics go (OPS3): lines on stderr always, and an
 * OTLP collector when one is named.
 */
import { Effect, Layer, Logger, Option, Redacted, References, Tracer } from "effect"
import { FetchHttpClient, HttpMiddleware, UrlParams } from "effect/http"
import { Otlp } from "effect/observability"
import type { Settings } from "../config/Config.ts"

/** Log lines on stderr: JSON for machines, or coloured for whoever watches a terminal. */
export const loggerLayer = ({ logFormat, logLevel }: Settings): Layer.Layer<never> =>
  Layer.mergeAll(
    Logger.layer([logFormat === "json" ? Logger.withConsoleError(Logger.formatJson) : Logger.consolePretty()]),
    Layer.succeed(Logger.LogToStderr, true),
    Layer.succeed(References.MinimumLogLevel, logLevel)
  )

/** The spans that a trace begins with: an HTTP request, and one step of a run. Messages and commits begin none. */
const isRootSpan = ({ kind, name }: { readonly kind: Tracer.SpanKind; readonly name: string }): boolean =>
  kind === "server" || name === "RunStep.perform"

/** Takes in only what belongs to a trace that was begun. */
const sampling = (tracer: Tracer.Tracer): Tracer.Tracer =>
  Tracer.make({
    span: (options) =>
      tracer.span(Option.isSome(options.parent) || isRootSpan(options) ? options : { ...options, sampled: false }),
    context: tracer.context?.bind(tracer)
  })

/** Requests that come every few seconds and tell nothing. */
const untracedRoutes = HttpMiddleware.layerTracerDisabledForUrls(["/health/live", "/health/ready", "/metrics"])

/** Nobody needs the headers and queries of strangers in a trace, and somebody's secret may be among them (SEC5). */
const redaction = Layer.merge(
  Layer.succeed(HttpMiddleware.TracerHeaderFilter, () => false),
  Layer.succeed(UrlParams.CurrentRedactedNames, [/^/])
)

/** Exports logs, spans and metrics; nothing when no collector is named. One that is away costs nothing but its data. */
export const layer = ({ otlpToken, otlpUrl }: Settings): Layer.Layer<never> =>
  otlpUrl === null ? Layer.empty : Layer.effect(Tracer.Tracer, Effect.map(Effect.tracer, sampling)).pipe(
    Layer.provideMerge(Otlp.layerJson({
      baseUrl: otlpUrl,
      resource: { serviceName: "choir" },
      headers: otlpToken === null ? undefined : { authorization: `Bearer ${Redacted.value(otlpToken)}` },
      loggerMergeWithExisting: true
    })),
    Layer.provideMerge(untracedRoutes),
    Layer.provideMerge(redaction),
    Layer.provide(FetchHttpClient.layer)
  )
