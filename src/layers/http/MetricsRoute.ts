/**
 * `/metrics` in the format of Prometheus (OPS3). The numbers identify no user,
 * but disclose the load: by default only requests from this machine may read them.
 */
import { Context, Effect, type Layer, Metric, Option, Redacted } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { hash, timingSafeEqual } from "node:crypto"
import { isLoopback } from "../../domain/admission/IpAddress.ts"
import { Metrics } from "../observability/Metrics.ts"

/** Which requests may read the metrics. */
export interface MetricsAccessPolicy {
  /** `local`: requests from this machine that no proxy forwarded. `public`: all requests. */
  readonly access: "local" | "public" | "off"
  /** A request with this bearer token may read them from anywhere. */
  readonly token: Redacted.Redacted | null
}

type MetricsRequest = Pick<HttpServerRequest.HttpServerRequest, "headers" | "remoteAddress">

/**
 * Behind a proxy on this machine every request would be local, so a forwarded one never is; nor is one to a name, which
 * DNS may point at this machine.
 */
const isLocalRequest = ({ headers, remoteAddress }: MetricsRequest): boolean =>
  isLoopback(Option.getOrElse(remoteAddress, () => "")) &&
  headers["x-forwarded-for"] === undefined && headers["forwarded"] === undefined && headers["via"] === undefined &&
  isLoopback((headers["host"] ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, ""))

const sha256 = (text: string) => hash("sha256", text, "buffer")

const hasValidToken = ({ headers }: MetricsRequest, token: Redacted.Redacted): boolean =>
  timingSafeEqual(sha256(headers["authorization"] ?? ""), sha256(`Bearer ${Redacted.value(token)}`))

const isAuthorised = ({ access, token }: MetricsAccessPolicy, request: MetricsRequest): boolean =>
  access === "public" || (access === "local" && isLocalRequest(request)) ||
  (token !== null && hasValidToken(request, token))

const forbidden = HttpServerResponse.text(
  "metrics are readable from this machine only; CHOIR_METRICS and CHOIR_METRICS_TOKEN change that\n",
  { status: 403, headers: { "cache-control": "no-store" } }
)

/** The route of the metrics. */
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
