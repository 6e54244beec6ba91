/** One connection of the `ws` engine: plain fields, changed in the callbacks of its socket and in the flush. */
import { Effect } from "effect"
import type { Duplex } from "node:stream"
import type { WebSocket } from "ws"
import type { ConnectionId, Instant } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Connection, ConnectionUnknown, type Metadata, SocketError } from "../../services/Socket.ts"
import * as Outbox from "./Outbox.ts"

/** A connection as its engine knows it. */
export interface Peer {
  readonly connection: Connection
  readonly ws: WebSocket
  readonly raw: Duplex
  readonly box: Outbox.Outbox
  /** Whether it waits for the flush at the end of this turn. */
  dirty: boolean
  heardAt: Instant
  /** When an unanswered heartbeat ping went out. */
  pingedAt: Instant | undefined
  /** The code we closed it with; what the peer said otherwise. */
  code: number | undefined
  readonly pongs: Array<() => void>
}

/** What a connection needs of its engine. */
export interface Engine {
  readonly now: () => Instant
  readonly limits: Limits
  /** Has the peer flushed at the end of this turn. */
  readonly schedule: (peer: Peer) => void
  readonly close: (peer: Peer, code: number, reason: string) => void
  readonly overflow: (peer: Peer) => void
}

export const make = (
  engine: Engine,
  options: { readonly id: ConnectionId; readonly metadata: Metadata; readonly ws: WebSocket; readonly raw: Duplex }
): Peer => {
  const { id, raw, ws } = options
  const connectedAt = engine.now()

  const connection: Connection = {
    id,
    metadata: options.metadata,
    connectedAt,
    lastActivity: () => peer.heardAt,
    deliver: (frame) => {
      if (ws.readyState !== ws.OPEN) return
      if (!Outbox.push(peer.box, frame, raw.writableLength, engine.limits)) engine.overflow(peer)
      else if (!peer.dirty) engine.schedule(peer)
    },
    unfold: (topic) => Outbox.unfold(peer.box, topic),
    send: (text) => Effect.sync(() => connection.deliver({ text, lane: { _tag: "Reply" } })),
    close: (code, reason) => Effect.sync(() => engine.close(peer, code, reason)),
    ping: Effect.callback<number, SocketError>((resume) => {
      const sent = engine.now()
      const gone = () => resume(Effect.fail(new SocketError({ reason: new ConnectionUnknown({ connection: id }) })))
      if (ws.readyState !== ws.OPEN) return gone()
      const heard = () => resume(Effect.succeed(engine.now() - sent))
      ws.once("close", gone)
      peer.pongs.push(heard)
      ws.ping()
      return Effect.sync(() => {
        ws.off("close", gone)
        const at = peer.pongs.indexOf(heard)
        if (at >= 0) peer.pongs.splice(at, 1)
      })
    }),
    bufferedAmount: () => peer.box.bytes + raw.writableLength,
    pause: Effect.sync(() => ws.pause()),
    resume: Effect.sync(() => ws.resume())
  }

  const peer: Peer = {
    connection,
    ws,
    raw,
    box: Outbox.make(),
    dirty: false,
    heardAt: connectedAt,
    pingedAt: undefined,
    code: undefined,
    pongs: []
  }
  return peer
}
