/**
 * The Socket.IO engine (SOC3).
 *
 * **When to use**
 *
 * Use it if clients speak Socket.IO, or need its fallback to long polling.
 * `CHOIR_SOCKET=socketio` selects it. The package `socket.io` is an optional peer
 * dependency.
 *
 * **Details**
 *
 * Each text is one event `message`. Plain WebSockets are accepted beside Socket.IO,
 * so that the page and the command line work with this engine too. A close reaches a
 * Socket.IO client as an event `close` with code and reason, before `disconnect`; a
 * client closes with a code in the same way.
 *
 * **Gotchas**
 *
 * - Only `backpressure` is declared. Heartbeats are Engine.IO's own, with a timer per
 *   connection.
 * - If the package is not installed, the layer fails with `EngineNotInstalled`.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const engine = Layers.SocketIo.layer({
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
 * // => [ "backpressure" ], or EngineNotInstalled without the package
 * ```
 */
import { Effect, Layer, type Scope } from "effect"
import type { IncomingMessage, Server as HttpServer } from "node:http"
import type { Server as IoServer, Socket as IoSocket } from "socket.io"
import { type ServerOptions, WebSocketServer } from "ws"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import { EngineNotInstalled, Socket, SocketError } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import * as AdmissionGate from "../../net/AdmissionGate.ts"
import { HttpListener } from "../../net/HttpListener.ts"
import { closeTimeout } from "../core/EngineContext.ts"
import * as SocketEngine from "../core/SocketEngine.ts"
import type { Transport } from "../core/Transport.ts"
import * as SocketWs from "../ws/SocketWs.ts"

const socketIoPath = "/socket.io/"

/** Loads the optional package. */
const loadSocketIo = Effect.tryPromise({
  try: () => import("socket.io"),
  catch: () =>
    new SocketError({
      reason: new EngineNotInstalled({ layer: "Layers.SocketIo", install: "npm install socket.io@4" })
    })
})

/** Engine.IO's options. Its WebSockets are made by this project's `ws`, whose parser has the limits of SEC13. */
const serverOptions = (limits: Limits, allowRequest: AllowRequest) => {
  const frameParser = {
    ...SocketWs.frameParserOptions(limits),
    // Escaping may double the length of a text; the text itself is checked after decoding.
    maxPayload: limits.frameBytes * 2 + 64
  }
  return {
    path: socketIoPath,
    serveClient: false,
    destroyUpgrade: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: frameParser.maxPayload,
    pingInterval: limits.pingInterval,
    pingTimeout: limits.pongTimeout,
    connectTimeout: limits.authTimeout,
    allowRequest,
    wsEngine: class extends WebSocketServer {
      constructor(options: ServerOptions) {
        super({ ...options, ...frameParser })
      }
    }
  }
}

type AllowRequest = (
  request: IncomingMessage,
  respond: (error: string | null | undefined, accepted: boolean) => void
) => void

/** Admits requests; a permit is released when its connection ends or is never established. */
const makeAdmission = (gate: AdmissionGate.AdmissionGate) => {
  const permits = new WeakMap<IncomingMessage, AdmissionGate.Permit>()
  const allowRequest: AllowRequest = (request, respond) => {
    const permit = gate.admit(request)
    if (typeof permit === "string") return respond(permit, false)
    permits.set(request, permit)
    request.socket.once("close", () => permits.delete(request) && permit.release())
    respond(null, true)
  }
  const claimPermit = (conn: IoSocket["conn"]) => {
    const entry = permits.get(conn.request)
    permits.delete(conn.request)
    conn.once("close", () => entry?.release())
  }
  return { allow: allowRequest, claim: claimPermit }
}

const packetCache = new WeakMap<OutboundFrame, string>()

/** A frame as a packet of Socket.IO's protocol, encoded once for all connections (SYN9). */
const encodePacket = (frame: OutboundFrame): string => {
  const encoded = packetCache.get(frame) ?? encodeEvent("message", frame.text)
  packetCache.set(frame, encoded)
  return encoded
}

const encodeEvent = (name: string, ...args: ReadonlyArray<string | number>): string =>
  `2${JSON.stringify([name, ...args])}`

