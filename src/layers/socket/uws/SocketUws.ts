/**
 * The uWebSockets.js engine (SOC3): a listener of its own, in native code.
 *
 * **When to use**
 *
 * Use it to try uWebSockets.js in place of `ws`; `CHOIR_SOCKET=uws` selects it. The
 * package is on no registry and is installed from its repository:
 * `npm install uNetworking/uWebSockets.js#v20.57.0`.
 *
 * **Details**
 *
 * Plain HTTP requests are forwarded to the process's HTTP server within the process,
 * so that no second port is open. With TLS, the library reads the certificate files
 * itself. `pause` is not declared: the library cannot suspend reading.
 *
 * **Gotchas**
 *
 * - This engine has never run with the real library in this repository. Tests use a
 *   fake of its API; the conformance suite runs against the real one where it is
 *   installed.
 * - Messages above four times the limit are cut by the library without a close code.
 * - A renewed certificate needs a restart.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const engine = Layers.SocketUws.layer({
 *   host: "127.0.0.1",
 *   port: 0,
 *   limits: Domain.Limits.defaults,
 *   admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
 * }).pipe(Layer.provide(Layers.HttpListener.layer))
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* Services.Socket.Socket
 *   yield* socket.start
 *   return [...socket.capabilities]
 * }).pipe(
 *   Effect.provide(engine),
 *   Effect.scoped,
 *   Effect.catchTag("SocketError", ({ reason }) => Effect.succeed(reason._tag))
 * )
 *
 * console.log(await Effect.runPromise(program))
 * // => EngineNotInstalled, unless uWebSockets.js was installed
 * ```
 */
import { Effect, Layer, type Scope } from "effect"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { subprotocol } from "../../../domain/protocol/Protocol.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import { EngineNotInstalled, ListenFailed, Socket, SocketError } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import { framePayload } from "../../delivery/TextFrame.ts"
import * as AdmissionGate from "../../net/AdmissionGate.ts"
import { HttpListener } from "../../net/HttpListener.ts"
import * as SocketEngine from "../core/SocketEngine.ts"
import type { Transport, TransportEvents } from "../core/Transport.ts"
import type * as SocketWs from "../ws/SocketWs.ts"
import * as UwsApi from "./UwsApi.ts"
import { bridgeHttp } from "./UwsHttpBridge.ts"

