/** The one listener of this process: pages, API and WebSocket upgrades come in by it (SEC23). */
import { Context, Effect, FiberSet, type FileSystem, Layer } from "effect"
import { createServer, type Server } from "node:http"
import { createServer as createTlsServer, type Server as TlsServer } from "node:https"
import { defaults, type Limits } from "../../domain/protocol/Limits.ts"
import type { SettingsInvalid } from "../config/Config.ts"
import * as Tls from "./Tls.ts"

/** An HTTPS server has all that is asked of an HTTP server. */
export class HttpListener extends Context.Service<HttpListener, Server>()("choir/layers/net/HttpListener") {}

/** How long a client may take: silent and dribbling ones are cut. */
export type HttpTimeouts = Pick<Limits, "headersTimeout" | "requestTimeout">

const serverOptions = ({ headersTimeout, requestTimeout }: HttpTimeouts) => ({
  headersTimeout,
  requestTimeout,
  // Often, so that a crowd that has had its time is not cut all at once.
  connectionsCheckingInterval: Math.min(20, headersTimeout),
  keepAliveTimeout: 5_000,
  // What a slow socket may hold before that is noticed.
  highWaterMark: 16_384
})

const acquireServer = <S extends Server>(make: () => S) =>
  Effect.acquireRelease(Effect.sync(make), (server) =>
    Effect.sync(() => {
      server.close()
      server.closeAllConnections()
    }))

/** A server that does not listen yet; whoever starts the socket engine starts it. */
export const layerPlain = (timeouts: HttpTimeouts): Layer.Layer<HttpListener> =>
  Layer.effect(HttpListener, acquireServer(() => createServer(serverOptions(timeouts))))

/** With the default patience. */
export const layer: Layer.Layer<HttpListener> = layerPlain(defaults)

/** Takes the certificate from its files again whenever the process is told to (SIGHUP); a bad one changes nothing. */
const reloadCertificateOnSighup = Effect.fnUntraced(function*(server: TlsServer, files: Tls.CertificateFiles) {
  const run = yield* FiberSet.makeRuntime<FileSystem.FileSystem, void, never>()
  const reload = () =>
    run(
      Tls.readCertificate(files).pipe(
        Effect.tap((context) => Effect.sync(() => server.setSecureContext(context))),
        Effect.andThen(Effect.logInfo("the certificate was read again")),
        Effect.catch((fault) => Effect.logError("the certificate stays as it was", fault.message))
      )
    )
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", reload)),
    () => Effect.sync(() => process.off("SIGHUP", reload))
  )
})

/** The same over TLS: https and wss on one port. */
export const layerTls = (
  files: Tls.CertificateFiles,
  timeouts: HttpTimeouts
): Layer.Layer<HttpListener, SettingsInvalid, FileSystem.FileSystem> =>
  Layer.effect(
    HttpListener,
    Effect.gen(function*() {
      const context = yield* Tls.readCertificate(files)
      const server = yield* acquireServer(() =>
        createTlsServer({ ...serverOptions(timeouts), ...context, handshakeTimeout: timeouts.headersTimeout })
      )
      yield* reloadCertificateOnSighup(server, files)
      return server
    })
  )
