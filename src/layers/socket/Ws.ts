/**
 * The default WebSocket engine: `ws` on the process's HTTP listener (SOC3).
 *
 * Reads with `ws`; writes its own frames, made once per message, to the raw
 * socket: one write per socket and turn of the event loop, whatever it holds
 * (SYN9). No fiber, queue or timer belongs to a connection.
 */
import { Clock, Effect, Layer, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import type { IncomingMessage, Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { Duplex } from "node:stream"
import { type WebSocket, WebSocketServer } from "ws"
import { closeCode } from "../../domain/CloseCode.ts"
import * as Frames from "../../domain/Frames.ts"
import { ConnectionId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { subprotocol } from "../../domain/Protocol.ts"
import { ConnectionUnknown, ListenFailed, Socket, SocketError } from "../../services/Socket.ts"
import type { Frame } from "../../services/Topics.ts"
import { HttpListener } from "../http/Server.ts"
import * as Admission from "./Admission.ts"
import * as Listeners from "./Listeners.ts"
import * as Outbox from "./Outbox.ts"
import * as Wheel from "./Wheel.ts"
import * as WsConnection from "./WsConnection.ts"

export interface Options {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  readonly admission: Admission.Policy
  readonly limits: Limits
}

/** A peer that was asked to close and does not is cut after this many milliseconds. */
const patience = 1_000

/** The parser's own limits (SEC12, SEC13, SEC15). The published types lag behind the last two. */
const parser = (limits: Limits) => ({
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: limits.frameBytes,
  closeTimeout: patience,
  maxFragments: 64,
  maxBufferedChunks: 1024,
  handleProtocols: () => subprotocol
})

const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Socket["Service"], never, HttpListener | Scope.Scope> {
  const { admission, limits } = options
  const server = yield* HttpListener
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const wheel = yield* Wheel.make(Math.min(1_000, limits.pongTimeout))
  const listeners = Listeners.make()
  const peers = new Map<ConnectionId, WsConnection.Peer>()
  const perAddress = new Map<string, number>()
  const nextId = Frames.counter(randomBytes(9))
  const wss = new WebSocketServer(parser(limits))
  let taking = false

  // -- Out: one write per socket and turn --

  let dirty: Array<WsConnection.Peer> = []

  const schedule = (peer: WsConnection.Peer) => {
    peer.dirty = true
    if (dirty.push(peer) === 1) setImmediate(flush)
  }

  const flush = () => {
    const turn = dirty
    dirty = []
    let shared: { readonly frames: ReadonlyArray<Frame>; readonly bytes: Uint8Array } | undefined
    for (const peer of turn) {
      peer.dirty = false
      const frames = Outbox.takeAll(peer.box)
      if (frames.length === 0 || peer.ws.readyState !== peer.ws.OPEN) continue
      if (shared === undefined || !Outbox.same(shared.frames, frames)) {
        shared = {
          frames,
          bytes: frames.length === 1 ? Outbox.wire(frames[0]!) : Buffer.concat(frames.map(Outbox.wire))
        }
      }
      peer.raw.write(shared.bytes)
      if (peer.box.latest.size + peer.box.folded.size > 0) relieve(peer)
    }
  }

  /** A socket that has room again hears the latest; its listeners hear what it missed. */
  const relieve = (peer: WsConnection.Peer) => {
    const folded = Outbox.recover(peer.box, peer.raw.writableLength, limits)
    if (folded === undefined) return
    if (peer.box.frames.length > 0 && !peer.dirty) schedule(peer)
    listeners.drained(peer.connection, folded)
  }

  const close = (peer: WsConnection.Peer, code: number, reason: string) => {
    if (peer.ws.readyState !== peer.ws.OPEN) return
    const frames = Outbox.takeAll(peer.box)
    if (frames.length > 0) peer.raw.write(Buffer.concat(frames.map(Outbox.wire)))
    peer.code = code
    peer.ws.close(code, reason.slice(0, 120))
  }

  const engine: WsConnection.Engine = {
    now,
    limits,
    schedule,
    close,
    overflow: (peer) => close(peer, closeCode.slowConsumer, "too slow: come back and catch up")
  }

  // -- In --

  const heartbeat = (peer: WsConnection.Peer): Wheel.Task => (at) => {
    if (peer.ws.readyState !== peer.ws.OPEN) return undefined
    if (peer.pingedAt !== undefined) {
      if (at < peer.pingedAt + limits.pongTimeout) return peer.pingedAt + limits.pongTimeout
      return void close(peer, closeCode.noPong, "no answer to a ping")
    }
    if (at < peer.heardAt + limits.pingInterval) return peer.heardAt + limits.pingInterval
    peer.pingedAt = at
    peer.ws.ping()
    return at + limits.pongTimeout
  }

  /** Anything that comes in counts as life (CON3). */
  const alive = (peer: WsConnection.Peer) => {
    peer.heardAt = now()
    peer.pingedAt = undefined
  }

  const connected = (ws: WebSocket, raw: Duplex, request: IncomingMessage, address: string) => {
    const peer = WsConnection.make(engine, {
      id: ConnectionId.make(nextId()),
      ws,
      raw,
      metadata: {
        address,
        origin: request.headers.origin ?? "",
        userAgent: request.headers["user-agent"] ?? ""
      }
    })
    const { connection } = peer
    peers.set(connection.id, peer)
    ws.on("error", (fault) => listeners.failed(connection, fault))
    ws.on("message", (data, isBinary) => {
      alive(peer)
      if (isBinary) close(peer, closeCode.unsupportedData, "text frames only")
      else if (ws.readyState === ws.OPEN) listeners.heard(connection, data.toString())
    })
    ws.on("ping", () => alive(peer))
    ws.on("pong", () => {
      alive(peer)
      for (const heard of peer.pongs.splice(0)) heard()
    })
    raw.on("drain", () => relieve(peer))
    ws.on("close", (code) => {
      peers.delete(connection.id)
      leave(Admission.countedAs(address))
      listeners.closed(connection, peer.code ?? code)
    })
    wheel.add(now() + limits.pingInterval, heartbeat(peer))
    listeners.opened(connection)
  }

  const leave = (address: string) => {
    const left = (perAddress.get(address) ?? 1) - 1
    if (left > 0) perAddress.set(address, left)
    else perAddress.delete(address)
  }

  const upgrade = (request: IncomingMessage, raw: Duplex, head: Buffer) => {
    const address = Admission.clientAddress(request, admission.trustedProxies)
    const counted = Admission.countedAs(address)
    const present = perAddress.get(counted) ?? 0
    const refused = Admission.refusal(admission, request) ??
      (!taking ? "503 Service Unavailable" : undefined) ??
      (peers.size >= limits.connections || present >= limits.connectionsPerAddress
        ? "429 Too Many Requests"
        : undefined)
    if (refused !== undefined) return turnAway(raw, refused)
    perAddress.set(counted, present + 1)
    let upgraded = false
    raw.once("close", () => upgraded || leave(counted))
    wss.handleUpgrade(request, raw, head, (ws) => {
      upgraded = true
      connected(ws, raw, request, address)
    })
  }

  server.on("upgrade", upgrade)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.off("upgrade", upgrade)
      for (const peer of peers.values()) peer.ws.terminate()
    })
  )

  const find = (id: ConnectionId) => {
    const peer = peers.get(id)
    return peer === undefined
      ? Effect.fail(new SocketError({ reason: new ConnectionUnknown({ connection: id }) }))
      : Effect.succeed(peer.connection)
  }
  const address = Effect.sync(() => server.listening ? server.address() as AddressInfo : undefined)

  return Socket.of({
    ...listeners,
    capabilities: new Set(["ping", "pause", "coalescing"]),
    start: Effect.suspend(() => {
      taking = true
      return server.listening ? Effect.void : listen(server, options)
    }).pipe(
      Effect.andThen(address),
      Effect.map((bound) => ({ address: bound?.address ?? options.host, port: bound?.port ?? options.port }))
    ),
    stop: Effect.suspend(() => {
      taking = false
      for (const peer of peers.values()) close(peer, closeCode.restart, "the server stops")
      return Effect.callback<void>((resume) => {
        if (!server.listening) return resume(Effect.void)
        server.close(() => resume(Effect.void))
        server.closeIdleConnections()
      })
    }),
    isRunning: Effect.sync(() => taking && server.listening),
    getAddress: Effect.map(address, (bound) => bound?.address),
    getPort: Effect.map(address, (bound) => bound?.port),
    getConnection: find,
    getAllConnections: Effect.sync(() => [...peers.values()].map((peer) => peer.connection)),
    getConnectionCount: Effect.sync(() => peers.size),
    closeConnection: (id, code, reason) => Effect.flatMap(find(id), (connection) => connection.close(code, reason)),
    send: (id, text) => Effect.flatMap(find(id), (connection) => connection.send(text)),
    broadcast: (text, filter = () => true) =>
      Effect.sync(() => {
        const frame: Frame = { text, lane: { _tag: "Reply" } }
        const chosen = [...peers.values()].filter((peer) => filter(peer.connection))
        for (const peer of chosen) peer.connection.deliver(frame)
        return chosen.length
      })
  })
})

const turnAway = (raw: Duplex, status: string): void => {
  raw.on("error", () => raw.destroy())
  raw.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

const listen = (server: Server, { host, port }: Options): Effect.Effect<void, SocketError> =>
  Effect.callback((resume) => {
    const failed = (fault: NodeJS.ErrnoException) =>
      resume(Effect.fail(
        new SocketError({ reason: new ListenFailed({ host, port, code: fault.code ?? fault.message }) })
      ))
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

/** Takes upgrades on the HTTP listener; `start` makes it listen. */
export const layer = (options: Options): Layer.Layer<Socket, never, HttpListener> => Layer.effect(Socket, make(options))