/** The options of the engine. */
export interface UwsOptions extends SocketWs.NetworkEngineOptions {
  /** Paths of PEM files, for https and wss. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/** Not a literal in the import, so that compilers and bundlers do not resolve it. */
const packageName: string = "uWebSockets.js"

/** Loads the library. */
export const loadUws: Effect.Effect<UwsApi.UwsModule, SocketError> = Effect.tryPromise({
  try: () => import(packageName).then((loaded: { readonly default: UwsApi.UwsModule }) => loaded.default),
  catch: () =>
    new SocketError({
      reason: new EngineNotInstalled({
        layer: "Layers.SocketUws",
        install: "npm install uNetworking/uWebSockets.js#v20.57.0"
      })
    })
})

/** The data of one socket, from its upgrade on. */
interface SocketData {
  readonly upgradeRequest: AdmissionGate.UpgradeRequest
  readonly address: string
  readonly release: () => void
  events: TransportEvents | undefined
  isOpen: boolean
}

type UwsSocket = UwsApi.WebSocket<SocketData>

/** The text of a frame as UTF-8; the library makes the frame header itself. */
const textPayload = (frame: OutboundFrame): Uint8Array => framePayload(SendQueue.encodeQueuedFrame(frame))

const makeTransport = (ws: UwsSocket, limits: Limits): Transport => {
  const data = ws.getUserData()
  const ifOpen = (action: () => void) => {
    if (data.isOpen) action()
  }
  return {
    // Corked: one write for all frames.
    write: (frames) =>
      ifOpen(() => ws.cork(() => frames.forEach((frame) => ws.send(textPayload(frame), false, false)))),
    unsentBytes: () => data.isOpen ? ws.getBufferedAmount() : 0,
    // A peer this far behind would not receive the close frame in time.
    close: (code, reason) =>
      ifOpen(() => ws.getBufferedAmount() > limits.outboxFold ? ws.close() : ws.end(code, reason)),
    terminate: () => ifOpen(() => ws.close()),
    ping: () => ifOpen(() => ws.ping())
  }
}

const toUpgradeRequest = (
  response: UwsApi.HttpResponse,
  request: UwsApi.HttpRequest,
  isEncrypted: boolean
): AdmissionGate.UpgradeRequest => {
  const header = (name: string) => request.getHeader(name) || undefined
  return {
    headers: {
      host: header("host"),
      origin: header("origin"),
      "user-agent": header("user-agent"),
      "sec-websocket-protocol": header("sec-websocket-protocol"),
      "x-forwarded-for": header("x-forwarded-for"),
      "x-forwarded-proto": header("x-forwarded-proto")
    },
    socket: { remoteAddress: UwsApi.formatAddress(response.getRemoteAddress()), encrypted: isEncrypted }
  }
}

const makeBehavior = (
  engine: SocketEngine.SocketEngine,
  gate: AdmissionGate.AdmissionGate,
  { limits, tls }: UwsOptions,
  compression: number
): UwsApi.WebSocketBehavior<SocketData> => ({
  compression,
  // Beyond this the library terminates without a close code, so moderately large messages are rejected above it.
  maxPayloadLength: limits.frameBytes * 4,
  // Never drop: the send queue is bounded, and a dropped frame would be a gap.
  maxBackpressure: 2 ** 31 - 1,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  upgrade: (response, request, context) => {
    const upgradeRequest = toUpgradeRequest(response, request, tls !== undefined)
    const permit = gate.admit(upgradeRequest)
    if (typeof permit === "string") return void response.writeStatus(permit).end(undefined, true)
    const data: SocketData = { upgradeRequest, ...permit, events: undefined, isOpen: true }
    const protocol = upgradeRequest.headers["sec-websocket-protocol"] === undefined ? "" : subprotocol
    response.upgrade(
      data,
      request.getHeader("sec-websocket-key"),
      protocol,
      request.getHeader("sec-websocket-extensions"),
      context
    )
  },
  open: (ws) => {
    const data = ws.getUserData()
    data.events = engine.accept(
      makeTransport(ws, limits),
      AdmissionGate.connectionMetadata(data.upgradeRequest, data.address)
    )
    // A listener may have closed it already.
    if (!data.isOpen) data.events.onClosed(closeCode.normal)
  },
  message: (ws, message, isBinary) => {
    const { events } = ws.getUserData()
    if (isBinary) events?.requestClose(closeCode.unsupportedData, "text frames only")
    else events?.onMessage(Buffer.from(message).toString())
  },
  dropped: (ws) => ws.close(),
  drain: (ws) => ws.getUserData().events?.onDrained(),
  ping: (ws) => ws.getUserData().events?.onActivity(),
  pong: (ws) => ws.getUserData().events?.onPong(),
  close: (ws, code) => {
    const data = ws.getUserData()
    data.isOpen = false
    data.release()
    data.events?.onClosed(code)
  }
})

const listen = (
  api: UwsApi.UwsModule,
  app: UwsApi.TemplatedApp,
  { host, port }: UwsOptions
): Effect.Effect<unknown, SocketError> =>
  Effect.callback((resume) => {
    app.listen(host, port, api.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) =>
      resume(
        token === false || token === null
          // The library reports no cause; this is nearly always it.
          ? Effect.fail(new SocketError({ reason: new ListenFailed({ host, port, code: "EADDRINUSE" }) }))
          : Effect.succeed(token)
      ))
  })

const make = Effect.fnUntraced(function*(
  options: UwsOptions,
  load: Effect.Effect<UwsApi.UwsModule, SocketError>
): Effect.fn.Return<Socket["Service"], SocketError, HttpListener | Scope.Scope> {
  const { admission, host, limits, tls } = options
  const api = yield* load
  const server = yield* HttpListener
  const gate = AdmissionGate.makeAdmissionGate(admission, limits)
  const engine = yield* SocketEngine.make({
    limits,
    capabilities: ["ping", "backpressure", "batching"],
    runAfterTurn: setImmediate
  })
  const app = yield* Effect.acquireRelease(
    Effect.sync(() => tls === undefined ? api.App() : api.SSLApp({ key_file_name: tls.key, cert_file_name: tls.cert })),
    (app) => Effect.sync(() => app.close())
  )
  app.ws(admission.path, makeBehavior(engine, gate, options, api.DISABLED)).any(
    "/*",
    bridgeHttp(server, tls !== undefined)
  )

  let listenToken: unknown
  const boundAddress = () =>
    listenToken === undefined ? undefined : { address: host, port: api.us_socket_local_port(listenToken) }
  return engine.makeService({
    start: Effect.suspend(() => listenToken === undefined ? listen(api, app, options) : Effect.succeed(listenToken))
      .pipe(
        Effect.map((listening) => {
          listenToken = listening
          gate.setOpen(true)
          return { address: host, port: api.us_socket_local_port(listening) }
        })
      ),
    stop: Effect.sync(() => {
      gate.setOpen(false)
      engine.closeAll()
      if (listenToken !== undefined) api.us_listen_socket_close(listenToken)
      listenToken = undefined
    }),
    isRunning: Effect.sync(() => listenToken !== undefined),
    getAddress: Effect.sync(() => boundAddress()?.address),
    getPort: Effect.sync(() => boundAddress()?.port)
  })
})

/**
 * The engine. The HTTP listener that is provided handles plain requests and must not listen itself. Fails with
 * `EngineNotInstalled` without the library; `load` is for tests.
 */
export const layer = (
  options: UwsOptions,
  load: Effect.Effect<UwsApi.UwsModule, SocketError> = loadUws
): Layer.Layer<Socket, SocketError, HttpListener> => Layer.effect(Socket, make(options, load))
