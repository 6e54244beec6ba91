/**
 * The default WebSocket engine: `ws` on the process's HTTP listener (SOC3).
 *
 * **When to use**
 *
 * Use it unless there is a reason not to: it has every capability, and the
 * listener also serves HTTP on the same port. `CHOIR_SOCKET=ws` selects it.
 *
 * **Details**
 *
 * Frames are parsed by `ws`, within limits of size, fragments and buffered chunks
 * (SEC12, SEC13). Outgoing frames are encoded once per message by this project and
 * written to the raw socket, in one write per connection and turn (SYN9). Upgrades
 * are admitted before they cost anything (AUT6, SEC6, SEC24).
 *
 * **Gotchas**
 *
 * - `start` makes the HTTP listener listen. Stopping it also ends plain HTTP.
 * - Only text messages are accepted; a binary one closes its connection with 1003.
 * - Compression is off unless `compression` is set (CON9).
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const engine = Layers.SocketWs.layer({
 *   host: "127.0.0.1",
 *   port: 0,
 *   limits: Domain.Limits.defaults,
 *   admission: { path: "/ws", origins: [], nativeClients: true, trustedProxies: [] }
 * }).pipe(Layer.provide(Layers.HttpListener.layer))
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* Services.Socket.Socket
 *   yield* socket.registerMessageHandler("*", (connection, text) =>
 *     connection.deliver({ text: `echo ${text}`, lane: { _tag: "Reply" } }))
 *   const { address, port } = yield* socket.start
 *   return yield* Effect.callback<string>((resume) => {
 *     const client = new WebSocket(`ws://${address}:${port}/ws`)
 *     client.addEventListener("open", () => client.send("hello"))
 *     client.addEventListener("message", ({ data }) => {
 *       client.close()
 *       resume(Effect.succeed(String(data)))
 *     })
 *   })
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, engine))))
 * // => echo hello
 * ```
 */
import { Effect, Layer, type Scope } from "effect"
import type { IncomingMessage, Server } from "node:http"
import type { Duplex } from "node:stream"
import { type RawData, type WebSocket, WebSocketServer } from "ws"
import { pathOf } from "../../../domain/admission/Credentials.ts"
import { parserLimits } from "../../../domain/admission/FrameLimits.ts"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import { deflateOffer } from "../../../domain/delivery/CompressionPolicy.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { subprotocol } from "../../../domain/protocol/Protocol.ts"
import { type ConnectionMetadata, Socket } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import * as AdmissionGate from "../../net/AdmissionGate.ts"
import * as HttpBinding from "../../net/HttpBinding.ts"
import * as HttpListener from "../../net/HttpListener.ts"
import * as Compression from "../core/Compression.ts"
import { closeTimeout } from "../core/EngineContext.ts"
import * as SocketEngine from "../core/SocketEngine.ts"
import { type FrameJoiner, makeFrameJoiner, WsConnection, WsTransport } from "./WsTransport.ts"

/** Options that every engine on a network takes. */
export interface NetworkEngineOptions extends HttpBinding.ListenAddress {
  readonly admission: AdmissionGate.UpgradePolicy
  readonly limits: Limits
  /** Whether upgrades of a path have another handler. Other paths than `admission.path` are answered with 404. */
  readonly isHandledElsewhere?: ((path: string) => boolean) | undefined
  /** Whether permessage-deflate is accepted when a client offers it (CON9). */
  readonly compression?: boolean | undefined
}

/**
 * Limits of the frame parser (SEC12, SEC13, SEC15). The last two and `closeTimeout` are missing from the published
 * types.
 */
export const frameParserOptions = (limits: Pick<Limits, "frameBytes">, compression = false) => ({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: deflateOffer(compression),
  closeTimeout,
  ...parserLimits(limits)
})

/** The dependencies of `acceptUpgrades`. */
export interface UpgradeOptions {
  readonly server: Server
  readonly engine: SocketEngine.SocketEngine
  readonly gate: AdmissionGate.AdmissionGate
  readonly options: NetworkEngineOptions
}

/** Accepts WebSocket upgrades of the listener until the scope closes. */
export const acceptUpgrades = Effect.fnUntraced(function*(
  { gate, engine, options, server }: UpgradeOptions
): Effect.fn.Return<void, never, Scope.Scope> {
  const wss = new WebSocketServer<typeof WsConnection>({
    WebSocket: WsConnection,
    ...frameParserOptions(options.limits, options.compression),
    handleProtocols: () => subprotocol
  })
  const joinPlain = makeFrameJoiner(SendQueue.encodeQueuedFrame)
  const joinDeflated = makeFrameJoiner(Compression.deflateFrame)

  const onUpgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    const path = pathOf(request.url)
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

  yield* HttpListener.acceptUpgrades(
    server,
    (path) => path === options.admission.path || options.isHandledElsewhere?.(path) === true
  )
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

/** Answers a rejected upgrade with this status line, and closes the socket. */
export const rejectUpgrade = (raw: Duplex, status: string): void => {
  raw.on("error", () => raw.destroy())
  raw.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

const make = Effect.fnUntraced(function*(
  options: NetworkEngineOptions
): Effect.fn.Return<Socket["Service"], never, HttpListener.HttpListener | Scope.Scope> {
  const { admission, limits } = options
  const server = yield* HttpListener.HttpListener
  const gate = AdmissionGate.makeAdmissionGate(admission, limits)
  const engine = yield* SocketEngine.make({
    limits,
    capabilities: ["ping", "pause", "backpressure", "batching", "compression"],
    runAfterTurn: setImmediate
  })
  yield* acceptUpgrades({ server, engine, gate, options })
  return yield* makeListenerService(engine, gate, server, options)
})

/**
 * The service over the process's HTTP listener, which stops after `awaitClosed`. Open connections are terminated when
 * the scope closes.
 */
export const makeListenerService = Effect.fnUntraced(function*(
  engine: SocketEngine.SocketEngine,
  gate: AdmissionGate.AdmissionGate,
  server: Server,
  address: HttpBinding.ListenAddress,
  awaitClosed: Effect.Effect<unknown> = Effect.void
): Effect.fn.Return<Socket["Service"], never, Scope.Scope> {
  yield* Effect.addFinalizer(() => Effect.sync(engine.terminateAll))
  const binding = HttpBinding.make(server, address, engine.awaitAllClosed)
  return engine.makeService({
    start: Effect.suspend(() => {
      gate.setOpen(true)
      return binding.start
    }),
    stop: Effect.suspend(() => {
      gate.setOpen(false)
      engine.closeAll()
      return Effect.andThen(awaitClosed, binding.stop)
    }),
    isRunning: Effect.sync(() => gate.isOpen() && server.listening),
    getAddress: Effect.map(HttpBinding.boundAddress(server), (bound) => bound?.address),
    getPort: Effect.map(HttpBinding.boundAddress(server), (bound) => bound?.port)
  })
})

/** The engine, on the HTTP listener that is provided. */
export const layer = (options: NetworkEngineOptions): Layer.Layer<Socket, never, HttpListener.HttpListener> =>
  Layer.effect(Socket, make(options))
