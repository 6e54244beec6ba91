/**
 * The connections of an engine and what becomes of them: their outboxes, their
 * heartbeats, and the one end of each. Plain fields of a `Peer`, changed in the
 * callbacks of its wire and in one flush per turn of the event loop (SYN9): no
 * fiber, queue or timer belongs to a connection.
 */
import { Effect } from "effect"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import type { ConnectionId, Instant } from "../../../domain/protocol/Ids.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { encodeServerMessage } from "../../../domain/protocol/Protocol.ts"
import { type OutboundFrame, replyLane } from "../../../services/OutboundFrame.ts"
import { type Capability, ConnectionNotFound, SocketError, UnsupportedCapability } from "../../../services/Socket.ts"
import * as SendQueue from "../../delivery/SendQueue.ts"
import type { Metrics } from "../../observability/Metrics.ts"
import type { TimerWheel } from "../../runtime/TimerWheel.ts"
import type { EngineConnection } from "./EngineConnection.ts"
import * as Heartbeat from "./Heartbeat.ts"
import type { Listeners } from "./Listeners.ts"
import { closedTransport } from "./Transport.ts"

/** A connection that was asked to close and does not is cut after this many milliseconds. */
export const closeTimeout = 1_000

export interface ConnectionHubOptions {
  readonly limits: Limits
  readonly capabilities: ReadonlySet<Capability>
  readonly now: () => Instant
  /** Names messages. */
  readonly nextId: () => string
  readonly wheel: TimerWheel
  /** Whoever delivers a frame counts it; here is counted what joined it. */
  readonly metrics: Pick<Metrics, "messagesSent">
  readonly listeners: Listeners
  /** Runs a task when this turn of the event loop is over. */
  readonly runAfterTurn: (task: () => void) => void
}

/** All connections of an engine. */
export interface ConnectionHub {
  /** Until the first word of their end. */
  readonly connections: ReadonlyMap<ConnectionId, EngineConnection>
  /** Takes a connection in, and tells those who listen for connections. */
  readonly add: (connection: EngineConnection) => void
  readonly deliver: (connection: EngineConnection, frame: OutboundFrame) => void
  /** Sends what is queued, then closes. */
  readonly close: (connection: EngineConnection, code: number, reason: string) => void
  readonly ping: (connection: EngineConnection) => Effect.Effect<number, SocketError>
  readonly pause: (connection: EngineConnection) => Effect.Effect<void, SocketError>
  readonly resume: (connection: EngineConnection) => Effect.Effect<void, SocketError>
  /** What a connection's wire says; see `Port`. */
  readonly onMessage: (connection: EngineConnection, text: string) => void
  readonly onActivity: (connection: EngineConnection) => void
  readonly onPong: (connection: EngineConnection) => void
  readonly onDrained: (connection: EngineConnection) => void
  readonly onError: (connection: EngineConnection, fault: unknown) => void
  readonly onClosed: (connection: EngineConnection, code: number) => void
  /** Its time on the wheel has come. */
  readonly onExpire: (connection: EngineConnection, now: Instant) => Instant | undefined
}

