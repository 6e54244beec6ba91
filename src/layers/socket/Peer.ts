/**
 * One connection, whatever engine it is on: what others see of it (`Connection`), and what its wire tells it (`Port`).
 * One object with its methods on the class: idle connections are many, and closures would be a quarter of each.
 */
import { Effect } from "effect"
import type { ConnectionId, Instant, TopicId } from "../../domain/Ids.ts"
import { type Frame, reply } from "../../services/Frame.ts"
import type { Connection, Metadata, SocketError } from "../../services/Socket.ts"
import * as Outbox from "./Outbox.ts"
import type { Port, Wire } from "./Wire.ts"

/** What all connections of an engine share. */
export interface Peers {
  readonly deliver: (peer: Peer, frame: Frame) => void
  readonly close: (peer: Peer, code: number, reason: string) => void
  readonly ping: (peer: Peer) => Effect.Effect<number, SocketError>
  readonly pause: (peer: Peer) => Effect.Effect<void, SocketError>
  readonly resume: (peer: Peer) => Effect.Effect<void, SocketError>
  readonly heard: (peer: Peer, text: string) => void
  readonly alive: (peer: Peer) => void
  readonly pong: (peer: Peer) => void
  readonly relieve: (peer: Peer) => void
  readonly report: (peer: Peer, fault: unknown) => void
  readonly closed: (peer: Peer, code: number) => void
}

export class Peer extends Outbox.Outbox implements Connection, Port {
  readonly id: ConnectionId
  readonly metadata: Metadata
  readonly connectedAt: Instant
  wire: Wire
  attachment: unknown = undefined
  status: "open" | "closing" | "closed" = "open"
  /** Whether it waits for the flush at the end of this turn. */
  dirty = false
  /** Whether more than `outboxFold` bytes waited, and nobody was told yet that there is room again. */
  choked = false
  heardAt: Instant
  /** When an unanswered heartbeat ping went out. */
  pingedAt: Instant | undefined = undefined
  /** The code we closed it with; what the peer said otherwise. */
  code: number | undefined = undefined
  /** Those who wait for a pong; told whether it came. */
  pongs: ReadonlyArray<(came: boolean) => void> = []
  private readonly peers: Peers

  constructor(peers: Peers, id: ConnectionId, wire: Wire, metadata: Metadata, now: Instant) {
    super()
    this.peers = peers
    this.id = id
    this.wire = wire
    this.metadata = metadata
    this.connectedAt = now
    this.heardAt = now
  }

  get gathers(): boolean {
    return this.wire.gathers === true
  }

  lastActivity(): Instant {
    return this.heardAt
  }

  deliver(frame: Frame): void {
    this.peers.deliver(this, frame)
  }

  unfold(topic: TopicId): void {
    Outbox.unfold(this, topic)
  }

  send(text: string): Effect.Effect<void> {
    return Effect.sync(() => this.peers.deliver(this, { text, lane: reply }))
  }

  close(code: number, reason: string): Effect.Effect<void> {
    return Effect.sync(() => this.end(code, reason))
  }

  get ping(): Effect.Effect<number, SocketError> {
    return this.peers.ping(this)
  }

  bufferedAmount(): number {
    return this.bytes + this.wire.unsent()
  }

  get pause(): Effect.Effect<void, SocketError> {
    return this.peers.pause(this)
  }

  get resume(): Effect.Effect<void, SocketError> {
    return this.peers.resume(this)
  }

  get connection(): Connection {
    return this
  }

  heard(text: string): void {
    this.peers.heard(this, text)
  }

  alive(): void {
    this.peers.alive(this)
  }

  pong(): void {
    this.peers.pong(this)
  }

  drained(): void {
    this.peers.relieve(this)
  }

  failed(fault: unknown): void {
    this.peers.report(this, fault)
  }

  end(code: number, reason: string): void {
    this.peers.close(this, code, reason)
  }

  closed(code: number): void {
    this.peers.closed(this, code)
  }
}
