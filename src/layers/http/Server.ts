/** The one listener of this process: pages, API and WebSocket upgrades come in by it (SEC23). */
import { Context, Effect, FiberSet, type FileSystem, Layer } from "effect"
import { createServer, type Server } from "node:http"
import { createServer as createTlsServer, type Server as TlsServer } from "node:https"
import { defaults, type Limits } from "../../domain/Limits.ts"
import type { SettingsInvalid } from "../Config.ts"
import * as Tls from "./Tls.ts"

/** An HTTPS server has all that is asked of an HTTP server. */
export class HttpListener extends Context.Service<HttpListener, Server>()("choir/layers/http/Server/HttpListener") {}

/** How long a client may take: silent and dribbling ones are cut. */
export type Patience = Pick<Limits, "headersTimeout" | "requestTimeout">

const options = ({ headersTimeout, requestTimeout }: Patience) => ({
  headersTimeout,
  requestTimeout,
  // Often, so that a crowd that has had its time is not cut all at once.
  connectionsCheckingInterval: Math.min(20, headersTimeout),
  keepAliveTimeout: 5_000,
  // What a slow socket may hold before that is noticed.
  highWaterMark: 16_384
})

const open = <S extends Server>(make: () => S) =>
  Effect.acquireRelease(Effect.sync(make), (server) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    }))

/** A server that does not listen yet; whoever starts the socket engine starts it. */
export const layerPlain = (patience: Patience): Layer.Layer<HttpListener> =>
  Layer.effect(HttpListener, open(() => createServer(options(patience))))

/** With the default patience. */
export const layer: Layer.Layer<HttpListener> = layerPlain(defaults)

/** Takes the certificate from its files again whenever the process is told to (SIGHUP); a bad one changes nothing. */
const renew = Effect.fnUntraced(function*(server: TlsServer, files: Tls.Files) {
  const run = yield* FiberSet.makeRuntime<FileSystem.FileSystem, void, never>()
  const again = () =>
    run(
      Tls.read(files).pipe(
        Effect.tap((pair) => Effect.sync(() => server.setSecureContext(pair))),
        Effect.andThen(Effect.logInfo("the certificate was read again")),
        Effect.catch((fault) => Effect.logError("the certificate stays as it was", fault.message))
      )
    )
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", again)),
    () => Effect.sync(() => process.off("SIGHUP", again))
  )
})

/** The same over TLS: https and wss on one port. */
export const layerTls = (
  files: Tls.Files,
  patience: Patience
): Layer.Layer<HttpListener, SettingsInvalid, FileSystem.FileSystem> =>
  Layer.effect(
    HttpListener,
    Effect.gen(function*() {
      const pair = yield* Tls.read(files)
      const server = yield* open(() =>
        createTlsServer({ ...options(patience), ...pair, handshakeTimeout: patience.headersTimeout })
      )
      yield* renew(server, files)
      return server
    })
  )
