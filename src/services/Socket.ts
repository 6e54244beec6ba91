/**
 * The WebSocket engine (SOC1, SOC2): connections, frames out, texts in. Knows
 * nothing of users, topics or what the texts mean.
 *
 * Listeners are plain callbacks on the engine's own turn, so that a frame is
 * answered where it arrives; they must not block or throw.
 */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { ConnectionId, Instant, TopicId } from "../domain/Ids.ts"
import type { Frame } from "./Topics.ts"

/** The address could not be listened on. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Natural,
  code: Schema.String
}) {
  override get message() {
    return `cannot listen on ${this.host}:${this.port} (${this.code})`
  }
}

/** There is no such connection (any more). */
export class ConnectionUnknown extends Schema.TaggedError<ConnectionUnknown>()("ConnectionUnknown", {
  connection: Schema.String
}) {
  override get message() {
    return `no connection ${this.connection}`
  }
}

export class SocketError extends Schema.TaggedError<SocketError>()("SocketError", {
  reason: Schema.Union([ListenFailed, ConnectionUnknown])
}) {
  override get message() {
    return this.reason.message
  }
}

/** What engines may differ in (SOC3). */
export type Capability =
  /** Protocol pings with a measured round trip. */
  | "ping"
  /** A peer that sends too fast can be held back. */
  | "pause"
  /** permessage-deflate can be switched on. */
  | "compression"
  /** Frames of one turn leave in one write. */
  | "coalescing"

/** Where a connection came from, as far as the upgrade request said. */
export interface Metadata {
  readonly address: string
  /** Empty for a native client. */
  readonly origin: string
  readonly userAgent: string
}

/** What a slow connection missed: by topic, the first durable frame that was not queued (CON8). */
export type Folded = ReadonlyMap<TopicId, Frame>

export interface Connection {
  readonly id: ConnectionId
  readonly metadata: Metadata
  readonly connectedAt: Instant
  /** When anything was last heard of the peer, pongs included (CON3). */
  readonly lastActivity: () => Instant
  /**
   * Queues a frame; it leaves at the end of this turn of the event loop. While more than `outboxFold` bytes wait, durable
   * frames are folded per topic and others kept only as the latest under their key; above `outboxMax` the connection is closed.
   */
  readonly deliver: (frame: Frame) => void
  /** Lets durable frames of a folded topic through again; called when its catch-up is about to be delivered. */
  readonly unfold: (topic: TopicId) => void
  /** Text outside any topic; may not be folded. */
  readonly send: (text: string) => Effect.Effect<void>
  /** Sends what is queued, then the close frame; cuts a peer that does not answer within a second. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /** The round trip in milliseconds. Fails when the connection goes before it answers. */
  readonly ping: Effect.Effect<number, SocketError>
  /** Bytes that have not been given to the network. */
  readonly bufferedAmount: () => number
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

export type MessageHandler = (connection: Connection, text: string) => void

export class Socket extends Context.Service<Socket, {
  readonly capabilities: ReadonlySet<Capability>
  /** Starts listening; succeeds with the address once connections are taken. */
  readonly start: Effect.Effect<{ readonly address: string; readonly port: number }, SocketError>
  /** Takes no more connections, closes those there are with 1012, and stops listening. */
  readonly stop: Effect.Effect<void>
  readonly isRunning: Effect.Effect<boolean>
  /** Undefined while not running. */
  readonly getAddress: Effect.Effect<string | undefined>
  readonly getPort: Effect.Effect<number | undefined>
  readonly getConnection: (id: ConnectionId) => Effect.Effect<Connection, SocketError>
  readonly getAllConnections: Effect.Effect<ReadonlyArray<Connection>>
  readonly getConnectionCount: Effect.Effect<number>
  readonly closeConnection: (id: ConnectionId, code: number, reason: string) => Effect.Effect<void, SocketError>
  readonly send: (id: ConnectionId, text: string) => Effect.Effect<void, SocketError>
  /** To every connection that `filter` takes; the text is encoded once. Succeeds with how many those were. */
  readonly broadcast: (text: string, filter?: (connection: Connection) => boolean) => Effect.Effect<number>
  /** Listeners hear until their scope closes. */
  readonly onConnection: (listener: (connection: Connection) => void) => Effect.Effect<void, never, Scope.Scope>
  readonly onDisconnection: (
    listener: (connection: Connection, code: number) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Faults of one connection; it is closed already, and nobody else notices. */
  readonly onError: (
    listener: (connection: Connection, fault: unknown) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /**
   * A connection that could not take everything at once has room again. Until `unfold`, durable frames of the topics
   * in `folded`, if any, keep being held back.
   */
  readonly onDrained: (
    listener: (connection: Connection, folded: Folded) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Who takes messages of a type; the handler of `"*"` takes all that no other does. The latest one counts. */
  readonly registerMessageHandler: (type: string, handler: MessageHandler) => Effect.Effect<void, never, Scope.Scope>
  /** Hands a text to the handler of its type, as if it had come from the connection. */
  readonly routeMessage: (connection: Connection, text: string) => Effect.Effect<void>
}>()("choir/services/Socket") {}
