/**
 * The Socket.IO engine (SOC3): clients of `socket.io-client` send and hear the
 * same texts, each as one event `message`. Plain WebSockets are taken beside
 * them, so that the page and the command line work with this engine too.
 *
 * A close reaches a Socket.IO client as an event `close` with code and reason
 * before its `disconnect`, and may be said the same way. Heartbeats are
 * Engine.IO's own, with a timer per connection.
 */
import { Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import type { IncomingMessage } from "node:http"
import type { Server as IoServer, Socket as IoSocket } from "socket.io"
import { type ServerOptions, WebSocketServer } from "ws"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import * as Uuids from "../../../domain/protocol/Uuids.ts"
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

/** Socket.IO itself; installed by whoever wants this engine. */
const loadSocketIo = Effect.tryPromise({
  try: () => import("socket.io"),
  catch: () =>
    new SocketError({
      reason: new EngineNotInstalled({ setting: "CHOIR_SOCKET=socketio", install: "npm install socket.io@4.8.4" })
    })
})

/** Engine.IO's options. Its sockets are made by our `ws`, whose parser has the limits that matter (SEC13). */
const serverOptions = (limits: Limits, allowRequest: AllowRequest) => {
  const frameParser = {
    ...SocketWs.frameParserOptions(limits),
    // In a JSON string a text may be twice as long; how long the text is, is asked when it has been read.
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

type Permit = Exclude<ReturnType<AdmissionGate.AdmissionGate["admit"]>, string>

/** Asks the door; a place is given back when the connection ends, or never comes to be. */
const makeAdmission = (gate: AdmissionGate.AdmissionGate) => {
  const permits = new WeakMap<IncomingMessage, Permit>()
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

/** The frame as a packet of Socket.IO's protocol, made once for all sockets (SYN9). */
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
        const bytes = SendQueue.encodeFrame(frame).length
        unsentBytes += bytes
        conn.write(encodePacket(frame), { compress: false }, () => onWritten(bytes))
      }
    },
    unsentBytes: () => unsentBytes,
    close: (code, reason) => {
      conn.write(encodeEvent("close", code, reason))
      // Who polls hears the rest with the next poll, or with the WebSocket that polling gives way to, and hangs up.
      socket.disconnect(conn.transport.name === "websocket")
    },
    terminate: () => void conn.close(true)
  }
  const events = engine.accept(transport, AdmissionGate.connectionMetadata(socket.request, address))
  socket.onAny((name: string, payload: unknown) => {
    if (name === "message" && typeof payload === "string") events.onMessage(payload)
    else if (name === "close" && typeof payload === "number") closeStatus = payload
    else events.requestClose(closeCode.unsupportedData, "only texts, as events called message")
  })
  socket.on("error", (fault) => events.onError(fault))
  socket.on("disconnect", (reason) => {
    if (reason === "server namespace disconnect") return
    if (reason === "ping timeout") closeStatus = closeCode.noPong
    else if (reason !== "client namespace disconnect") {
      closeStatus = closeStatus === closeCode.normal
        ? 1006
        : closeStatus
    }
    conn.close()
  })
  conn.on("packet", () => events.onActivity())
  conn.once("close", () => events.onClosed(closeStatus))
  // Whoever heard of it may have closed it at once.
  if (conn.readyState === "closed") events.onClosed(closeStatus)
}

/**
 * Done when all of them have hung up. Each poll may be a TCP connection of its own, so that until then there has to be
 * a listener. Who does not come is cut; this waits a little longer than that takes, and no more.
 */
const awaitDisconnects = (openConnections: ReadonlySet<IoSocket["conn"]>): Effect.Effect<unknown> =>
  Effect.callback<void>((resume) => {
    const checkEmpty = () => openConnections.size === 0 && resume(Effect.void)
    checkEmpty()
    for (const conn of openConnections) conn.once("close", checkEmpty)
  }).pipe(Effect.timeoutOption(closeTimeout * 3))

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
    nextId: Uuids.sequentialUuids(randomBytes(9)),
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
  const openConnections = new Set<IoSocket["conn"]>()
  yield* Effect.addFinalizer(() => Effect.sync(() => io?.engine.close()))
  const service = yield* SocketWs.makeListenerService(engine, gate, server, options)
  return {
    ...service,
    start: Effect.suspend(() => {
      // Only now: it steps in front of the request handlers that are there, and leaves those alone that come later.
      if (io === undefined) {
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
    }),
    stop: Effect.suspend(() => {
      gate.setOpen(false)
      engine.closeAll(closeCode.restart, "the server stops")
      return Effect.andThen(awaitDisconnects(openConnections), service.stop)
    })
  }
})

/**
 * Socket.IO beside plain WebSockets on the HTTP listener; `start` makes it listen. Requests to its path pass by the
 * handlers that the listener has by then. Fails when Socket.IO is not there.
 */
export const layer = (options: SocketWs.NetworkEngineOptions): Layer.Layer<Socket, SocketError, HttpListener> =>
  Layer.effect(Socket, make(options))
