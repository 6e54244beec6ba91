/**
 * The HTTP side of a server: health, metrics, the page, and further routes, on
 * the process's listener.
 *
 * **When to use**
 *
 * Provide `layer` beside a socket engine to serve HTTP on the same port. `App.layer`
 * includes it.
 *
 * **Details**
 *
 * Every response carries the security headers (SEC39), refusals and failures
 * included. Bodies are limited to `limits.bodyBytes` (SEC28). `extraRoutes` takes
 * any routes made with Effect's `HttpRouter`.
 *
 * **Gotchas**
 *
 * The layer only attaches a handler: the listener listens once the socket engine
 * is started, or when you call `listen` yourself.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers } from "choir"
 * import { Effect, Layer } from "effect"
 * import { HttpRouter, HttpServerResponse } from "effect/http"
 *
 * const app = Layers.HttpApp.layer({
 *   webRoot: "no-page",
 *   limits: Domain.Limits.defaults,
 *   trustedProxies: [],
 *   metrics: { access: "off", token: null },
 *   extraRoutes: HttpRouter.add("GET", "/hello", Effect.succeed(HttpServerResponse.text("hello")))
 * }).pipe(Layer.provideMerge(Layers.HttpListener.layer), Layer.provide(Layers.Readiness.layer))
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* Layers.HttpListener.HttpListener
 *   yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
 *   const address = server.address()
 *   const port = typeof address === "object" && address !== null ? address.port : 0
 *   return yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/hello`).then((response) => response.text()))
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, app))))
 * // => hello
 * ```
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ByteSize, Effect, Layer, type PlatformError, Scope } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import { requestLimits } from "../../domain/admission/RequestLimits.ts"
import { securityHeaders } from "../../domain/admission/ResponseHeaders.ts"
import { sendsStrictTransportSecurity } from "../../domain/admission/TransportSecurity.ts"
import * as AdmissionGate from "../net/AdmissionGate.ts"
import { HttpListener, type RequestTimeLimits } from "../net/HttpListener.ts"
import * as SocketGate from "../net/SocketGate.ts"
import * as NotFound from "./NotFound.ts"
import type { Readiness } from "./Readiness.ts"
import * as Routes from "./Routes.ts"

/** The routes, and the settings of all of them. */
export interface HttpAppOptions extends Routes.RoutesOptions {
  /** `bodyBytes` is the largest request body; routes that accept files set their own limit. */
  readonly limits: RequestTimeLimits & SocketGate.SocketGateOptions["limits"]
  /** Addresses and CIDR ranges of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** Handles the listener's requests until the scope closes. */
export const layer = (
  options: HttpAppOptions
): Layer.Layer<never, PlatformError.PlatformError, HttpListener | Readiness> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const server = yield* HttpListener
    const routes = yield* HttpRouter.toHttpEffect(Routes.layer(options))
    const app = Effect.catch(routes, NotFound.answer(options.webRoot !== undefined))
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const handler = yield* NodeHttpServer.makeHandler(app, { scope })
    const admitRequest = yield* SocketGate.limitSockets(server, options)
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      const isSecure = AdmissionGate.isSecure(request, options.trustedProxies)
      // Before any route runs, so that refusals and failures carry them too.
      const headers = securityHeaders(sendsStrictTransportSecurity(isSecure, request.headers.host))
      for (const [name, value] of headers) response.setHeader(name, value)
      if (admitRequest(request, response)) handler(request, response)
    }
    server.on("request", onRequest)
    yield* Effect.addFinalizer(() => Effect.sync(() => server.off("request", onRequest)))
  })).pipe(
    Layer.provide(NodeHttpServer.layerHttpServices),
    Layer.provide(
      Layer.succeed(HttpServerRequest.MaxBodySize, ByteSize.bytes(requestLimits(options.limits).maxBodyBytes))
    ),
    Layer.provide(HttpRouter.disableLogger)
  )
