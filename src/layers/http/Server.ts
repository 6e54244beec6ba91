/** The one listener of this process: pages, API and WebSocket upgrades come in by it (SEC23). */
import { Context, Effect, Layer } from "effect"
import { createServer, type Server } from "node:http"

export class HttpListener extends Context.Service<HttpListener, Server>()("choir/layers/http/Server/HttpListener") {}

/** A server that does not listen yet; whoever starts the socket engine starts it. */
export const layer: Layer.Layer<HttpListener> = Layer.effect(
  HttpListener,
  Effect.acquireRelease(
    Effect.sync(() =>
      createServer({
        headersTimeout: 10_000,
        requestTimeout: 15_000,
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: 5_000
      })
    ),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
)
