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
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { Limits } from "../../domain/Limits.ts"
import * as Uuids from "../../domain/Uuids.ts"
import type { Frame } from "../../services/Frame.ts"
import { EngineAbsent, Socket, SocketError } from "../../services/Socket.ts"
import { HttpListener } from "../http/Server.ts"
import * as Admission from "./Admission.ts"
import * as Engine from "./Engine.ts"
import { patience } from "./Hub.ts"
import * as Outbox from "./Outbox.ts"
import type { Wire } from "./Wire.ts"
import * as Ws from "./Ws.ts"

const path = "/socket.io/"

/** Socket.IO itself; installed by whoever wants this engine. */
const library = Effect.tryPromise({
  try: () => import("socket.io"),
  catch: () =>
    new SocketError({
      reason: new EngineAbsent({ setting: "CHOIR_SOCKET=socketio", install: "npm install socket.io@4.8.4" })
    })
})

/** Engine.IO's options. Its sockets are made by our `ws`, whose parser has the limits that matter (SEC13). */
const settings = (limits: Limits, allowRequest: Allow) => {
  const parser = {
    ...Ws.parser(limits),
    // In a JSON string a text may be twice as long; how long the text is, is asked when it has been read.
    maxPayload: limits.frameBytes * 2 + 64
  }
  return {
    path,
    serveClient: false,
    destroyUpgrade: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: parser.maxPayload,
    pingInterval: limits.pingInterval,
    pingTimeout: limits.pongTimeout,
    connectTimeout: limits.authTimeout,
    allowRequest,
    wsEngine: class extends WebSocketServer {
      constructor(options: ServerOptions) {
        super({ ...options, ...parser })
      }
    }
  }
}

type Allow = (
  request: IncomingMessage,
  answer: (refusal: string | null | undefined, welcome: boolean) => void
) => void

type Entry = Exclude<ReturnType<Admission.Door["enter"]>, string>

/** Asks the door; a place is given back when the connection ends, or never comes to be. */
const admit = (door: Admission.Door) => {
  const entries = new WeakMap<IncomingMessage, Entry>()
  const allow: Allow = (request, answer) => {
    const entry = door.enter(request)
    if (typeof entry === "string") return answer(entry, false)
    entries.set(request, entry)
    request.socket.once("close", () => entries.delete(request) && entry.leave())
    answer(null, true)
  }
  const claim = (conn: IoSocket["conn"]) => {
    const entry = entries.get(conn.request)
    entries.delete(conn.request)
    conn.once("close", () => entry?.leave())
  }
  return { allow, claim }
}

const packets = new WeakMap<Frame, string>()

/** The frame as a packet of Socket.IO's protocol, made once for all sockets (SYN9). */
const packet = (frame: Frame): string => {
  const made = packets.get(frame) ?? event("message", frame.text)
  packets.set(frame, made)
  return made
}

const event = (name: string, ...words: ReadonlyArray<string | number>): string => `2${JSON.stringify([name, ...words])}`

const connected = (engine: Engine.Engine, socket: IoSocket, address: string) => {
  const { conn } = socket
  let unsent = 0
  let ended: number = closeCode.normal
  const sent = (bytes: number) => {
    unsent -= bytes
    if (unsent === 0) port.drained()
  }
  const wire: Wire = {
    write: (frames) => {
      for (const frame of frames) {
        const bytes = Outbox.wire(frame).length
        unsent += bytes
        conn.write(packet(frame), { compress: false }, () => sent(bytes))
      }
    },
    unsent: () => unsent,
    close: (code, reason) => {
      conn.write(event("close", code, reason))
      // Who polls hears the rest with the next poll, or with the WebSocket that polling gives way to, and hangs up.
      socket.disconnect(conn.transport.name === "websocket")
    },
    cut: () => void conn.close(true)
  }
  const port = engine.accept(wire, Admission.metadata(socket.request, address))
  socket.onAny((name: string, word: unknown) => {
    if (name === "message" && typeof word === "string") port.heard(word)
    else if (name === "close" && typeof word === "number") ended = word
    else port.end(closeCode.unsupportedData, "only texts, as events called message")
  })
  socket.on("error", (fault) => port.failed(fault))
  socket.on("disconnect", (reason) => {
    if (reason === "server namespace disconnect") return
    if (reason === "ping timeout") ended = closeCode.noPong
    else if (reason !== "client namespace disconnect") ended = ended === closeCode.normal ? 1006 : ended
    conn.close()
  })
  conn.on("packet", () => port.alive())
  conn.once("close", () => port.closed(ended))
  // Whoever heard of it may have closed it at once.
  if (conn.readyState === "closed") port.closed(ended)
}

/**
 * Done when all of them have hung up. Each poll may be a TCP connection of its own, so that until then there has to be
 * a listener. Who does not come is cut; this waits a little longer than that takes, and no more.
 */
const hungUp = (there: ReadonlySet<IoSocket["conn"]>): Effect.Effect<unknown> =>
  Effect.callback<void>((resume) => {
    const left = () => there.size === 0 && resume(Effect.void)
    left()
    for (const conn of there) conn.once("close", left)
  }).pipe(Effect.timeoutOption(patience * 3))

const make = Effect.fnUntraced(function*(
  options: Ws.Options
): Effect.fn.Return<Socket["Service"], SocketError, HttpListener | Scope.Scope> {
  const { Server } = yield* library
  const { admission, limits } = options
  const server = yield* HttpListener
  const door = Admission.door(admission, limits)
  const engine = yield* Engine.make({
    limits,
    capabilities: ["backpressure"],
    nextId: Uuids.counter(randomBytes(9)),
    soon: setImmediate
  })
  yield* Ws.upgrades({
    server,
    engine,
    door,
    options: { ...options, leave: (asked) => asked.startsWith(path) || options.leave?.(asked) === true }
  })
  const { allow, claim } = admit(door)
  let io: IoServer | undefined
  const there = new Set<IoSocket["conn"]>()
  yield* Effect.addFinalizer(() => Effect.sync(() => io?.engine.close()))
  const service = yield* Ws.onListener(engine, door, server, options)
  return {
    ...service,
    start: Effect.suspend(() => {
      // Only now: it steps in front of the request handlers that are there, and leaves those alone that come later.
      if (io === undefined) {
        io = new Server(server, settings(limits, allow))
        io.engine.on("connection", claim)
        io.on("connection", (socket) => {
          const { conn } = socket
          if (!door.isOpen()) return void socket.disconnect(true)
          there.add(conn)
          conn.once("close", () => there.delete(conn))
          connected(engine, socket, Admission.clientAddress(socket.request, admission.trustedProxies))
        })
      }
      return service.start
    }),
    stop: Effect.suspend(() => {
      door.setOpen(false)
      engine.closeAll(closeCode.restart, "the server stops")
      return Effect.andThen(hungUp(there), service.stop)
    })
  }
})

/**
 * Socket.IO beside plain WebSockets on the HTTP listener; `start` makes it listen. Requests to its path pass by the
 * handlers that the listener has by then. Fails when Socket.IO is not there.
 */
export const layer = (options: Ws.Options): Layer.Layer<Socket, SocketError, HttpListener> =>
  Layer.effect(Socket, make(options))
