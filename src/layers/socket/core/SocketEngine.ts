/**
 * What all socket engines share (SOC1, SOC2): the service `Socket` over the transports that an engine supplies.
 *
 * **When to use**
 *
 * To write an engine for another WebSocket library or transport. `choir/conformance` checks the result (SOC4).
 *
 * **Details**
 *
 * The engine calls `accept` for each new connection with a `Transport`, and reports what happens on it to the result.
 * Send queues, back-pressure (CON8), heartbeats (CON3), listeners and counts are done here. `makeService` adds the members
 * that only the engine can implement: starting, stopping, and the address.
 *
 * **Gotchas**
 *
 * `accept` makes no checks: refuse connections before it, as `domain/admission` decides. A transport must not report an
 * event before `accept` has returned.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers } from "choir"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const engine = yield* Layers.SocketEngine.make({
 *     limits: Domain.Limits.defaults,
 *     capabilities: ["ping"],
 *     runAfterTurn: (task) => queueMicrotask(task)
 *   })
 *   // A transport that goes nowhere, and whose peer never answers.
 *   engine.accept({
 *     write: () => {},
 *     unsentBytes: () => 0,
 *     ping: () => {},
 *     close: () => {},
 *     terminate: () => {}
 *   }, { address: "192.0.2.1", origin: "", userAgent: "" })
 *   return engine.connectionCount()
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(program)))
 * // => 1
 * ```
 */
import { Clock, Effect, type Scope } from "effect"
import { closeCode } from "../../../domain/connection/CloseCode.ts"
import { replyLane } from "../../../domain/delivery/Lane.ts"
import { ConnectionId } from "../../../domain/protocol/Ids.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import * as Uuids from "../../../domain/protocol/Uuids.ts"
import type { OutboundFrame } from "../../../services/OutboundFrame.ts"
import { type Capability, type ConnectionMetadata, Socket } from "../../../services/Socket.ts"
import { OutboundBudget } from "../../delivery/OutboundBudget.ts"
import { Metrics } from "../../observability/Metrics.ts"
import * as Entropy from "../../runtime/Entropy.ts"
import * as TimerWheel from "../../runtime/TimerWheel.ts"
import { EngineConnection } from "./EngineConnection.ts"
import type { EngineContext } from "./EngineContext.ts"
import { FlushQueue } from "./FlushQueue.ts"
import * as Listeners from "./Listeners.ts"
import { connectionNotFound } from "./SocketErrors.ts"
import type { Transport, TransportEvents } from "./Transport.ts"

/** The dependencies that an engine supplies. */
export interface SocketEngineOptions {
  readonly limits: Limits
  /** The capabilities of the engine's transports. */
  readonly capabilities: ReadonlyArray<Capability>
  /** Runs a task when the current turn of the event loop is over. */
  readonly runAfterTurn: (task: () => void) => void
}

/** The shared part of an engine. */
export interface SocketEngine {
  /** Takes a new connection and notifies listeners; the engine reports the transport's events to the result. */
  readonly accept: (transport: Transport, metadata: ConnectionMetadata) => TransportEvents
  readonly connectionCount: () => number
  /** Closes all connections, because the server is stopping. */
  readonly closeAll: () => void
  /** Succeeds when no connection is open. */
  readonly awaitAllClosed: Effect.Effect<void>
  /** Ends all connections without close frames. */
  readonly terminateAll: () => void
  /** The service, completed by the members that only the engine can implement. */
  readonly makeService: (
    lifecycle: Pick<Socket["Service"], "start" | "stop" | "isRunning" | "getAddress" | "getPort">
  ) => Socket["Service"]
}

/** An engine without connections. Its timers stop when the scope closes. */
export const make = Effect.fnUntraced(function*(
  { capabilities, limits, runAfterTurn }: SocketEngineOptions
): Effect.fn.Return<SocketEngine, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const nextId = Uuids.sequentialUuids((yield* Entropy.RandomBytes)(9))
  const connections = new Map<ConnectionId, EngineConnection>()
  const emptyListeners: Array<() => void> = []
  const context: EngineContext = {
    limits,
    capabilities: new Set(capabilities),
    now: () => clock.currentTimeMillisUnsafe(),
    nextId,
    wheel: yield* TimerWheel.make(Math.min(TimerWheel.defaultTickMillis, limits.pongTimeout)),
    flushQueue: new FlushQueue(runAfterTurn),
    listeners: Listeners.make(),
    outboundBudget: yield* OutboundBudget,
    metrics: yield* Metrics,
    remove: (id) => {
      connections.delete(id)
      if (connections.size > 0) return
      for (const notify of emptyListeners.splice(0)) notify()
    }
  }
  return {
    accept: (transport, metadata) => {
      const connection = new EngineConnection(context, ConnectionId.make(nextId()), transport, metadata)
      connections.set(connection.id, connection)
      connection.open()
      return connection
    },
    connectionCount: () => connections.size,
    closeAll: () =>
      connections.forEach((connection) => connection.requestClose(closeCode.restart, "the server is stopping")),
    awaitAllClosed: Effect.callback((resume) => {
      if (connections.size === 0) return resume(Effect.void)
      emptyListeners.push(() => resume(Effect.void))
    }),
    terminateAll: () => connections.forEach((connection) => connection.terminate()),
    makeService: (lifecycle) => Socket.of({ ...makeOperations(context, connections), ...lifecycle })
  }
})

const makeOperations = (context: EngineContext, connections: ReadonlyMap<ConnectionId, EngineConnection>) => {
  const findConnection = (id: ConnectionId) => {
    const connection = connections.get(id)
    return connection === undefined ? connectionNotFound(id) : Effect.succeed(connection)
  }
  const broadcast: Socket["Service"]["broadcast"] = (text, filter = () => true) =>
    Effect.sync(() => {
      const frame: OutboundFrame = { text, lane: replyLane }
      const recipients = [...connections.values()].filter((connection) => filter(connection))
      for (const connection of recipients) connection.deliver(frame)
      return recipients.length
    })
  const { onConnection, onDisconnection, onDrained, onError, registerMessageHandler, routeMessage } = context.listeners
  return {
    capabilities: context.capabilities,
    onConnection,
    onDisconnection,
    onDrained,
    onError,
    registerMessageHandler,
    routeMessage,
    getConnection: findConnection,
    getAllConnections: Effect.sync(() => [...connections.values()]),
    getConnectionCount: Effect.sync(() => connections.size),
    closeConnection: (id: ConnectionId, code: number, reason: string) =>
      Effect.flatMap(findConnection(id), (connection) => connection.close(code, reason)),
    send: (id: ConnectionId, text: string) => Effect.flatMap(findConnection(id), (connection) => connection.send(text)),
    broadcast
  }
}
