/**
 * The page's files whose names carry a hash of their content: compressed once at the start, so that strangers cannot spend
 * the server's CPU time on it, and cached by browsers for good. Other files are served by `Routes`.
 */
import { Effect, FileSystem, Option, Path } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse, Mime } from "effect/http"
import { gzip } from "node:zlib"

/** A name as the build makes it: `index-BTytqabz.js`. */
const hashedName = /^[\w.-]+-[\w-]{8}\.\w+$/

const compress = (content: Uint8Array): Effect.Effect<Uint8Array, Error> =>
  Effect.callback((resume) =>
    gzip(
      content,
      { level: 9 },
      (error, compressed) => resume(error === null ? Effect.succeed(compressed) : Effect.fail(error))
    )
  )

/** Whether a request accepts gzip: the coding or `*`, with any weight but 0 (RFC 9110, 12.5.3). */
export const acceptsCompression = (header: string | undefined): boolean => {
  const weights = new Map(
    (header ?? "").toLowerCase().split(",").map((item) => {
      const [coding = "", ...parameters] = item.split(";").map((part) => part.trim())
      const weight = parameters.find((parameter) => parameter.startsWith("q="))
      return [coding, weight === undefined ? 1 : Number(weight.slice(2))]
    })
  )
  return (weights.get("gzip") ?? weights.get("*") ?? 0) > 0
}

/** Serves a file under its name, which is never reused for another content. */
const addAsset = Effect.fnUntraced(function*(router: HttpRouter.HttpRouter, name: string, content: Uint8Array) {
  const compressed = yield* Effect.orDie(compress(content))
  const contentType = Option.getOrElse(Mime.getType(name), () => "application/octet-stream")
  const headers = { "cache-control": "public, max-age=31536000, immutable", vary: "accept-encoding" }
  const plain = HttpServerResponse.uint8Array(content, { contentType, headers })
  const zipped = HttpServerResponse.uint8Array(compressed, {
    contentType,
    headers: { ...headers, "content-encoding": "gzip" }
  })
  yield* router.add(
    "GET",
    `/assets/${name}`,
    Effect.map(
      HttpServerRequest.HttpServerRequest,
      (request) => acceptsCompression(request.headers["accept-encoding"]) ? zipped : plain
    )
  )
})

/** A route for each file of the folder `assets` below the page's root whose name carries a hash. */
export const layer = (root: string) =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const folder = path.join(root, "assets")
    for (const name of yield* Effect.orElseSucceed(files.readDirectory(folder), () => [])) {
      if (hashedName.test(name)) yield* addAsset(router, name, yield* files.readFile(path.join(folder, name)))
    }
  }))
