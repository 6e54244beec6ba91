/** Puts the routes on the process's listener (SEC28: bodies have an end). */
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, Effect, Layer, type PlatformError, Scope } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as AdmissionGate from "../net/AdmissionGate.ts"
import { HttpListener } from "../net/HttpListener.ts"
import type { Readiness } from "./Readiness.ts"
import * as Routes from "./Routes.ts"
import * as SecurityHeaders from "./SecurityHeaders.ts"

export interface HttpAppOptions extends Routes.RoutesOptions {
  /** `bodyBytes`: the largest request body. Routes that take files set their own. */
  readonly limits: Pick<Limits, "bodyBytes">
  /** Addresses of proxies that may say that a client came over TLS. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** Browsers would keep to https for everything that is ever served under this name. */
const isLocalhost = (host: string | undefined): boolean => /^localhost(?::\d+)?$/.test(host ?? "")

/** Answers requests on the listener; the listener is started by the socket engine. */
export const layer = (
  options: HttpAppOptions
): Layer.Layer<never, PlatformError.PlatformError, HttpListener | Readiness> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const server = yield* HttpListener
    const app = yield* HttpRouter.toHttpEffect(Routes.layer(options))
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const handler = yield* NodeHttpServer.makeHandler(app, { scope })
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      SecurityHeaders.setSecurityHeaders(
        response,
        AdmissionGate.isSecure(request, options.trustedProxies) && !isLocalhost(request.headers.host)
      )
      handler(request, response)
    }
    server.on("request", onRequest)
    yield* Effect.addFinalizer(() => Effect.sync(() => server.off("request", onRequest)))
  })).pipe(
    Layer.provide(NodeHttpServer.layerHttpServices),
    Layer.provide(Layer.succeed(HttpServerRequest.MaxBodySize, ByteSize.bytes(options.limits.bodyBytes))),
    Layer.provide(HttpRouter.disableLogger)
  )
