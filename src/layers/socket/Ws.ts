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
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { Limits } from "../../domain/Limits.ts"
import { subprotocol } from "../../domain/Protocol.ts"
import * as Uuids from "../../domain/Uuids.ts"
import { type Metadata, Socket } from "../../services/Socket.ts"
import { HttpListener } from "../http/Server.ts"
import * as Admission from "./Admission.ts"
import * as Compression from "./Compression.ts"
import * as Engine from "./Engine.ts"
import { patience } from "./Hub.ts"
import * as Listen from "./Listen.ts"
import * as Outbox from "./Outbox.ts"
import { type Join, joiner, PeerSocket, WsWire } from "./WsWire.ts"

/** What every engine on a network is told. */
export interface Options extends Listen.Place {
  readonly admission: Admission.Policy
  readonly limits: Limits
  /** Paths whose upgrades are somebody else's. */
  readonly leave?: ((path: string) => boolean) | undefined
  /** Whether who offers compression gets it (CON9). */
  readonly compression?: boolean | undefined
}

/** The parser's own limits (SEC12, SEC13, SEC15). The published types lag behind the last three. */
export const parser = (limits: Pick<Limits, "frameBytes">, compression = false) => ({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: compression && Compression.agreement,
  maxPayload: limits.frameBytes,
  closeTimeout: patience,
  maxFragments: 64,
  maxBufferedChunks: 1024
})

export interface Upgrades {
  readonly server: Server
  readonly engine: Engine.Engine
  readonly door: Admission.Door
  readonly options: Options
}

/** Takes WebSocket upgrades of the listener until the scope closes. */
export const upgrades = Effect.fnUntraced(function*(
  { door, engine, options, server }: Upgrades
): Effect.fn.Return<void, never, Scope.Scope> {
  const wss = new WebSocketServer<typeof PeerSocket>({
    WebSocket: PeerSocket,
    ...parser(options.limits, options.compression),
    handleProtocols: () => subprotocol
  })
  const plain = joiner(Outbox.wire)
  const packed = joiner(Compression.packed)

  const upgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    const path = request.url?.split("?", 1)[0] ?? ""
    if (path !== options.admission.path) return options.leave?.(path) || turnAway(raw, "404 Not Found")
    const entry = door.enter(request)
    if (typeof entry === "string") return turnAway(raw, entry)
    raw.once("close", entry.leave)
    wss.handleUpgrade(request, raw, head, (ws) => {
      const join = Compression.bound(ws, options.limits.frameBytes) ? packed : plain
      connected(engine, ws, raw, Admission.metadata(request, entry.address), join)
    })
  }

  server.on("upgrade", upgrade)
  yield* Effect.addFinalizer(() => Effect.sync(() => server.off("upgrade", upgrade)))
})

function onMessage(this: WebSocket, data: RawData, isBinary: boolean) {
  const { port } = this as PeerSocket
  if (isBinary) port?.end(closeCode.unsupportedData, "text frames only")
  else port?.heard(data.toString())
}

function onPing(this: WebSocket) {
  ;(this as PeerSocket).port?.alive()
}

function onPong(this: WebSocket) {
  ;(this as PeerSocket).port?.pong()
}

function onError(this: WebSocket, fault: Error) {
  ;(this as PeerSocket).port?.failed(fault)
}

function onClose(this: WebSocket, code: number) {
  ;(this as PeerSocket).port?.closed(code)
}

const connected = (
  engine: Engine.Engine,
  ws: PeerSocket,
  raw: Duplex,
  metadata: Metadata,
  join: Join
) => {
  ws.on("error", onError).on("message", onMessage).on("ping", onPing).on("pong", onPong).on("close", onClose)
  ws.port = engine.accept(new WsWire(ws, raw, join), metadata)
}

/** Answers an upgrade that is refused, with this status line. */
export const turnAway = (raw: Duplex, status: string): void => {
  raw.on("error", () => raw.destroy())
  raw.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Socket["Service"], never, HttpListener | Scope.Scope> {
  const { admission, limits } = options
  const server = yield* HttpListener
  const door = Admission.door(admission, limits)
  const engine = yield* Engine.make({
    limits,
    capabilities: ["ping", "pause", "backpressure", "coalescing", "compression"],
    nextId: Uuids.counter(randomBytes(9)),
    soon: setImmediate
  })
  yield* upgrades({ server, engine, door, options })
  return yield* onListener(engine, door, server, options)
})

/** The contract on the process's own listener. Who is still there when the scope closes is cut. */
export const onListener = Effect.fnUntraced(function*(
  engine: Engine.Engine,
  door: Admission.Door,
  server: Server,
  place: Listen.Place
): Effect.fn.Return<Socket["Service"], never, Scope.Scope> {
  yield* Effect.addFinalizer(() => Effect.sync(engine.cutAll))
  return engine.service({
    start: Effect.suspend(() => {
      door.setOpen(true)
      return Listen.listen(server, place)
    }),
    stop: Effect.suspend(() => {
      door.setOpen(false)
      engine.closeAll(closeCode.restart, "the server stops")
      return Listen.stop(server)
    }),
    isRunning: Effect.sync(() => door.isOpen() && server.listening),
    getAddress: Effect.map(Listen.bound(server), (bound) => bound?.address),
    getPort: Effect.map(Listen.bound(server), (bound) => bound?.port)
  })
})

/** Takes upgrades on the HTTP listener; `start` makes it listen. */
export const layer = (options: Options): Layer.Layer<Socket, never, HttpListener> => Layer.effect(Socket, make(options))