const acceptConnection = (engine: SocketEngine.SocketEngine, socket: IoSocket, address: string) => {
  const { conn } = socket
  let unsentBytes = 0
  let closeStatus: number = closeCode.normal
  const onWritten = (bytes: number) => {
    unsentBytes -= bytes
    if (unsentBytes === 0) events.onDrained()
  }
  const transport: Transport = {
    write: (frames) => {
      for (const frame of frames) {
        const bytes = SendQueue.encodeQueuedFrame(frame).length
        unsentBytes += bytes
        conn.write(encodePacket(frame), { compress: false }, () => onWritten(bytes))
      }
    },
    unsentBytes: () => unsentBytes,
    close: (code, reason) => {
      conn.write(encodeEvent("close", code, reason))
      // A polling client receives the rest with its next poll, or over the WebSocket it upgrades to, and disconnects.
      socket.disconnect(conn.transport.name === "websocket")
    },
    terminate: () => void conn.close(true)
  }
  const events = engine.accept(transport, AdmissionGate.connectionMetadata(socket.request, address))
  socket.onAny((name: string, payload: unknown) => {
    if (name === "message" && typeof payload === "string") events.onMessage(payload)
    else if (name === "close" && typeof payload === "number") closeStatus = payload
    else events.requestClose(closeCode.unsupportedData, "send texts as events named message")
  })
  socket.on("error", (fault) => events.onError(fault))
  socket.on("disconnect", (reason) => {
    if (reason === "server namespace disconnect") return
    if (reason === "ping timeout") closeStatus = closeCode.noPong
    else if (reason !== "client namespace disconnect" && closeStatus === closeCode.normal) closeStatus = 1006
    conn.close()
  })
  conn.on("packet", () => events.onActivity())
  conn.once("close", () => events.onClosed(closeStatus))
  // A listener may have closed it already.
  if (conn.readyState === "closed") events.onClosed(closeStatus)
}

/**
 * Waits until all connections have ended. A poll may be a TCP connection of its own, so the listener is needed until
 * then. Silent peers are terminated after `closeTimeout`; this waits a little longer than that at most.
 */
const awaitDisconnects = (openConnections: ReadonlySet<IoSocket["conn"]>): Effect.Effect<unknown> =>
  Effect.callback<void>((resume) => {
    const checkEmpty = () => openConnections.size === 0 && resume(Effect.void)
    checkEmpty()
    for (const conn of openConnections) conn.once("close", checkEmpty)
  }).pipe(Effect.timeoutOption(closeTimeout * 3))

/** Notes the listeners of requests and upgrades; the result removes later ones, and adds again those that were replaced. */
const rememberListeners = (server: HttpServer): () => void => {
  const before = (["request", "upgrade"] as const).map((event) => [event, server.listeners(event)] as const)
  return () => {
    for (const [event, listeners] of before) {
      const now = server.listeners(event)
      for (const listener of now) if (!listeners.includes(listener)) server.off(event, listener as () => void)
      for (const listener of listeners) if (!now.includes(listener)) server.on(event, listener as () => void)
    }
  }
}

const make = Effect.fnUntraced(function*(
  options: SocketWs.NetworkEngineOptions
): Effect.fn.Return<Socket["Service"], SocketError, HttpListener | Scope.Scope> {
  const { Server } = yield* loadSocketIo
  const { admission, limits } = options
  const server = yield* HttpListener
  const gate = AdmissionGate.makeAdmissionGate(admission, limits)
  const engine = yield* SocketEngine.make({
    limits,
    capabilities: ["backpressure"],
    runAfterTurn: setImmediate
  })
  yield* SocketWs.acceptUpgrades({
    server,
    engine,
    gate,
    options: {
      ...options,
      isHandledElsewhere: (path) => path.startsWith(socketIoPath) || options.isHandledElsewhere?.(path) === true
    }
  })
  const { allow, claim } = makeAdmission(gate)
  let io: IoServer | undefined
  let detach = () => {}
  const openConnections = new Set<IoSocket["conn"]>()
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      io?.engine.close()
      detach()
    })
  )
  const service = yield* SocketWs.makeListenerService(engine, gate, server, options, awaitDisconnects(openConnections))
  return {
    ...service,
    start: Effect.suspend(() => {
      // Not before: Socket.IO intercepts the request handlers that exist when it is attached, and only those.
      if (io === undefined) {
        detach = rememberListeners(server)
        io = new Server(server, serverOptions(limits, allow))
        io.engine.on("connection", claim)
        io.on("connection", (socket) => {
          const { conn } = socket
          if (!gate.isOpen()) return void socket.disconnect(true)
          openConnections.add(conn)
          conn.once("close", () => openConnections.delete(conn))
          acceptConnection(engine, socket, AdmissionGate.clientAddress(socket.request, admission.trustedProxies))
        })
      }
      return service.start
    })
  }
})

/** The engine, on the HTTP listener that is provided. Fails with `EngineNotInstalled` without the package. */
export const layer = (options: SocketWs.NetworkEngineOptions): Layer.Layer<Socket, SocketError, HttpListener> =>
  Layer.effect(Socket, make(options))
