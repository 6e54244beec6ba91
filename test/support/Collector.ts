/** A fake OTLP collector over HTTP that records every request. */
import { Effect, type Scope } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** A running collector. */
export interface Collector {
  readonly url: string
  /** The bodies received on a path, unparsed. */
  readonly bodies: (path: string) => ReadonlyArray<string>
  /** Paths, headers and bodies of every request. */
  readonly dumpRequests: () => string
}

/** Starts a collector; with `echo` it answers 401 and includes the request in the answer. */
export const startCollector = Effect.fnUntraced(function*(
  { echo = false }: { readonly echo?: boolean } = {}
): Effect.fn.Return<Collector, never, Scope.Scope> {
  const requests: Array<{ readonly path: string; readonly body: string; readonly headers: string }> = []
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      createServer((request, response) => {
        let body = ""
        request.setEncoding("utf8")
        request.on("data", (chunk: string) => {
          body += chunk
        })
        request.on("end", () => {
          requests.push({ path: request.url ?? "", body, headers: JSON.stringify(request.headers) })
          response.setHeader("content-type", "application/json")
          response.statusCode = echo ? 401 : 200
          response.end(echo ? JSON.stringify({ error: { message: JSON.stringify(request.headers) + body } }) : "{}")
        })
      })
    ),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bodies: (path) => requests.filter((request) => request.path === path).map(({ body }) => body),
    dumpRequests: () => requests.map(({ body, headers, path }) => `${path}\n${headers}\n${body}`).join("\n")
  }
})
