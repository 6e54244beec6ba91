/**
 * The HTTP listener of the process: page, API and WebSocket upgrades share its
 * port.
 *
 * **When to use**
 *
 * Provide `layer`, `layerPlain` or `layerTls` to a socket engine and to `HttpApp`,
 * which attach themselves to the same server. `App.layer` does so by the settings.
 *
 * **Details**
 *
 * The layer creates the server; the socket engine's `start` makes it listen.
 * Requests are bounded in time (SEC23). Only WebSocket upgrades of the paths of `acceptUpgrades` are upgrades; with any
 * other `Upgrade` header a request is an ordinary one, as RFC 9110 permits. With TLS the certificate is read again
 * on SIGHUP; an invalid one is logged and changes nothing (OPS9). Closing the
 * scope ends all connections.
 *
 * **Gotchas**
 *
 * uWebSockets.js has a listener of its own. With that engine this server is
 * only the handler of plain HTTP requests, and must be made by `layerPlain`.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* Layers.HttpListener.HttpListener
 *   server.on("request", (_request, response) => response.end("hello"))
 *   yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
 *   const address = server.address()
 *   const port = typeof address === "object" && address !== null ? address.port : 0
 *   return yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}`).then((response) => response.text()))
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, Layers.HttpListener.layer))))
 * // => hello
 * ```
 */
import { Context, Effect, FiberSet, type FileSystem, Layer, type Scope } from "effect"
import { createServer, type IncomingMessage, type Server } from "node:http"
import { createServer as createTlsServer, type Server as TlsServer } from "node:https"
import { isWebSocketUpgrade } from "../../domain/admission/Admission.ts"
import { pathOf } from "../../domain/admission/Credentials.ts"
import { requestLimits } from "../../domain/admission/RequestLimits.ts"
import { defaults, type Limits } from "../../domain/protocol/Limits.ts"
import type { SettingsInvalid } from "../config/Config.ts"
import * as Tls from "./Tls.ts"

/** Node's HTTP server, or its HTTPS server, which has the same interface. */
export class HttpListener extends Context.Service<HttpListener, Server>()("choir/layers/net/HttpListener") {}

/** The limits that bound a request's time. */
export type RequestTimeLimits = Pick<Limits, "bodyBytes" | "headersTimeout" | "requestTimeout">

const serverOptions = (limits: RequestTimeLimits) => {
  const { checkInterval, headersTimeout, requestTimeout } = requestLimits(limits)
  return {
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: checkInterval,
    keepAliveTimeout: 5_000,
    // How much a slow socket buffers before `write` returns false.
    highWaterMark: 16_384
  }
}

/** By server, who accepts upgrades of which paths. */
const upgradeAcceptors = new WeakMap<Server, Set<(path: string) => boolean>>()

/** Declares, until the scope closes, of which paths the caller's `upgrade` listener accepts WebSockets. */
export const acceptUpgrades = (
  server: Server,
  acceptsPath: (path: string) => boolean
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => upgradeAcceptors.get(server)?.add(acceptsPath)),
    () => Effect.sync(() => upgradeAcceptors.get(server)?.delete(acceptsPath))
  )

/** A server by `make`, which must pass the function on to Node. Node before 24.9 ignores it: every upgrade is one. */
const acquireServer = <S extends Server>(make: (shouldUpgradeCallback: (request: IncomingMessage) => boolean) => S) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const acceptors = new Set<(path: string) => boolean>()
      const server: S = make(({ headers, url }) =>
        isWebSocketUpgrade(headers.upgrade) &&
        // Without a handler of requests, only the listener of upgrades can answer.
        (server.listenerCount("request") === 0 || [...acceptors].some((acceptsPath) => acceptsPath(pathOf(url))))
      )
      upgradeAcceptors.set(server, acceptors)
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

/** A server without TLS that does not listen yet. */
export const layerPlain = (limits: RequestTimeLimits): Layer.Layer<HttpListener> =>
  Layer.effect(
    HttpListener,
    acquireServer((shouldUpgradeCallback) => createServer({ ...serverOptions(limits), shouldUpgradeCallback }))
  )

/** `layerPlain` with the default limits. */
export const layer: Layer.Layer<HttpListener> = layerPlain(defaults)

/** Reads the certificate again on SIGHUP; an invalid one is logged and changes nothing. */
const reloadCertificateOnSighup = Effect.fnUntraced(function*(server: TlsServer, files: Tls.CertificateFiles) {
  const run = yield* FiberSet.makeRuntime<FileSystem.FileSystem, void, never>()
  const reload = () =>
    run(
      Tls.readCertificate(files).pipe(
        Effect.tap((context) => Effect.sync(() => server.setSecureContext(context))),
        Effect.andThen(Effect.logInfo("certificate reloaded")),
        Effect.catch((fault) =>
          Effect.logError("certificate not reloaded, the previous one stays in use", fault.message)
        )
      )
    )
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("SIGHUP", reload)),
    () => Effect.sync(() => process.off("SIGHUP", reload))
  )
})

/** A server with TLS, for https and wss on one port. Fails when the certificate cannot be used. */
export const layerTls = (
  files: Tls.CertificateFiles,
  limits: RequestTimeLimits
): Layer.Layer<HttpListener, SettingsInvalid, FileSystem.FileSystem> =>
  Layer.effect(
    HttpListener,
    Effect.gen(function*() {
      const context = yield* Tls.readCertificate(files)
      const server = yield* acquireServer((shouldUpgradeCallback) =>
        createTlsServer({
          ...serverOptions(limits),
          ...context,
          handshakeTimeout: limits.headersTimeout,
          shouldUpgradeCallback
        })
      )
      yield* reloadCertificateOnSighup(server, files)
      return server
    })
  )
