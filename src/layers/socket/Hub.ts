/**
 * The connections of an engine and what becomes of them: their outboxes, their
 * heartbeats, and the one end of each. Plain fields of a `Peer`, changed in the
 * callbacks of its wire and in one flush per turn of the event loop (SYN9): no
 * fiber, queue or timer belongs to a connection.
 */
import { Effect } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import type { ConnectionId, Instant } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { encode } from "../../domain/Protocol.ts"
import { type Frame, reply } from "../../services/Frame.ts"
import { type Capability, ConnectionUnknown, SocketError, Unsupported } from "../../services/Socket.ts"
import type { Metrics } from "../observability/Metrics.ts"
import * as Heartbeat from "./Heartbeat.ts"
import type { Listeners } from "./Listeners.ts"
import * as Outbox from "./Outbox.ts"
import type { Peer } from "./Peer.ts"
import type { Wheel } from "./Wheel.ts"
import { nobody } from "./Wire.ts"

/** A peer that was asked to close and does not is cut after this many milliseconds. */
export const patience = 1_000

export interface Options {
  readonly limits: Limits
  readonly can: ReadonlySet<Capability>
  readonly now: () => Instant
  /** Names messages. */
  readonly nextId: () => string
  readonly wheel: Wheel
  /** Whoever delivers a frame counts it; here is counted what joined it. */
  readonly metrics: Pick<Metrics, "sent">
  readonly listeners: Listeners
  /** Runs a task when this turn of the event loop is over. */
  readonly soon: (task: () => void) => void
}

/** All connections of an engine. */
export interface Hub {
  /** Until the first word of their end. */
  readonly connections: ReadonlyMap<ConnectionId, Peer>
  /** Takes a connection in, and tells those who listen for connections. */
  readonly add: (peer: Peer) => void
  readonly deliver: (peer: Peer, frame: Frame) => void
  /** Sends what is queued, then closes. */
  readonly close: (peer: Peer, code: number, reason: string) => void
  readonly ping: (peer: Peer) => Effect.Effect<number, SocketError>
  readonly pause: (peer: Peer) => Effect.Effect<void, SocketError>
  readonly resume: (peer: Peer) => Effect.Effect<void, SocketError>
  /** What a peer's wire says; see `Port`. */
  readonly heard: (peer: Peer, text: string) => void
  readonly alive: (peer: Peer) => void
  readonly pong: (peer: Peer) => void
  readonly drained: (peer: Peer) => void
  readonly failed: (peer: Peer, fault: unknown) => void
  readonly closed: (peer: Peer, code: number) => void
  /** Its time on the wheel has come. */
  readonly look: (peer: Peer, now: Instant) => Instant | undefined
}

