/**
 * The WebSocket engine without a network (SOC3): both ends live in this
 * process, and text frames go from one to the other as they are.
 *
 * For tests, simulations and applications that hold their own server. Slow
 * peers are treated as on the wire (CON8), dead ones found by pings (CON3).
 */
import { Clock, Context, Effect, Layer, Scheduler, type Scope } from "effect"
import { closeCode } from "../../domain/CloseCode.ts"
import * as Frames from "../../domain/Frames.ts"
import { ConnectionId, type Instant } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Connection, ConnectionUnknown, type Metadata, Socket, SocketError } from "../../services/Socket.ts"
import type { Frame } from "../../services/Topics.ts"
import * as Entropy from "../Entropy.ts"
import * as Listeners from "./Listeners.ts"
import * as Outbox from "./Outbox.ts"
import * as Wheel from "./Wheel.ts"

/** The way to a peer, as the engine uses it. Nothing of it may call back into the engine's `Port` at once. */
export interface Wire {
  /** Frames of one turn, in order. */
  readonly write: (texts: ReadonlyArray<string>) => void
  /** Bytes that were written and have not left; the engine's limits count them (CON8). */
  readonly unsent: () => number
  readonly ping: () => void
  /** The close frame; the peer's answer is `closed`. */
  readonly close: (code: number, reason: string) => void
}

/** What the peer does to the engine. */
export interface Port {
  readonly heard: (text: string) => void
  readonly pong: () => void
  /** What was unsent has left. */
  readonly drained: () => void
  /** The peer closed, or was lost (1006). */
  readonly closed: (code: number) => void
}

/** A client's end: as much of a browser's `WebSocket` as clients use. */
export interface Endpoint {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  readonly addEventListener: (
    type: "open" | "message" | "close" | "error",
    listener: (event: unknown) => void
  ) => void
}

/** How connections to the in-memory engine are made. */
export class Memory extends Context.Service<Memory, {
  /** Takes a connection over any wire; undefined while the engine is not running or is full. */
  readonly accept: (wire: Wire, metadata?: Partial<Metadata>) => Port | undefined
  /** A client's end over a perfect wire; it closes with 1006 when the connection is not taken. */
  readonly connect: (metadata?: Partial<Metadata>) => Endpoint
}>()("choir/layers/socket/Memory") {}

/** A peer that was asked to close and does not is given up after this many milliseconds. */
const patience = 1_000

const here = { address: "memory", port: 0 }

interface Peer {
  readonly connection: Connection
  readonly wire: Wire
  readonly box: Outbox.Outbox
  status: "open" | "closing" | "closed"
  dirty: boolean
  heardAt: Instant
  pingedAt: Instant | undefined
  /** The code we closed it with. */
  code: number | undefined
  /** What came while reading was paused; undefined while it is not. */
  held: Array<string> | undefined
  /** Those who wait for a pong; told whether it came. */
  readonly pongs: Set<(came: boolean) => void>
}

