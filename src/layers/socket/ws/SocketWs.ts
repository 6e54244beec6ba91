/**
 * The default WebSocket engine: `ws` on the process's HTTP listener (SOC3).
 *
 * Reads with `ws`; writes its own frames, made once per message, to the raw
 * socket: one write per socket and turn of the event loop, whatever it holds (SYN9).
 */
import { Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, Server } from "node:http"
import type { Duplex } from "node:stream"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { subprotocol } from "../../../domain/protocol/Protocol.ts"
import * as Uuids from "../../../domain/protocol/Uuids.ts"
import { type ConnectionMetadata, Socket } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import * as AdmissionGate from "../../net/AdmissionGate.ts"
import * as HttpBinding from "../../net/HttpBinding.ts"
import { HttpListener } from "../../net/HttpListener.ts"
import * as Compression from "../core/Compression.ts"
import { closeTimeout } from "../core/EngineContext.ts"
import * as SocketEngine from "../core/SocketEngine.ts"
import { type FrameJoiner, makeFrameJoiner, WsConnection, WsTransport } from "./WsTransport.ts"

/** What every engine on a network is told. */
export interface NetworkEngineOptions extends HttpBinding.ListenAddress {
  readonly admission: AdmissionGate.AdmissionPolicy
  readonly limits: Limits
  /** Paths whose upgrades are somebody else's. */
  readonly isHandledElsewhere?: ((path: string) => boolean) | undefined
  /** Whether who offers compression gets it (CON9). */
  readonly compression?: boolean | undefined
}

/** The parser's own limits (SEC12, SEC13, SEC15). The published types lag behind the last three. */
export const frameParserOptions = (limits: Pick<Limits, "frameBytes">, compression = false) => ({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: compression && Compression.deflateOffer,
  maxPayload: limits.frameBytes,
  closeTimeout,
  maxFragments: 64,
  maxBufferedChunks: 1024
})

export interface UpgradeOptions {
  readonly server: Server
  readonly engine: SocketEngine.SocketEngine
  readonly gate: AdmissionGate.AdmissionGate
  readonly options: NetworkEngineOptions
}

/** Takes WebSocket upgrades of the listener until the scope closes. */
export const acceptUpgrades = Effect.fnUntraced(function*(
  { gate, engine, options, server }: UpgradeOptions
): Effect.fn.Return<void, never, Scope.Scope> {
  const wss = new WebSocketServer<typeof WsConnection>({
    WebSocket: WsConnection,
    ...frameParserOptions(options.limits, options.compression),
    handleProtocols: () => subprotocol
  })
  const joinPlain = makeFrameJoiner(SendQueue.encodeFrame)
  const joinDeflated = makeFrameJoiner(Compression.deflateFrame)

  const onUpgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    const path = request.url?.split("?", 1)[0] ?? ""
    if (path !== options.admission.path) {
      return options.isHandledElsewhere?.(path) || rejectUpgrade(raw, "404 Not Found")
    }
    const permit = gate.admit(request)
    if (typeof permit === "string") return rejectUpgrade(raw, permit)
    raw.once("close", permit.release)
    wss.handleUpgrade(request, raw, head, (ws) => {
      const joinFrames = Compression.limitInflation(ws, options.limits.frameBytes) ? joinDeflated : joinPlain
      acceptConnection(engine, ws, raw, AdmissionGate.connectionMetadata(request, permit.address), joinFrames)
    })
  }

  server.on("upgrade", onUpgrade)
  yield* Effect.addFinalizer(() => Effect.sync(() => server.off("upgrade", onUpgrade)))
})

function onMessage(this: WebSocket, data: RawData, isBinary: boolean) {
  const { transportEvents } = this as WsConnection
  if (isBinary) transportEvents?.requestClose(closeCode.unsupportedData, "text frames only")
  else transportEvents?.onMessage(data.toString())
}

function onPing(this: WebSocket) {
  ;(this as WsConnection).transportEvents?.onActivity()
}

function onPong(this: WebSocket) {
  ;(this as WsConnection).transportEvents?.onPong()
}

function onError(this: WebSocket, fault: Error) {
  ;(this as WsConnection).transportEvents?.onError(fault)
}

function onClose(this: WebSocket, code: number) {
  ;(this as WsConnection).transportEvents?.onClosed(code)
}

const acceptConnection = (
  engine: SocketEngine.SocketEngine,
  ws: WsConnection,
  raw: Duplex,
  metadata: ConnectionMetadata,
  joinFrames: FrameJoiner
) => {
  ws.on("error", onError).on("message", onMessage).on("ping", onPing).on("pong", onPong).on("close", onClose)
  ws.transportEvents = engine.accept(new WsTransport(ws, raw, joinFrames), metadata)
}

/** Answers an upgrade that is refused, with this status line. */
export const rejectUpgrade = (raw: Duplex, status: string): void => {
  raw.on("error", () => raw.destroy())
  raw.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

const make = Effect.fnUntraced(function*(
  options: NetworkEngineOptions
): Effect.fn.Return<Socket["Service"], never, HttpListener | Scope.Scope> {
  const { admission, limits } = options
  const server = yield* HttpListener
  const gate = AdmissionGate.makeAdmissionGate(admission, limits)
  const engine = yield* SocketEngine.make({
    limits,
    capabilities: ["ping", "pause", "backpressure", "batching", "compression"],
    nextId: Uuids.sequentialUuids(randomBytes(9)),
    runAfterTurn: setImmediate
  })
  yield* acceptUpgrades({ server, engine, gate, options })
  return yield* makeListenerService(engine, gate, server, options)
})

/** The contract on the process's own listener. Who is still there when the scope closes is cut. */
export const makeListenerService = Effect.fnUntraced(function*(
  engine: SocketEngine.SocketEngine,
  gate: AdmissionGate.AdmissionGate,
  server: Server,
  address: HttpBinding.ListenAddress
): Effect.fn.Return<Socket["Service"], never, Scope.Scope> {
  yield* Effect.addFinalizer(() => Effect.sync(engine.terminateAll))
  return engine.makeService({
    start: Effect.suspend(() => {
      gate.setOpen(true)
      return HttpBinding.listen(server, address)
    }),
    stop: Effect.suspend(() => {
      gate.setOpen(false)
      engine.closeAll(closeCode.restart, "the server stops")
      return HttpBinding.stopListening(server)
    }),
    isRunning: Effect.sync(() => gate.isOpen() && server.listening),
    getAddress: Effect.map(HttpBinding.boundAddress(server), (bound) => bound?.address),
    getPort: Effect.map(HttpBinding.boundAddress(server), (bound) => bound?.port)
  })
})

/** Takes upgrades on the HTTP listener; `start` makes it listen. */
export const layer = (options: NetworkEngineOptions): Layer.Layer<Socket, never, HttpListener> =>
  Layer.effect(Socket, make(options))
