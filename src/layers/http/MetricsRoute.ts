/**
 * `/metrics`, for Prometheus (OPS3). The numbers name nobody, but tell how busy
 * a server is: they are for this machine, unless a setting says otherwise.
 */
import { Context, Effect, type Layer, Metric, Option, Redacted } from "effect"
import { HttpRouter, type HttpServerRequest, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { createHash, timingSafeEqual } from "node:crypto"
import { Metrics } from "../observability/Metrics.ts"

export interface Policy {
  /** `local`: for requests from this machine that no proxy passed on. `public`: for everybody. */
  readonly access: "local" | "public" | "off"
  /** Whoever shows it as a bearer token may read, from anywhere. */
  readonly token: Redacted.Redacted | null
}

type Request = Pick<HttpServerRequest.HttpServerRequest, "headers" | "remoteAddress">

/** Through a proxy on this machine everybody would be local, so what was passed on never is. */
const isLocal = ({ headers, remoteAddress }: Request): boolean =>
  /^(?:127\.|::1$|::ffff:127\.)/.test(Option.getOrElse(remoteAddress, () => "")) &&
  headers["x-forwarded-for"] === undefined && headers["forwarded"] === undefined && headers["via"] === undefined &&
  /^(?:127(?:\.\d+){3}|localhost|\[::1\])(?::\d+)?$/.test(headers["host"] ?? "")

const digest = (text: string) => createHash("sha256").update(text).digest()

const showsToken = ({ headers }: Request, token: Redacted.Redacted): boolean =>
  timingSafeEqual(digest(headers["authorization"] ?? ""), digest(`Bearer ${Redacted.value(token)}`))

const mayRead = ({ access, token }: Policy, request: Request): boolean =>
  access === "public" || (access === "local" && isLocal(request)) || (token !== null && showsToken(request, token))

const refused = HttpServerResponse.text(
  "metrics are for this machine: CHOIR_METRICS and CHOIR_METRICS_TOKEN change that\n",
  {
    status: 403,
    headers: { "cache-control": "no-store" }
  }
)

export const layer = (policy: Policy): Layer.Layer<never, never, HttpRouter.HttpRouter> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const { meters } = yield* Metrics
    const context = Context.make(Metric.MetricRegistry, meters.registry)
    yield* router.add("GET", "/metrics", (request) =>
      Effect.sync(() =>
        mayRead(policy, request)
          ? HttpServerResponse.text(PrometheusMetrics.formatUnsafe(context), {
            contentType: "text/plain; version=0.0.4; charset=utf-8",
            headers: { "cache-control": "no-store" }
          })
          : refused
      ))
  }))
