/**
 * The uWebSockets.js engine (SOC3): its own listener, in native code. Plain
 * HTTP goes on to the process's HTTP server, within the process.
 *
 * It cannot hold back a peer that sends too fast, so `pause` is not declared.
 */
import { Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { subprotocol } from "../../../domain/protocol/Protocol.ts"
import * as Uuids from "../../../domain/protocol/Uuids.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import { EngineNotInstalled, ListenFailed, Socket, SocketError } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import { framePayload } from "../../delivery/TextFrame.ts"
import * as AdmissionGate from "../../net/AdmissionGate.ts"
import { HttpListener } from "../../net/HttpListener.ts"
import * as SocketEngine from "../core/SocketEngine.ts"
import type { Transport, TransportEvents } from "../core/Transport.ts"
import type * as SocketWs from "../ws/SocketWs.ts"
import * as Api from "./UwsApi.ts"
import { bridgeHttp } from "./UwsHttpBridge.ts"

export interface UwsOptions extends SocketWs.NetworkEngineOptions {
  /** Paths of a certificate and its key, for https and wss. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/** Not written in the import itself, so that nobody looks for it where it is not. */
const packageName: string = "uWebSockets.js"

/** uWebSockets.js itself; it is on no registry. */
export const loadUws: Effect.Effect<Api.UwsModule, SocketError> = Effect.tryPromise({
  try: () => import(packageName).then((loaded: { readonly default: Api.UwsModule }) => loaded.default),
  catch: () =>
    new SocketError({
      reason: new EngineNotInstalled({
        setting: "CHOIR_SOCKET=uws",
        install: "npm install uNetworking/uWebSockets.js#v20.57.0"
      })
    })
})

/** What belongs to one socket, from the upgrade on. */
interface SocketData {
  readonly upgradeRequest: AdmissionGate.UpgradeRequest
  readonly address: string
  readonly release: () => void
  events: TransportEvents | undefined
  isOpen: boolean
}

type UwsSocket = Api.WebSocket<SocketData>

/** The text in the bytes of a frame that the server would write itself. */
const textPayload = (frame: OutboundFrame): Uint8Array => framePayload(SendQueue.encodeFrame(frame))

const makeTransport = (ws: UwsSocket, limits: Limits): Transport => {
  const data = ws.getUserData()
  const ifOpen = (action: () => void) => {
    if (data.isOpen) action()
  }
  return {
    // One write for all of them.
    write: (frames) =>
      ifOpen(() => ws.cork(() => frames.forEach((frame) => ws.send(textPayload(frame), false, false)))),
    unsentBytes: () => data.isOpen ? ws.getBufferedAmount() : 0,
    // Nobody would wait for the end of a goodbye that stands behind too much else.
    close: (code, reason) =>
      ifOpen(() => ws.getBufferedAmount() > limits.outboxFold ? ws.close() : ws.end(code, reason)),
    terminate: () => ifOpen(() => ws.close()),
    ping: () => ifOpen(() => ws.ping())
  }
}

const toUpgradeRequest = (response: Api.HttpResponse, request: Api.HttpRequest): AdmissionGate.UpgradeRequest => {
  const header = (name: string) => request.getHeader(name) || undefined
  return {
    headers: {
      host: header("host"),
      origin: header("origin"),
      "user-agent": header("user-agent"),
      "sec-websocket-protocol": header("sec-websocket-protocol"),
      "x-forwarded-for": header("x-forwarded-for")
    },
    socket: { remoteAddress: Api.formatAddress(response.getRemoteAddress()) }
  }
}

const makeBehavior = (
  engine: SocketEngine.SocketEngine,
  gate: AdmissionGate.AdmissionGate,
  limits: Limits,
  compression: number
): Api.WebSocketBehavior<SocketData> => ({
  compression,
  // Beyond this it cuts without a word, so what is a little too large gets here and is told so.
  maxPayloadLength: limits.frameBytes * 4,
  // Never: what waits is bounded by the outbox, and a frame that was dropped would be a gap.
  maxBackpressure: 2 ** 31 - 1,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  upgrade: (response, request, context) => {
    const upgradeRequest = toUpgradeRequest(response, request)
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
    // Whoever heard of it may have closed it at once.
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
  api: Api.UwsModule,
  app: Api.TemplatedApp,
  { host, port }: UwsOptions
): Effect.Effect<unknown, SocketError> =>
  Effect.callback((resume) => {
    app.listen(host, port, api.LIBUS_LISTEN_EXCLUSIVE_PORT, (token) =>
      resume(
        token === false || token === null
          // It does not say why; this is nearly always why.
          ? Effect.fail(new SocketError({ reason: new ListenFailed({ host, port, code: "EADDRINUSE" }) }))
          : Effect.succeed(token)
      ))
  })

const make = Effect.fnUntraced(function*(
  options: UwsOptions,
  load: Effect.Effect<Api.UwsModule, SocketError>
): Effect.fn.Return<Socket["Service"], SocketError, HttpListener | Scope.Scope> {
  const { admission, host, limits, tls } = options
  const api = yield* load
  const server = yield* HttpListener
  const gate = AdmissionGate.makeAdmissionGate(admission, limits)
  const engine = yield* SocketEngine.make({
    limits,
    capabilities: ["ping", "backpressure", "batching"],
    nextId: Uuids.sequentialUuids(randomBytes(9)),
    runAfterTurn: setImmediate
  })
  const app = yield* Effect.acquireRelease(
    Effect.sync(() => tls === undefined ? api.App() : api.SSLApp({ key_file_name: tls.key, cert_file_name: tls.cert })),
    (app) => Effect.sync(() => app.close())
  )
  app.ws(admission.path, makeBehavior(engine, gate, limits, api.DISABLED)).any("/*", bridgeHttp(server))

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
      engine.closeAll(closeCode.restart, "the server stops")
      if (listenToken !== undefined) api.us_listen_socket_close(listenToken)
      listenToken = undefined
    }),
    isRunning: Effect.sync(() => listenToken !== undefined),
    getAddress: Effect.sync(() => boundAddress()?.address),
    getPort: Effect.sync(() => boundAddress()?.port)
  })
})

/** Listens by itself once started; requests go to the HTTP server, which need not listen. Fails when the library is not there. */
export const layer = (
  options: UwsOptions,
  load: Effect.Effect<Api.UwsModule, SocketError> = loadUws
): Layer.Layer<Socket, SocketError, HttpListener> => Layer.effect(Socket, make(options, load))
