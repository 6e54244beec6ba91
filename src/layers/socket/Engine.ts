/**
 * What every socket engine has in common (SOC1, SOC2): the contract's face
 * over wires that an engine brings.
 */
import { Clock, Effect, type Scope } from "effect"
import { ConnectionId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Frame, reply } from "../../services/Frame.ts"
import { type Capability, type Metadata, Socket } from "../../services/Socket.ts"
import { Metrics } from "../observability/Metrics.ts"
import * as Hub from "./Hub.ts"
import * as Listeners from "./Listeners.ts"
import { Peer } from "./Peer.ts"
import * as Wheel from "./Wheel.ts"
import type { Port, Wire } from "./Wire.ts"

export interface Options {
  readonly limits: Limits
  readonly capabilities: ReadonlyArray<Capability>
  readonly nextId: () => string
  /** Runs a task when this turn of the event loop is over. */
  readonly soon: (task: () => void) => void
}

export interface Engine {
  /** Takes a connection over a wire, and tells those who listen for connections. */
  readonly accept: (wire: Wire, metadata: Metadata) => Port
  readonly count: () => number
  /** Sends everybody away, politely. */
  readonly closeAll: (code: number, reason: string) => void
  /** Sends everybody away at once. */
  readonly cutAll: () => void
  /** The contract, completed by what is the engine's own. */
  readonly service: (
    own: Pick<Socket["Service"], "start" | "stop" | "isRunning" | "getAddress" | "getPort">
  ) => Socket["Service"]
}

export const make = Effect.fnUntraced(function*(
  { capabilities, limits, nextId, soon }: Options
): Effect.fn.Return<Engine, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const now = () => clock.currentTimeMillisUnsafe()
  const can = new Set(capabilities)
  const listeners = Listeners.make()
  const hub = Hub.make({
    limits,
    can,
    now,
    nextId,
    soon,
    listeners,
    metrics: yield* Metrics,
    wheel: yield* Wheel.make(Math.min(Wheel.tick, limits.pongTimeout))
  })
  const { connections } = hub

  const accept: Engine["accept"] = (wire, metadata) => {
    const peer = new Peer(hub, ConnectionId.make(nextId()), wire, metadata, now())
    hub.add(peer)
    return peer
  }

  const find = (id: ConnectionId) => {
    const peer = connections.get(id)
    return peer === undefined ? Hub.unknown(id) : Effect.succeed(peer)
  }

  return {
    accept,
    count: () => connections.size,
    closeAll: (code, reason) => connections.forEach((peer) => hub.close(peer, code, reason)),
    cutAll: () => connections.forEach((peer) => peer.wire.cut()),
    service: (own) =>
      Socket.of({
        ...listeners,
        ...own,
        capabilities: can,
        getConnection: find,
        getAllConnections: Effect.sync(() => [...connections.values()]),
        getConnectionCount: Effect.sync(() => connections.size),
        closeConnection: (id, code, reason) => Effect.flatMap(find(id), (connection) => connection.close(code, reason)),
        send: (id, text) => Effect.flatMap(find(id), (connection) => connection.send(text)),
        broadcast: (text, filter = () => true) =>
          Effect.sync(() => {
            const frame: Frame = { text, lane: reply }
            const chosen = [...connections.values()].filter((peer) => filter(peer))
            for (const peer of chosen) hub.deliver(peer, frame)
            return chosen.length
          })
      })
  }
})
