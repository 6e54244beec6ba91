/**
 * One connection, whatever engine it is on: what others see of it (`Connection`), and what its wire tells it (`Port`).
 * One object with its methods on the class: idle connections are many, and closures would be a quarter of each.
 */
import { Effect } from "effect"
import type { ConnectionId, Instant, TopicId } from "../../domain/Ids.ts"
import { type Frame, reply } from "../../services/Frame.ts"
import type { Connection, Metadata, SocketError } from "../../services/Socket.ts"
import type { Hub } from "./Hub.ts"
import * as Outbox from "./Outbox.ts"
import type { Task } from "./Wheel.ts"
import type { Port, Wire } from "./Wire.ts"

export class Peer extends Outbox.Outbox implements Connection, Port, Task {
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
  /** When its heartbeat was looked at last: whether bytes waited, and how many the peer had taken. */
  waited = false
  taken = 0
  slot: number | undefined = undefined
  /** The code we closed it with; what the peer said otherwise. */
  code: number | undefined = undefined
  /** Those who wait for a pong; told whether it came. */
  pongs: ReadonlyArray<(came: boolean) => void> = []
  private readonly hub: Hub

  constructor(hub: Hub, id: ConnectionId, wire: Wire, metadata: Metadata, now: Instant) {
    super()
    this.hub = hub
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
    this.hub.deliver(this, frame)
  }

  unfold(topic: TopicId): void {
    Outbox.unfold(this, topic)
  }

  send(text: string): Effect.Effect<void> {
    return Effect.sync(() => this.hub.deliver(this, { text, lane: reply }))
  }

  close(code: number, reason: string): Effect.Effect<void> {
    return Effect.sync(() => this.end(code, reason))
  }

  get ping(): Effect.Effect<number, SocketError> {
    return this.hub.ping(this)
  }

  bufferedAmount(): number {
    return this.bytes + this.wire.unsent()
  }

  get pause(): Effect.Effect<void, SocketError> {
    return this.hub.pause(this)
  }

  get resume(): Effect.Effect<void, SocketError> {
    return this.hub.resume(this)
  }

  get connection(): Connection {
    return this
  }

  heard(text: string): void {
    this.hub.heard(this, text)
  }

  alive(): void {
    this.hub.alive(this)
  }

  pong(): void {
    this.hub.pong(this)
  }

  drained(): void {
    this.hub.drained(this)
  }

  failed(fault: unknown): void {
    this.hub.failed(this, fault)
  }

  end(code: number, reason: string): void {
    this.hub.close(this, code, reason)
  }

  look(now: Instant): Instant | undefined {
    return this.hub.look(this, now)
  }

  closed(code: number): void {
    this.hub.closed(this, code)
  }
}