export const make = (
  { capabilities, limits, listeners, metrics, nextId, now, runAfterTurn, wheel }: ConnectionHubOptions
): ConnectionHub => {
  const connections = new Map<ConnectionId, EngineConnection>()
  let flushQueue: Array<EngineConnection> = []

  const add = (connection: EngineConnection) => {
    connections.set(connection.id, connection)
    if (connection.transport.ping !== undefined) {
      wheel.schedule(connection, connection.lastActivityAt + limits.pingInterval)
    }
    try {
      listeners.notifyConnected(connection)
    } catch (fault) {
      closeForFault(connection, fault)
    }
  }

  const scheduleFlush = (connection: EngineConnection) => {
    connection.flushScheduled = true
    if (flushQueue.push(connection) === 1) runAfterTurn(flush)
  }

  const flush = () => {
    const flushing = flushQueue
    flushQueue = []
    for (const connection of flushing) {
      connection.flushScheduled = false
      if (connection.status !== "open") continue
      write(connection)
      if (connection.backpressured || SendQueue.hasWithheldFrames(connection)) resumeDelivery(connection)
    }
  }

  const write = (connection: EngineConnection) => {
    const frames = SendQueue.takeAll(connection)
    if (frames.length === 0) return
    let appendedCount = 0
    for (const { appended } of frames) if (appended !== undefined) appendedCount += appended.length
    connection.transport.write(frames)
    if (appendedCount === 0) return
    metrics.messagesSent.value += appendedCount
    // It was not counted when that was decided.
    if (connection.transport.isDrained !== true && connection.transport.unsentBytes() > limits.outboxFold) {
      connection.backpressured = true
    }
  }

  /** A connection that has room again hears the latest; listeners hear what it missed. */
  const resumeDelivery = (connection: EngineConnection) => {
    if (connection.status !== "open" || connection.flushScheduled) return
    const coalesced = SendQueue.requeueWithheld(connection, connection.transport.unsentBytes(), limits)
    if (coalesced === undefined) return
    if (connection.frames.length > 0) scheduleFlush(connection)
    if (!connection.backpressured && coalesced.size === 0) return
    connection.backpressured = false
    callListener(connection, () => listeners.notifyDrained(connection, coalesced))
  }

  const deliver = (connection: EngineConnection, frame: OutboundFrame) => {
    if (connection.status !== "open") return
    const unsentBytes = connection.transport.isDrained === true ? 0 : connection.transport.unsentBytes()
    if (!SendQueue.push(connection, frame, unsentBytes, limits)) {
      return closeWithGoodbye(connection, closeCode.slowConsumer, "too slow: come back and catch up")
    }
    if (connection.queuedBytes + unsentBytes > limits.outboxFold) connection.backpressured = true
    if (!connection.flushScheduled) scheduleFlush(connection)
  }

  /** CON6: those above the engine say goodbye when they close; here nobody else does. It stands behind all that waits. */
  const closeWithGoodbye = (connection: EngineConnection, code: number, reason: string) => {
    const goodbye = { _tag: "goodbye", code, reason, resume: true, retry_after_ms: 0 } as const
    const text = encodeServerMessage(goodbye, { id: nextId(), timestamp: now() })
    SendQueue.push(connection, { text, lane: replyLane }, 0, limits)
    close(connection, code, reason)
  }

  const close = (connection: EngineConnection, code: number, reason: string) => {
    if (connection.status !== "open") return
    write(connection)
    connection.status = "closing"
    connection.sentCloseCode = code
    wheel.schedule(connection, now() + closeTimeout)
    connection.transport.close(code, reason.slice(0, 120))
  }

  const onClosed = (connection: EngineConnection, code: number) => {
    if (connection.status === "closed") return
    connection.status = "closed"
    connection.transport = closedTransport
    wheel.cancel(connection)
    SendQueue.clear(connection)
    connections.delete(connection.id)
    for (const waiter of connection.pongWaiters) waiter(false)
    callListener(connection, () => listeners.notifyDisconnected(connection, connection.sentCloseCode ?? code))
  }

  /** A listener's fault ends its connection, and no other (CON4). */
  const callListener = (connection: EngineConnection, listener: () => void) => {
    try {
      listener()
    } catch (fault) {
      closeForFault(connection, fault)
    }
  }

  /** Closes a connection for a fault in the server, and says so to those who listen for faults. */
  const closeForFault = (connection: EngineConnection, fault: unknown) => {
    close(connection, closeCode.internal, "a fault in the server")
    listeners.notifyError(connection, fault)
  }

  /** Anything that comes in counts as life (CON3). */
  const onActivity = (connection: EngineConnection) => {
    connection.lastActivityAt = now()
    connection.pingSentAt = undefined
  }

  const onPong = (connection: EngineConnection) => {
    onActivity(connection)
    const { pongWaiters: waiters } = connection
    connection.pongWaiters = []
    for (const told of waiters) told(true)
  }

  const onMessage = (connection: EngineConnection, text: string) => {
    onActivity(connection)
    if (connection.status !== "open") return
    // A UTF-16 unit is at most three bytes, so that short texts need no counting.
    if (text.length * 3 > limits.frameBytes && Buffer.byteLength(text) > limits.frameBytes) {
      return close(connection, closeCode.tooLarge, "the message is too large")
    }
    try {
      listeners.dispatchMessage(connection, text)
    } catch (fault) {
      closeForFault(connection, fault)
    }
  }

  const onPongTimeout = (connection: EngineConnection) =>
    closeWithGoodbye(connection, closeCode.noPong, "no answer to a ping")
  const heartbeat: Heartbeat.HeartbeatContext = { limits, onActivity, onPongTimeout }

  const onExpire = (connection: EngineConnection, at: Instant): Instant | undefined =>
    connection.status === "open"
      ? Heartbeat.checkHeartbeat(connection, at, heartbeat)
      : void connection.transport.terminate()

  const ping = (connection: EngineConnection) =>
    Effect.callback<number, SocketError>((resume) => {
      if (!capabilities.has("ping") || connection.transport.ping === undefined) {
        return resume(unsupportedCapability("ping"))
      }
      if (connection.status !== "open") return resume(connectionNotFound(connection.id))
      const sentAt = now()
      const told = (received: boolean) =>
        resume(received ? Effect.succeed(now() - sentAt) : connectionNotFound(connection.id))
      connection.pongWaiters = [...connection.pongWaiters, told]
      connection.transport.ping()
      return Effect.sync(() => {
        connection.pongWaiters = connection.pongWaiters.filter((other) => other !== told)
      })
    })

  const flowControl = (operation: "pause" | "resume") => ({ transport }: EngineConnection) =>
    capabilities.has("pause") && transport[operation] !== undefined
      ? Effect.sync(() => transport[operation]?.())
      : unsupportedCapability("pause")

  return {
    connections,
    add,
    deliver,
    close,
    ping,
    pause: flowControl("pause"),
    resume: flowControl("resume"),
    onMessage,
    onActivity,
    onPong,
    onDrained: resumeDelivery,
    onError: (connection, fault) => listeners.notifyError(connection, fault),
    onClosed,
    onExpire
  }
}

/** There is no such connection, or none any more. */
export const connectionNotFound = (connection: ConnectionId): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new ConnectionNotFound({ connection }) }))

const unsupportedCapability = (capability: Capability): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new UnsupportedCapability({ capability }) }))
