/**
 * One connection, whatever engine it is on: what others see of it (`Connection`), and what its wire tells it (`Port`).
 * One object with its methods on the class: idle connections are many, and closures would be a quarter of each.
 */
import { Effect } from "effect"
import type { ConnectionId, Instant, TopicId } from "../../../domain/protocol/Ids.ts"
import { type OutboundFrame, replyLane } from "../../../services/OutboundFrame.ts"
import type { Connection, ConnectionMetadata, SocketError } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import type { TimerTask } from "../../runtime/TimerWheel.ts"
import type { ConnectionHub } from "./ConnectionHub.ts"
import type { Transport, TransportEvents } from "./Transport.ts"

export class EngineConnection extends SendQueue.SendQueue implements Connection, TransportEvents, TimerTask {
  readonly id: ConnectionId
  readonly metadata: ConnectionMetadata
  readonly connectedAt: Instant
  transport: Transport
  attachment: unknown = undefined
  status: "open" | "closing" | "closed" = "open"
  /** Whether it waits for the flush at the end of this turn. */
  flushScheduled = false
  /** Whether more than `outboxFold` bytes waited, and nobody was told yet that there is room again. */
  backpressured = false
  lastActivityAt: Instant
  /** When an unanswered heartbeat ping went out. */
  pingSentAt: Instant | undefined = undefined
  /** When its heartbeat was looked at last: whether bytes waited, and how many the peer had taken. */
  unsentAtLastCheck = false
  bytesSentAtLastCheck = 0
  wheelSlot: number | undefined = undefined
  /** The code we closed it with; what the peer said otherwise. */
  sentCloseCode: number | undefined = undefined
  /** Those who wait for a pong; told whether it came. */
  pongWaiters: ReadonlyArray<(received: boolean) => void> = []
  private readonly hub: ConnectionHub

  constructor(hub: ConnectionHub, id: ConnectionId, wire: Transport, metadata: ConnectionMetadata, now: Instant) {
    super()
    this.hub = hub
    this.id = id
    this.transport = wire
    this.metadata = metadata
    this.connectedAt = now
    this.lastActivityAt = now
  }

  get supportsBatching(): boolean {
    return this.transport.supportsBatching === true
  }

  lastActivity(): Instant {
    return this.lastActivityAt
  }

  deliver(frame: OutboundFrame): void {
    this.hub.deliver(this, frame)
  }

  uncoalesce(topic: TopicId): void {
    SendQueue.uncoalesce(this, topic)
  }

  send(text: string): Effect.Effect<void> {
    return Effect.sync(() => this.hub.deliver(this, { text, lane: replyLane }))
  }

  close(code: number, reason: string): Effect.Effect<void> {
    return Effect.sync(() => this.requestClose(code, reason))
  }

  get ping(): Effect.Effect<number, SocketError> {
    return this.hub.ping(this)
  }

  bufferedAmount(): number {
    return this.queuedBytes + this.transport.unsentBytes()
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

  onMessage(text: string): void {
    this.hub.onMessage(this, text)
  }

  onActivity(): void {
    this.hub.onActivity(this)
  }

  onPong(): void {
    this.hub.onPong(this)
  }

  onDrained(): void {
    this.hub.onDrained(this)
  }

  onError(fault: unknown): void {
    this.hub.onError(this, fault)
  }

  requestClose(code: number, reason: string): void {
    this.hub.close(this, code, reason)
  }

  onExpire(now: Instant): Instant | undefined {
    return this.hub.onExpire(this, now)
  }

  onClosed(code: number): void {
    this.hub.onClosed(this, code)
  }
}
