/**
 * The routes of the server: health, metrics, the page, and those of the composer. Each part is a layer on the router.
 */
import { Effect, FileSystem, Layer, Path, PlatformError, Ref } from "effect"
import { HttpRouter, HttpServerError, HttpServerResponse, HttpStaticServer } from "effect/http"
import * as HashedFiles from "./HashedFiles.ts"
import * as MetricsRoute from "./MetricsRoute.ts"
import { Readiness } from "./Readiness.ts"

/** Routes of the composer; a request that cannot be parsed is answered before it reaches them. */
type ExtraRoutes = Layer.Layer<
  never,
  never,
  HttpRouter.HttpRouter | HttpRouter.Request<"Error", HttpServerError.HttpServerError>
>

/** The content and settings of the routes. */
export interface RoutesOptions {
  /**
   * The folder of the built page, if there is one. Without an `index.html` in it, `/` answers how to build it.
   */
  readonly webRoot: string | undefined
  readonly metrics: MetricsRoute.MetricsAccessPolicy
  /** Routes beside the server's own. */
  readonly extraRoutes?: ExtraRoutes | undefined
}

const noStore = { headers: { "cache-control": "no-store" } }

/** OPS3: `/health/live` while the process responds, `/health/ready` while it should get traffic. */
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

/** What file systems answer to paths that no file can have. */
const impossiblePathCodes = new Set(["ENAMETOOLONG", "ENOTDIR", "ELOOP", "EISDIR", "EINVAL", "ERR_INVALID_ARG_VALUE"])

/** A path that no file can have is not found, and no fault of the server. */
const toNotFound = (error: HttpServerError.HttpServerError): HttpServerError.HttpServerError => {
  const { reason } = error
  const code = reason._tag === "InternalError" && reason.cause instanceof PlatformError.PlatformError &&
      reason.cause.reason._tag !== "BadArgument"
    ? (reason.cause.reason.cause as Partial<NodeJS.ErrnoException> | undefined)?.code
    : undefined
  return impossiblePathCodes.has(code ?? "")
    ? new HttpServerError.HttpServerError({ reason: new HttpServerError.RouteNotFound({ request: reason.request }) })
    : error
}

/** The page, a single-page application: every path without a file is answered by its `index.html`. */
const webAppRoutes = (root: string) =>
  Layer.unwrap(Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return (yield* Effect.orElseSucceed(files.exists(path.join(root, "index.html")), () => false))
      ? Layer.merge(
        HashedFiles.layer(root),
        HttpRouter.use(Effect.fnUntraced(function*(router) {
          const serveFile = yield* HttpStaticServer.make({ root, spa: true, cacheControl: "no-cache" })
          yield* router.add("GET", "/*", Effect.mapError(serveFile, toNotFound))
        }))
      )
      : HttpRouter.add(
        "GET",
        "/",
        Effect.succeed(HttpServerResponse.text("Choir is running. The page has not been built: npm run build\n"))
      )
  }))

/** All routes. */
export const layer = ({ metrics, extraRoutes = Layer.empty, webRoot }: RoutesOptions) =>
  Layer.mergeAll(
    healthRoutes,
    MetricsRoute.layer(metrics),
    extraRoutes,
    webRoot === undefined ? Layer.empty : webAppRoutes(webRoot)
  )
