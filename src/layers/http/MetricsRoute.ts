/**
 * `/metrics`, for Prometheus (OPS3). The numbers name nobody, but tell how busy
 * a server is: they are for this machine, unless a setting says otherwise.
 */
import { Context, Effect, type Layer, Metric, Option, Redacted } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createHash, timingSafeEqual } from "node:crypto"
import { Metrics } from "../observability/Metrics.ts"

export interface MetricsAccessPolicy {
  /** `local`: for requests from this machine that no proxy passed on. `public`: for everybody. */
  readonly access: "local" | "public" | "off"
  /** Whoever shows it as a bearer token may read, from anywhere. */
  readonly token: Redacted.Redacted | null
}

type MetricsRequest = Pick<HttpServerRequest.HttpServerRequest, "headers" | "remoteAddress">

/** Through a proxy on this machine everybody would be local, so what was passed on never is. */
const isLocalRequest = ({ headers, remoteAddress }: MetricsRequest): boolean =>
  /^(?:127\.|::1$|::ffff:127\.)/.test(Option.getOrElse(remoteAddress, () => "")) &&
  headers["x-forwarded-for"] === undefined && headers["forwarded"] === undefined && headers["via"] === undefined &&
  /^(?:127(?:\.\d+){3}|localhost|\[::1\])(?::\d+)?$/.test(headers["host"] ?? "")

const sha256 = (text: string) => createHash("sha256").update(text).digest()

const hasValidToken = ({ headers }: MetricsRequest, token: Redacted.Redacted): boolean =>
  timingSafeEqual(sha256(headers["authorization"] ?? ""), sha256(`Bearer ${Redacted.value(token)}`))

const isAuthorised = ({ access, token }: MetricsAccessPolicy, request: MetricsRequest): boolean =>
  access === "public" || (access === "local" && isLocalRequest(request)) ||
  (token !== null && hasValidToken(request, token))

const forbidden = HttpServerResponse.text(
  "metrics are for this machine: CHOIR_METRICS and CHOIR_METRICS_TOKEN change that\n",
  {
    status: 403,
    headers: { "cache-control": "no-store" }
  }
)

export const layer = (policy: MetricsAccessPolicy): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const { instruments } = yield* Metrics
    const context = Context.make(Metric.MetricRegistry, instruments.registry)
    yield* router.add("GET", "/metrics", (request) =>
      Effect.sync(() =>
        isAuthorised(policy, request)
          ? HttpServerResponse.text(PrometheusMetrics.formatUnsafe(context), {
            contentType: "text/plain; version=0.0.4; charset=utf-8",
            headers: { "cache-control": "no-store" }
          })
          : forbidden
      ))
  }))
