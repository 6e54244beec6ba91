/**
 * One connection under any engine: the application's side of it (`Connection`),
 * the transport's side (`TransportEvents`), its heartbeat and its end.
 *
 * One object with its methods on the class, and no fiber, queue or timer of its
 * own: most connections are idle, and closures would be a quarter of their
 * memory. What connections share is in `EngineContext`.
 */
import { Effect } from "effect"
import { mayBeOverLimit } from "../../../domain/admission/FrameLimits.ts"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import * as BackPressure from "../../../domain/delivery/BackPressure.ts"
import * as Heartbeat from "../../../domain/delivery/Heartbeat.ts"
import { replyLane } from "../../../domain/delivery/Lane.ts"
import type { ConnectionId, Instant, TopicId } from "../../../domain/protocol/Ids.ts"
import { encodeServerMessage } from "../../../domain/protocol/Protocol.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import type { CoalescedTopics, Connection, ConnectionMetadata, SocketError } from "../../../services/Socket.ts"
import type { SlowReceiver } from "../../delivery/OutboundBudget.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import type { TimerTask } from "../../runtime/TimerWheel.ts"
import { closeTimeout, type EngineContext } from "./EngineContext.ts"
import { connectionNotFound, transportFailed, unsupportedCapability } from "./SocketErrors.ts"
import { closedTransport, type Transport, type TransportEvents } from "./Transport.ts"

