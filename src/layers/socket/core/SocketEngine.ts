/**
 * What every socket engine has in common (SOC1, SOC2): the contract's face
 * over wires that an engine brings.
 */
import { Clock, Effect, type Scope } from "effect"
import { ConnectionId } from "../../../domain/protocol/Ids.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import { type OutboundFrame, replyLane } from "../../../services/OutboundFrame.ts"
import { type Capability, type ConnectionMetadata, Socket } from "../../../services/Socket.ts"
import { Metrics } from "../../observability/Metrics.ts"
import * as TimerWheel from "../../runtime/TimerWheel.ts"
import * as ConnectionHub from "./ConnectionHub.ts"
import { EngineConnection } from "./EngineConnection.ts"
import * as Listeners from "./Listeners.ts"
import type { Transport, TransportEvents } from "./Transport.ts"

export interface SocketEngineOptions {
  readonly limits: Limits
  readonly capabilities: ReadonlyArray<Capability>
  readonly nextId: () => string
  /** Runs a task when this turn of the event loop is over. */
  readonly runAfterTurn: (task: () => void) => void
}

export interface SocketEngine {
  /** Takes a connection over a wire, and tells those who listen for connections. */
  readonly accept: (wire: Transport, metadata: ConnectionMetadata) => TransportEvents
  readonly connectionCount: () => number
  /** Sends everybody away, politely. */
  readonly closeAll: (code: number, reason: string) => void
  /** Sends everybody away at once. */
  readonly terminateAll: () => void
  /** The contract, completed by what is the engine's own. */
  readonly makeService: (
    lifecycle: Pick<Socket["Service"], "start" | "stop" | "isRunning" | "getAddress" | "getPort">
  ) => Socket["Service"]
}

export const make = Effect.fnUntraced(function*(
  { capabilities, limits, nextId, runAfterTurn }: SocketEngineOptions
): Effect.fn.Return<SocketEngine, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const declaredCapabilities = new Set(capabilities)
  const listeners = Listeners.make()
  const hub = ConnectionHub.make({
    limits,
    capabilities: declaredCapabilities,
    now,
    nextId,
    runAfterTurn,
    listeners,
    metrics: yield* Metrics,
    wheel: yield* TimerWheel.make(Math.min(TimerWheel.defaultTickMillis, limits.pongTimeout))
  })
  const { connections } = hub

  const accept: SocketEngine["accept"] = (transport, metadata) => {
    const connection = new EngineConnection(hub, ConnectionId.make(nextId()), transport, metadata, now())
    hub.add(connection)
    return connection
  }

  const findConnection = (id: ConnectionId) => {
    const connection = connections.get(id)
    return connection === undefined ? ConnectionHub.connectionNotFound(id) : Effect.succeed(connection)
  }

  return {
    accept,
    connectionCount: () => connections.size,
    closeAll: (code, reason) => connections.forEach((connection) => hub.close(connection, code, reason)),
    terminateAll: () => connections.forEach((connection) => connection.transport.terminate()),
    makeService: (lifecycle) =>
      Socket.of({
        ...listeners,
        ...lifecycle,
        capabilities: declaredCapabilities,
        getConnection: findConnection,
        getAllConnections: Effect.sync(() => [...connections.values()]),
        getConnectionCount: Effect.sync(() => connections.size),
        closeConnection: (id, code, reason) =>
          Effect.flatMap(findConnection(id), (connection) => connection.close(code, reason)),
        send: (id, text) => Effect.flatMap(findConnection(id), (connection) => connection.send(text)),
        broadcast: (text, filter = () => true) =>
          Effect.sync(() => {
            const frame: OutboundFrame = { text, lane: replyLane }
            const recipients = [...connections.values()].filter((connection) => filter(connection))
            for (const connection of recipients) hub.deliver(connection, frame)
            return recipients.length
          })
      })
  }
})
