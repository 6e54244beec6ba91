/**
 * What is served over HTTP. Each part is a layer on the router; an API joins
 * by adding its own to `layer`.
 */
import { Effect, FileSystem, Layer, Path, Ref } from "effect"
import { HttpRouter, type HttpServerError, HttpServerResponse, HttpStaticServer } from "effect/http"
import * as MetricsRoute from "./MetricsRoute.ts"
import { Readiness } from "./Readiness.ts"

/** Further routes; a request that cannot be read is answered for them. */
type ExtraRoutes = Layer.Layer<
  never,
  never,
  HttpRouter.HttpRouter | HttpRouter.Request<"Error", HttpServerError.HttpServerError>
>

export interface RoutesOptions {
  /** The folder of the built page. */
  readonly webRoot: string
  readonly metrics: MetricsRoute.MetricsAccessPolicy
  /** Routes of whoever composes the server, beside its own. */
  readonly extraRoutes?: ExtraRoutes | undefined
}

const noStore = { headers: { "cache-control": "no-store" } }

/** `/health/live`: the process answers. `/health/ready`: send people here (OPS3). */
const healthRoutes = HttpRouter.use(Effect.fnUntraced(function*(router) {
  const readiness = yield* Readiness
  yield* router.add("GET", "/health/live", Effect.succeed(HttpServerResponse.text("live\n", noStore)))
  yield* router.add(
    "GET",
    "/health/ready",
    Effect.map(Ref.get(readiness), (ready) =>
      ready
        ? HttpServerResponse.text("ready\n", noStore)
        : HttpServerResponse.text("not ready\n", { ...noStore, status: 503 }))
  )
}))

/** The page, built beside this module into `dist/web`; every address without a file of its own is the page. */
const webAppRoutes = (root: string) =>
  Layer.unwrap(Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return (yield* Effect.orElseSucceed(files.exists(path.join(root, "index.html")), () => false))
      ? HttpStaticServer.layer({ root, spa: true, cacheControl: "no-cache" })
      : HttpRouter.add(
        "GET",
        "/",
        Effect.succeed(HttpServerResponse.text("Choir is running. The page has not been built: npm run build\n"))
      )
  }))

export const layer = ({ metrics, extraRoutes = Layer.empty, webRoot }: RoutesOptions) =>
  Layer.mergeAll(healthRoutes, MetricsRoute.layer(metrics), extraRoutes, webAppRoutes(webRoot))