/** A connection, made by `SocketEngine.accept`. */
export class EngineConnection extends SendQueue.SendQueue
  implements Connection, TransportEvents, TimerTask, SlowReceiver
{
  readonly id: ConnectionId
  readonly metadata: ConnectionMetadata
  readonly connectedAt: Instant
  attachment: unknown = undefined
  wheelSlot: number | undefined = undefined
  private transport: Transport
  private status: "open" | "closing" | "closed" = "open"
  /** Whether `flush` is scheduled for the end of this turn. */
  private flushScheduled = false
  /** Whether listeners are to be notified once the connection has drained. */
  private backpressured = false
  private lastActivityAt: Instant
  /** When the unanswered heartbeat ping was sent. */
  private pingSentAt: Instant | undefined = undefined
  /** Progress of the socket at the last heartbeat check. */
  private unsentAtLastCheck = false
  private bytesSentAtLastCheck = 0
  /** The close code that the server sent; takes precedence over the peer's. */
  private sentCloseCode: number | undefined = undefined
  /** Callers of `ping`, called with whether a pong arrived. */
  private pongWaiters: ReadonlyArray<(received: boolean) => void> = []
  private readonly engine: EngineContext

  constructor(engine: EngineContext, id: ConnectionId, transport: Transport, metadata: ConnectionMetadata) {
    super()
    this.engine = engine
    this.id = id
    this.transport = transport
    this.metadata = metadata
    this.connectedAt = engine.now()
    this.lastActivityAt = this.connectedAt
  }

  get connection(): Connection {
    return this
  }

  get supportsBatching(): boolean {
    return this.transport.supportsBatching === true
  }

  lastActivity(): Instant {
    return this.lastActivityAt
  }

  bufferedAmount(): number {
    return this.queuedBytes + this.transport.unsentBytes()
  }

  /** Starts the heartbeat and notifies listeners of the connection. */
  open(): void {
    const { limits, listeners, wheel } = this.engine
    if (this.transport.ping !== undefined) wheel.schedule(this, this.lastActivityAt + limits.pingInterval)
    try {
      listeners.notifyConnected(this)
    } catch (fault) {
      this.closeForFault(fault)
    }
  }

  // -- Outgoing ------------------------------------------------------------------------------------------------------

  send(text: string): Effect.Effect<void> {
    return Effect.sync(() => this.deliver({ text, lane: replyLane }))
  }

  deliver(frame: OutboundFrame): void {
    if (this.status !== "open") return
    const { flushQueue, limits } = this.engine
    const unsentBytes = this.transport.isDrained === true ? 0 : this.transport.unsentBytes()
    if (!SendQueue.push(this, frame, unsentBytes, limits)) {
      return this.closeWithGoodbye(closeCode.slowConsumer, "reads too slowly: reconnect to catch up")
    }
    if (BackPressure.isBackpressured(this.queuedBytes + unsentBytes, limits)) this.backpressured = true
    if (this.flushScheduled) return
    this.flushScheduled = true
    flushQueue.schedule(this)
  }

  uncoalesce(topic: TopicId): void {
    SendQueue.uncoalesce(this, topic)
  }

  /** Writes the queue; called by the flush queue at the end of a turn. */
  flush(): void {
    this.flushScheduled = false
    if (this.status !== "open") return
    this.write()
    if (this.transport.isDrained !== true) this.reportPending()
    if (this.backpressured || SendQueue.hasWithheldFrames(this)) this.onDrained()
  }

  /** Counts what the peer has not read against the budget of the process. */
  private reportPending(): void {
    const { pendingShared } = this.transport
    this.engine.outboundBudget.update(this, {
      copiedBytes: this.bufferedAmount() - (pendingShared?.bytes ?? 0),
      shared: pendingShared?.values ?? []
    })
  }

  closeAsSlow(): void {
    this.closeWithGoodbye(closeCode.slowConsumer, "the server is busy with slow readers: reconnect to catch up")
  }

  private write(): void {
    const frames = SendQueue.takeAll(this)
    if (frames.length === 0) return
    let appendedCount = 0
    for (const { appended } of frames) if (appended !== undefined) appendedCount += appended.length
    this.transport.write(frames)
    if (appendedCount === 0) return
    this.engine.metrics.messagesSent.value += appendedCount
    // Appended messages were not part of `queuedBytes` when `deliver` looked.
    if (
      this.transport.isDrained !== true &&
      BackPressure.isBackpressured(this.transport.unsentBytes(), this.engine.limits)
    ) this.backpressured = true
  }

  onDrained(): void {
    if (this.status !== "open") return
    // Also when a flush is due, which reports only what it leaves unsent.
    if (this.transport.isDrained === true) this.engine.outboundBudget.release(this)
    else this.reportPending()
    if (this.flushScheduled) return
    const coalesced = SendQueue.requeueWithheld(this, this.transport.unsentBytes(), this.engine.limits)
    if (coalesced === undefined) return
    if (this.frames.length > 0) {
      this.flushScheduled = true
      this.engine.flushQueue.schedule(this)
    }
    if (this.backpressured || coalesced.size > 0) this.notifyDrained(coalesced)
  }

  private notifyDrained(coalesced: CoalescedTopics): void {
    this.backpressured = false
    try {
      this.engine.listeners.notifyDrained(this, coalesced)
    } catch (fault) {
      this.closeForFault(fault)
    }
  }

  // -- Incoming ------------------------------------------------------------------------------------------------------

  onMessage(text: string): void {
    this.onActivity()
    if (this.status !== "open") return
    const { limits, listeners } = this.engine
    if (mayBeOverLimit(text.length, limits) && Buffer.byteLength(text) > limits.frameBytes) {
      return this.requestClose(closeCode.tooLarge, "the message is too large")
    }
    try {
      listeners.handleMessage(this, text)
    } catch (fault) {
      this.closeForFault(fault)
    }
  }

  onActivity(): void {
    this.lastActivityAt = this.engine.now()
    this.pingSentAt = undefined
  }

  onPong(): void {
    this.onActivity()
    const { pongWaiters } = this
    this.pongWaiters = []
    for (const waiter of pongWaiters) waiter(true)
  }

  onError(fault: unknown): void {
    this.engine.listeners.notifyError(this, transportFailed(fault))
  }

  // -- Heartbeat and flow control ------------------------------------------------------------------------------------

  /** Called by the timer wheel: checks the heartbeat, or terminates a peer that did not answer the close frame. */
  onExpire(now: Instant): Instant | undefined {
    if (this.status !== "open") return void this.transport.terminate()
    this.recordProgress()
    const due = Heartbeat.checkHeartbeat(this.lastActivityAt, this.pingSentAt, now, this.engine.limits)
    if (due === "timeout") return void this.closeWithGoodbye(closeCode.noPong, "no answer to a ping")
    if (due !== "ping") return due
    this.pingSentAt = now
    this.transport.ping?.()
    return now + this.engine.limits.pongTimeout
  }

  /** Counts bytes that left since the last check as activity. */
  private recordProgress(): void {
    const unsentBytes = this.transport.unsentBytes()
    const hasUnsentBytes = unsentBytes > 0
    // Without a counter, fewer unsent bytes than before are progress.
    const bytesSent = this.transport.bytesSent?.() ?? -unsentBytes
    if (Heartbeat.hasDrained(this.unsentAtLastCheck, hasUnsentBytes, this.bytesSentAtLastCheck, bytesSent)) {
      this.onActivity()
    }
    this.unsentAtLastCheck = hasUnsentBytes
    this.bytesSentAtLastCheck = bytesSent
  }

  get ping(): Effect.Effect<number, SocketError> {
    return Effect.callback((resume) => {
      const { capabilities, now } = this.engine
      if (!capabilities.has("ping") || this.transport.ping === undefined) return resume(unsupportedCapability("ping"))
      if (this.status !== "open") return resume(connectionNotFound(this.id))
      const sentAt = now()
      const waiter = (received: boolean) =>
        resume(received ? Effect.succeed(now() - sentAt) : connectionNotFound(this.id))
      this.pongWaiters = [...this.pongWaiters, waiter]
      this.transport.ping()
      return Effect.sync(() => {
        this.pongWaiters = this.pongWaiters.filter((other) => other !== waiter)
      })
    })
  }

  get pause(): Effect.Effect<void, SocketError> {
    return this.controlFlow("pause")
  }

  get resume(): Effect.Effect<void, SocketError> {
    return this.controlFlow("resume")
  }

  private controlFlow(operation: "pause" | "resume"): Effect.Effect<void, SocketError> {
    return this.engine.capabilities.has("pause") && this.transport[operation] !== undefined
      ? Effect.sync(() => this.transport[operation]?.())
      : unsupportedCapability("pause")
  }

  // -- The end -------------------------------------------------------------------------------------------------------

  close(code: number, reason: string): Effect.Effect<void> {
    return Effect.sync(() => this.requestClose(code, reason))
  }

  requestClose(code: number, reason: string): void {
    if (this.status !== "open") return
    this.write()
    this.status = "closing"
    this.sentCloseCode = code
    this.engine.wheel.schedule(this, this.engine.now() + closeTimeout)
    this.transport.close(code, reason.slice(0, 120))
  }

  /** Closes for a fault that the engine detected: the layers above have sent no `goodbye` for it (CON6). */
  private closeWithGoodbye(code: number, reason: string): void {
    const { limits, nextId, now } = this.engine
    const goodbye = { _tag: "goodbye", code, reason, resume: true, retry_after_ms: 0 } as const
    const text = encodeServerMessage(goodbye, { id: nextId(), timestamp: now() })
    SendQueue.push(this, { text, lane: replyLane }, 0, limits)
    this.requestClose(code, reason)
  }

  /** A fault in a listener ends the connection it was called for, and no other (CON4). */
  private closeForFault(fault: unknown): void {
    this.requestClose(closeCode.internal, "internal error")
    this.engine.listeners.notifyError(this, fault)
  }

  /** Ends the connection without a close frame. */
  terminate(): void {
    this.transport.terminate()
  }

  onClosed(code: number): void {
    if (this.status === "closed") return
    this.status = "closed"
    this.transport = closedTransport
    this.engine.wheel.cancel(this)
    this.engine.outboundBudget.release(this)
    SendQueue.clear(this)
    this.engine.remove(this.id)
    for (const waiter of this.pongWaiters) waiter(false)
    try {
      this.engine.listeners.notifyDisconnected(this, this.sentCloseCode ?? code)
    } catch (fault) {
      this.closeForFault(fault)
    }
  }
}