export const make = (
  { can, limits, listeners, metrics, nextId, now, soon, wheel }: Options
): Hub => {
  const connections = new Map<ConnectionId, Peer>()
  let dirty: Array<Peer> = []

  const add = (peer: Peer) => {
    connections.set(peer.id, peer)
    if (peer.wire.ping !== undefined) wheel.set(peer, peer.heardAt + limits.pingInterval)
    try {
      listeners.opened(peer)
    } catch (fault) {
      fail(peer, fault)
    }
  }

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
      if (peer.choked || Outbox.holdsBack(peer)) relieve(peer)
    }
  }

  const write = (peer: Peer) => {
    const frames = Outbox.takeAll(peer)
    if (frames.length === 0) return
    let joined = 0
    for (const { more } of frames) if (more !== undefined) joined += more.length
    peer.wire.write(frames)
    if (joined === 0) return
    metrics.sent.value += joined
    // It was not counted when that was decided.
    if (peer.wire.clear !== true && peer.wire.unsent() > limits.outboxFold) peer.choked = true
  }

  /** A peer that has room again hears the latest; listeners hear what it missed. */
  const relieve = (peer: Peer) => {
    if (peer.status !== "open" || peer.dirty) return
    const folded = Outbox.recover(peer, peer.wire.unsent(), limits)
    if (folded === undefined) return
    if (peer.frames.length > 0) schedule(peer)
    if (!peer.choked && folded.size === 0) return
    peer.choked = false
    guard(peer, () => listeners.drained(peer, folded))
  }

  const deliver = (peer: Peer, frame: Frame) => {
    if (peer.status !== "open") return
    const unsent = peer.wire.clear === true ? 0 : peer.wire.unsent()
    if (!Outbox.push(peer, frame, unsent, limits)) {
      return giveUp(peer, closeCode.slowConsumer, "too slow: come back and catch up")
    }
    if (peer.bytes + unsent > limits.outboxFold) peer.choked = true
    if (!peer.dirty) schedule(peer)
  }

  /** CON6: those above the engine say goodbye when they close; here nobody else does. It stands behind all that waits. */
  const giveUp = (peer: Peer, code: number, reason: string) => {
    const goodbye = { _tag: "goodbye", code, reason, resume: true, retry_after_ms: 0 } as const
    const text = encode(goodbye, { id: nextId(), timestamp: now() })
    Outbox.push(peer, { text, lane: reply }, 0, limits)
    close(peer, code, reason)
  }

  const close = (peer: Peer, code: number, reason: string) => {
    if (peer.status !== "open") return
    write(peer)
    peer.status = "closing"
    peer.code = code
    wheel.set(peer, now() + patience)
    peer.wire.close(code, reason.slice(0, 120))
  }

  const closed = (peer: Peer, code: number) => {
    if (peer.status === "closed") return
    peer.status = "closed"
    peer.wire = nobody
    wheel.drop(peer)
    Outbox.empty(peer)
    connections.delete(peer.id)
    for (const told of peer.pongs) told(false)
    guard(peer, () => listeners.closed(peer, peer.code ?? code))
  }

  /** A listener's fault ends its connection, and no other (CON4). */
  const guard = (peer: Peer, listener: () => void) => {
    try {
      listener()
    } catch (fault) {
      fail(peer, fault)
    }
  }

  /** Closes a peer for a fault in the server, and says so to those who listen for faults. */
  const fail = (peer: Peer, fault: unknown) => {
    close(peer, closeCode.internal, "a fault in the server")
    listeners.failed(peer, fault)
  }

  /** Anything that comes in counts as life (CON3). */
  const alive = (peer: Peer) => {
    peer.heardAt = now()
    peer.pingedAt = undefined
  }

  const pong = (peer: Peer) => {
    alive(peer)
    const { pongs } = peer
    peer.pongs = []
    for (const told of pongs) told(true)
  }

  const heard = (peer: Peer, text: string) => {
    alive(peer)
    if (peer.status !== "open") return
    // A UTF-16 unit is at most three bytes, so that short texts need no counting.
    if (text.length * 3 > limits.frameBytes && Buffer.byteLength(text) > limits.frameBytes) {
      return close(peer, closeCode.tooLarge, "the message is too large")
    }
    try {
      listeners.heard(peer, text)
    } catch (fault) {
      fail(peer, fault)
    }
  }

  const silent = (peer: Peer) => giveUp(peer, closeCode.noPong, "no answer to a ping")
  const watching: Heartbeat.Watching = { limits, alive, silent }

  const look = (peer: Peer, at: Instant): Instant | undefined =>
    peer.status === "open" ? Heartbeat.look(peer, at, watching) : void peer.wire.cut()

  const ping = (peer: Peer) =>
    Effect.callback<number, SocketError>((resume) => {
      if (!can.has("ping") || peer.wire.ping === undefined) return resume(unsupported("ping"))
      if (peer.status !== "open") return resume(unknown(peer.id))
      const sent = now()
      const told = (came: boolean) => resume(came ? Effect.succeed(now() - sent) : unknown(peer.id))
      peer.pongs = [...peer.pongs, told]
      peer.wire.ping()
      return Effect.sync(() => {
        peer.pongs = peer.pongs.filter((one) => one !== told)
      })
    })

  const pausing = (use: "pause" | "resume") => ({ wire }: Peer) =>
    can.has("pause") && wire[use] !== undefined ? Effect.sync(() => wire[use]?.()) : unsupported("pause")

  return {
    connections,
    add,
    deliver,
    close,
    ping,
    pause: pausing("pause"),
    resume: pausing("resume"),
    heard,
    alive,
    pong,
    drained: relieve,
    failed: (peer, fault) => listeners.failed(peer, fault),
    closed,
    look
  }
}

/** There is no such connection, or none any more. */
export const unknown = (connection: ConnectionId): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new ConnectionUnknown({ connection }) }))

const unsupported = (capability: Capability): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new Unsupported({ capability }) }))
