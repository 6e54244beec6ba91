/** Puts the routes on the process's listener (SEC28: bodies have an end). */
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, Effect, Layer, type PlatformError, Scope } from "effect"
import { HttpRouter, HttpServerRequest } from "effect/http"
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Admission from "../socket/Admission.ts"
import * as Headers from "./Headers.ts"
import type { Readiness } from "./Readiness.ts"
import * as Routes from "./Routes.ts"
import { HttpListener } from "./Server.ts"

/** Browsers would keep to https for everything that is ever served under this name. */
const isHere = (host: string | undefined): boolean => /^localhost(?::\d+)?$/.test(host ?? "")

/** The largest request body: 1 MiB. Routes that take files set their own. */
const maxBody = ByteSize.mebibytes(1)

/** Answers requests on the listener; the listener is started by the socket engine. */
export const layer = (
  options: Routes.Options
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
    Layer.provide(Layer.succeed(HttpServerRequest.MaxBodySize, maxBody)),
    Layer.provide(HttpRouter.disableLogger)
  )
