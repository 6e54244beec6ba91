/** Puts the routes on the process's listener (SEC28: bodies have an end). */
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, Effect, Layer, type PlatformError, Scope } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Limits } from "../../domain/Limits.ts"
import * as Admission from "../socket/Admission.ts"
import * as Headers from "./Headers.ts"
import type { Readiness } from "./Readiness.ts"
import * as Routes from "./Routes.ts"
import { HttpListener } from "./Server.ts"

export interface Options extends Routes.Options {
  /** `bodyBytes`: the largest request body. Routes that take files set their own. */
  readonly limits: Pick<Limits, "bodyBytes">
  /** Addresses of proxies that may say that a client came over TLS. */
  readonly trustedProxies: ReadonlyArray<string>
}

/** Browsers would keep to https for everything that is ever served under this name. */
const isHere = (host: string | undefined): boolean => /^localhost(?::\d+)?$/.test(host ?? "")

/** Answers requests on the listener; the listener is started by the socket engine. */
export const layer = (
  options: Options
): Layer.Layer<never, PlatformError.PlatformError, HttpListener | Readiness> =>
  Layer.effectDiscard(Effect.gen(function*() {
    const server = yield* HttpListener
    const app = yield* HttpRouter.toHttpEffect(Routes.layer(options))
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const handler = yield* NodeHttpServer.makeHandler(app, { scope })
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      Headers.set(response, Admission.isSecure(request, options.trustedProxies) && !isHere(request.headers.host))
      handler(request, response)
    }
    server.on("request", answer)
    yield* Effect.addFinalizer(() => Effect.sync(() => server.off("request", answer)))
  })).pipe(
    Layer.provide(NodeHttpServer.layerHttpServices),
    Layer.provide(Layer.succeed(HttpServerRequest.MaxBodySize, ByteSize.bytes(options.limits.bodyBytes))),
    Layer.provide(HttpRouter.disableLogger)
  )