const make = Effect.fnUntraced(function*(
  limits: Limits
): Effect.fn.Return<Context.Context<Socket | Memory>, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const turns = (yield* Scheduler.Scheduler).makeDispatcher()
  const soon = (task: () => void) => turns.scheduleTask(task, 0)
  const wheel = yield* Wheel.make(Math.min(1_000, limits.pongTimeout))
  const nextId = Frames.counter((yield* Entropy.Bytes)(9))
  const listeners = Listeners.make()
  const peers = new Map<ConnectionId, Peer>()
  let running = false
  let dirty: Array<Peer> = []

  // -- Out --

  const schedule = (peer: Peer) => {
    peer.dirty = true
    if (dirty.push(peer) === 1) soon(flush)
  }

  const flush = () => {
    const turn = dirty
    dirty = []
    for (const peer of turn) {
      peer.dirty = false
      if (peer.status !== "open") continue
      write(peer)
      relieve(peer)
    }
  }

  const write = (peer: Peer) => {
    const frames = Outbox.takeAll(peer.box)
    if (frames.length > 0) peer.wire.write(frames.map(({ text }) => text))
  }

  const relieve = (peer: Peer) => {
    const folded = Outbox.recover(peer.box, peer.wire.unsent(), limits)
    if (folded === undefined) return
    if (peer.box.frames.length > 0 && !peer.dirty) schedule(peer)
    if (folded.size > 0) listeners.drained(peer.connection, folded)
  }

  const deliver = (peer: Peer, frame: Frame) => {
    if (peer.status !== "open") return
    if (!Outbox.push(peer.box, frame, peer.wire.unsent(), limits)) {
      close(peer, closeCode.slowConsumer, "too slow: come back and catch up")
    } else if (!peer.dirty) schedule(peer)
  }

  const close = (peer: Peer, code: number, reason: string) => {
    if (peer.status !== "open") return
    write(peer)
    peer.status = "closing"
    peer.code = code
    peer.wire.close(code, reason.slice(0, 120))
    wheel.add(now() + patience, () => closed(peer, code))
  }

  const closed = (peer: Peer, code: number): undefined => {
    if (peer.status === "closed") return undefined
    peer.status = "closed"
    peers.delete(peer.connection.id)
    for (const told of peer.pongs) told(false)
    listeners.closed(peer.connection, peer.code ?? code)
    return undefined
  }

  // -- In --

  const alive = (peer: Peer) => {
    peer.heardAt = now()
    peer.pingedAt = undefined
  }

  const heartbeat = (peer: Peer): Wheel.Task => (at) => {
    if (peer.status !== "open") return undefined
    if (peer.pingedAt !== undefined) {
      if (at < peer.pingedAt + limits.pongTimeout) return peer.pingedAt + limits.pongTimeout
      return void close(peer, closeCode.noPong, "no answer to a ping")
    }
    if (at < peer.heardAt + limits.pingInterval) return peer.heardAt + limits.pingInterval
    peer.pingedAt = at
    peer.wire.ping()
    return at + limits.pongTimeout
  }

  const heard = (peer: Peer, text: string) => {
    alive(peer)
    if (peer.status !== "open") return
    if (Buffer.byteLength(text) > limits.frameBytes) close(peer, closeCode.tooLarge, "the message is too large")
    else if (peer.held !== undefined) peer.held.push(text)
    else listeners.heard(peer.connection, text)
  }

  const unpause = (peer: Peer) => {
    const { held } = peer
    peer.held = undefined
    for (const text of held ?? []) heard(peer, text)
  }

  const connection = (wire: Wire, metadata: Partial<Metadata>): Peer => {
    const id = ConnectionId.make(nextId())
    const connectedAt = now()
    const connection: Connection = {
      id,
      metadata: { address: here.address, origin: "", userAgent: "", ...metadata },
      connectedAt,
      lastActivity: () => peer.heardAt,
      deliver: (frame) => deliver(peer, frame),
      unfold: (topic) => Outbox.unfold(peer.box, topic),
      send: (text) => Effect.sync(() => deliver(peer, { text, lane: { _tag: "Reply" } })),
      close: (code, reason) => Effect.sync(() => close(peer, code, reason)),
      ping: Effect.callback<number, SocketError>((resume) => {
        if (peer.status !== "open") return resume(unknown(id))
        const sent = now()
        const told = (came: boolean) => resume(came ? Effect.succeed(now() - sent) : unknown(id))
        peer.pongs.add(told)
        wire.ping()
        return Effect.sync(() => peer.pongs.delete(told))
      }),
      bufferedAmount: () => peer.box.bytes + wire.unsent(),
      pause: Effect.sync(() => void (peer.held ??= [])),
      resume: Effect.sync(() => unpause(peer))
    }
    const peer: Peer = {
      connection,
      wire,
      box: Outbox.make(),
      status: "open",
      dirty: false,
      heardAt: connectedAt,
      pingedAt: undefined,
      code: undefined,
      held: undefined,
      pongs: new Set()
    }
    return peer
  }

  const accept: Memory["Service"]["accept"] = (wire, metadata = {}) => {
    if (!running || peers.size >= limits.connections) return undefined
    const peer = connection(wire, metadata)
    peers.set(peer.connection.id, peer)
    wheel.add(now() + limits.pingInterval, heartbeat(peer))
    listeners.opened(peer.connection)
    return {
      heard: (text) => heard(peer, text),
      pong: () => {
        alive(peer)
        for (const told of peer.pongs) told(true)
        peer.pongs.clear()
      },
      drained: () => peer.status === "open" && relieve(peer),
      closed: (code) => closed(peer, code)
    }
  }

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      for (const peer of peers.values()) {
        peer.wire.close(1006, "")
        closed(peer, 1006)
      }
    })
  )

  const find = (id: ConnectionId) => {
    const peer = peers.get(id)
    return peer === undefined ? unknown(id) : Effect.succeed(peer.connection)
  }

  const socket = Socket.of({
    ...listeners,
    capabilities: new Set(["ping", "pause", "coalescing"]),
    start: Effect.sync(() => {
      running = true
      return here
    }),
    stop: Effect.sync(() => {
      running = false
      for (const peer of peers.values()) close(peer, closeCode.restart, "the server stops")
    }),
    isRunning: Effect.sync(() => running),
    getAddress: Effect.sync(() => running ? here.address : undefined),
    getPort: Effect.sync(() => running ? here.port : undefined),
    getConnection: find,
    getAllConnections: Effect.sync(() => Array.from(peers.values(), (peer) => peer.connection)),
    getConnectionCount: Effect.sync(() => peers.size),
    closeConnection: (id, code, reason) => Effect.flatMap(find(id), (connection) => connection.close(code, reason)),
    send: (id, text) => Effect.flatMap(find(id), (connection) => connection.send(text)),
    broadcast: (text, filter = () => true) =>
      Effect.sync(() => {
        const chosen = [...peers.values()].filter((peer) => filter(peer.connection))
        for (const peer of chosen) deliver(peer, { text, lane: { _tag: "Reply" } })
        return chosen.length
      })
  })
  return Context.make(Socket, socket).pipe(
    Context.add(Memory, { accept, connect: (metadata) => join(accept, soon, metadata) })
  )
})

