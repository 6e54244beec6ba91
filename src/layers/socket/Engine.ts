/**
 * What every socket engine has in common (SOC1, SOC2): the contract's face
 * over wires that an engine brings.
 */
import { Clock, Effect, type Scope } from "effect"
import { ConnectionId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import {
  type Capability,
  type Connection,
  ConnectionUnknown,
  type Metadata,
  Socket,
  SocketError,
  Unsupported
} from "../../services/Socket.ts"
import type { Frame } from "../../services/Topics.ts"
import * as Listeners from "./Listeners.ts"
import * as Outbox from "./Outbox.ts"
import * as Peers from "./Peers.ts"
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
  const connected = new Map<ConnectionId, Peers.Peer>()
  const peers = Peers.make({
    limits,
    now,
    nextId,
    soon,
    listeners,
    wheel: yield* Wheel.make(Math.min(1_000, limits.pongTimeout)),
    gone: (peer) => connected.delete(peer.connection.id)
  })

  const ping = (peer: Peers.Peer) =>
    Effect.callback<number, SocketError>((resume) => {
      if (!can.has("ping") || peer.wire.ping === undefined) return resume(unsupported("ping"))
      if (peer.status !== "open") return resume(unknown(peer.connection.id))
      const sent = now()
      const told = (came: boolean) => resume(came ? Effect.succeed(now() - sent) : unknown(peer.connection.id))
      peer.pongs = [...peer.pongs, told]
      peer.wire.ping()
      return Effect.sync(() => {
        peer.pongs = peer.pongs.filter((one) => one !== told)
      })
    })

  const open = (wire: Wire, metadata: Metadata): Peers.Peer => {
    const connectedAt = now()
    const connection: Connection = {
      id: ConnectionId.make(nextId()),
      metadata,
      connectedAt,
      lastActivity: () => peer.heardAt,
      deliver: (frame) => peers.deliver(peer, frame),
      unfold: (topic) => Outbox.unfold(peer.box, topic),
      send: (text) => Effect.sync(() => peers.deliver(peer, { text, lane: { _tag: "Reply" } })),
      close: (code, reason) => Effect.sync(() => peers.close(peer, code, reason)),
      ping: Effect.suspend(() => ping(peer)),
      bufferedAmount: () => peer.box.bytes + peer.wire.unsent(),
      pause: !can.has("pause") || wire.pause === undefined
        ? unsupported("pause")
        : Effect.sync(() => peer.wire.pause?.()),
      resume: !can.has("pause") || wire.resume === undefined
        ? unsupported("pause")
        : Effect.sync(() => peer.wire.resume?.())
    }
    const peer: Peers.Peer = {
      connection,
      wire,
      box: Outbox.make(),
      status: "open",
      dirty: false,
      choked: false,
      heardAt: connectedAt,
      pingedAt: undefined,
      code: undefined,
      pongs: []
    }
    return peer
  }

  const accept: Engine["accept"] = (wire, metadata) => {
    const peer = open(wire, metadata)
    const { connection } = peer
    connected.set(connection.id, peer)
    if (wire.ping !== undefined) peers.watch(peer)
    peers.guard(peer, () => listeners.opened(connection))
    return {
      connection,
      heard: (text) => peers.heard(peer, text),
      alive: () => peers.alive(peer),
      pong: () => peers.pong(peer),
      drained: () => peers.relieve(peer),
      failed: (fault) => listeners.failed(connection, fault),
      close: (code, reason) => peers.close(peer, code, reason),
      closed: (code) => peers.closed(peer, code)
    }
  }

  const find = (id: ConnectionId) => {
    const peer = connected.get(id)
    return peer === undefined ? unknown(id) : Effect.succeed(peer.connection)
  }

  return {
    accept,
    count: () => connected.size,
    closeAll: (code, reason) => connected.forEach((peer) => peers.close(peer, code, reason)),
    cutAll: () => connected.forEach((peer) => peer.wire.cut()),
    service: (own) =>
      Socket.of({
        ...listeners,
        ...own,
        capabilities: can,
        getConnection: find,
        getAllConnections: Effect.sync(() => Array.from(connected.values(), (peer) => peer.connection)),
        getConnectionCount: Effect.sync(() => connected.size),
        closeConnection: (id, code, reason) => Effect.flatMap(find(id), (connection) => connection.close(code, reason)),
        send: (id, text) => Effect.flatMap(find(id), (connection) => connection.send(text)),
        broadcast: (text, filter = () => true) =>
          Effect.sync(() => {
            const frame: Frame = { text, lane: { _tag: "Reply" } }
            const chosen = [...connected.values()].filter((peer) => filter(peer.connection))
            for (const peer of chosen) peers.deliver(peer, frame)
            return chosen.length
          })
      })
  }
})

const unknown = (connection: ConnectionId): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new ConnectionUnknown({ connection }) }))

const unsupported = (capability: Capability): Effect.Effect<never, SocketError> =>
  Effect.fail(new SocketError({ reason: new Unsupported({ capability }) }))