const unknown = (connection: ConnectionId): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new ConnectionUnknown({ connection }) }))

/** Joins a client's end to the engine: whatever one side does, the other hears of it in a later turn. */
const join = (
  accept: Memory["Service"]["accept"],
  soon: (task: () => void) => void,
  metadata: Partial<Metadata> | undefined
): Endpoint => {
  const listeners = { open: new Set<Listener>(), message: new Set<Listener>(), close: new Set<Listener>() }
  let open = true
  const emit = (type: keyof typeof listeners, event: unknown) =>
    soon(() => listeners[type].forEach((listener) => listener(event)))
  const end = (code: number) => {
    if (!open) return
    open = false
    emit("close", { code })
    soon(() => port?.closed(code))
  }
  const port = accept({
    write: (texts) => {
      for (const data of texts) if (open) emit("message", { data })
    },
    unsent: () => 0,
    ping: () => soon(() => open && port?.pong()),
    close: end
  }, metadata)
  if (port === undefined) end(1006)
  else emit("open", {})
  return {
    send: (text) => soon(() => port?.heard(text)),
    close: end,
    addEventListener: (type, listener) => {
      if (type !== "error") listeners[type].add(listener)
    }
  }
}

type Listener = (event: unknown) => void

/** An engine for connections of this process; `Memory` makes them. */
export const layer = (limits: Limits): Layer.Layer<Socket | Memory> => Layer.effectContext(make(limits))
