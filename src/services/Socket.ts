/**
 * The WebSocket server as a service (SOC1, SOC2): connections, outgoing frames
 * and incoming texts. Independent of users, topics and message formats.
 *
 * **When to use**
 *
 * Use `Socket` to write code that runs on every engine: `ws`, uWebSockets.js,
 * Socket.IO or the in-memory one. Implement it, over `SocketEngine.make` or from
 * scratch, to bring an engine of your own, and run `choir/conformance` on it.
 *
 * **Details**
 *
 * Listeners and handlers are synchronous callbacks in the engine's own turn of
 * the event loop, so that no fiber is needed per message. Outgoing frames are
 * queued per connection and written at the end of the turn. Differences between
 * engines are declared in `capabilities`; what an engine does not declare fails
 * with `UnsupportedCapability`. An incomplete implementation does not compile,
 * and a server does not start with one (SOC4).
 *
 * **Gotchas**
 *
 * - A listener must not block. If it throws, its connection is closed with 1011.
 * - `send` and `deliver` return when the text is queued, not when it was received.
 * - A registration ends with the scope in which it was made.
 *
 * **Example**
 *
 * An echo server, and a client in the same process.
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const socket = yield* Services.Socket.Socket
 *   yield* socket.registerMessageHandler("*", (connection, text) =>
 *     connection.deliver({ text: `echo ${text}`, lane: { _tag: "Reply" } }))
 *   yield* socket.start
 *
 *   const { connect } = yield* Layers.SocketMemory.MemoryConnector
 *   const client = connect()
 *   client.addEventListener("open", () => client.send("hello"))
 *   return yield* Effect.callback<unknown>((resume) =>
 *     client.addEventListener("message", (event) => resume(Effect.succeed(event)))
 *   )
 * })
 *
 * const engine = Layers.SocketMemory.layer(Domain.Limits.defaults)
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, engine))))
 * // => { data: "echo hello" }
 * ```
 */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { ConnectionId, Instant, TopicId } from "../domain/protocol/Ids.ts"
import type { OutboundFrame } from "./OutboundFrame.ts"

/** The server could not listen on this address; `code` is the system's, such as EADDRINUSE. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  host: Schema.String,
  port: Schema.Natural,
  code: Schema.String
}) {
  override get message() {
    return `cannot listen on ${this.host}:${this.port} (${this.code})`
  }
}

/** No connection with this id is open. */
export class ConnectionNotFound extends Schema.TaggedError<ConnectionNotFound>()("ConnectionNotFound", {
  connection: Schema.String
}) {
  override get message() {
    return `no connection ${this.connection}`
  }
}

/**
 * The optional features of engines (SOC3). An undeclared operation fails with `UnsupportedCapability`.
 */
export const Capability = Schema.Literals([
  /** Pings on demand, with a measured round trip. */
  "ping",
  /** Reading from a peer can be suspended. */
  "pause",
  /** The bytes queued for a slow peer are known, coalesced and bounded (CON8). */
  "backpressure",
  /** The frames of one turn leave in one write, and messages can be appended to a queued frame (SYN9). */
  "batching",
  /** permessage-deflate can be switched on. */
  "compression"
])
export type Capability = typeof Capability.Type

/** The engine does not declare this capability. */
export class UnsupportedCapability
  extends Schema.TaggedError<UnsupportedCapability>()("UnsupportedCapability", { capability: Capability })
{
  override get message() {
    return `this engine does not support ${this.capability}`
  }
}

/** The engine's package is not installed; `install` is the command that installs it. */
export class EngineNotInstalled extends Schema.TaggedError<EngineNotInstalled>()("EngineNotInstalled", {
  layer: Schema.String,
  install: Schema.String
}) {
  override get message() {
    return `${this.layer} needs a package that is not installed: ${this.install}`
  }
}

/** A third-party engine lacks members of the contract (SOC4). */
export class EngineIncomplete extends Schema.TaggedError<EngineIncomplete>()("EngineIncomplete", {
  missing: Schema.Array(Schema.String)
}) {
  override get message() {
    return `the socket engine is incomplete: it lacks ${this.missing.join(", ")}`
  }
}

/** The transport of one connection failed: a fault of the peer, such as a malformed frame, or of the network. */
export class TransportFailed extends Schema.TaggedError<TransportFailed>()("TransportFailed", {
  detail: Schema.String
}) {
  override get message() {
    return `the transport failed: ${this.detail}`
  }
}

/** Every failure of the service; the reason says which. */
export class SocketError extends Schema.TaggedError<SocketError>()("SocketError", {
  reason: Schema.Union([
    ListenFailed,
    ConnectionNotFound,
    UnsupportedCapability,
    EngineNotInstalled,
    EngineIncomplete,
    TransportFailed
  ])
}) {
  override get message() {
    return this.reason.message
  }
}

/** The origin of a connection, from its upgrade request. */
export interface ConnectionMetadata {
  /** The client's address, behind trusted proxies the forwarded one (OPS9). */
  readonly address: string
  /** The Origin header; empty for a client that is no browser. */
  readonly origin: string
  readonly userAgent: string
}

/** The frames withheld from a slow connection: by topic, the first one (CON8). */
export type CoalescedTopics = ReadonlyMap<TopicId, OutboundFrame>

/** One open connection. */
export interface Connection {
  readonly id: ConnectionId
  readonly metadata: ConnectionMetadata
  readonly connectedAt: Instant
  /** Data of the application; the engine neither reads nor writes it. */
  attachment?: unknown
  /** The time of the last frame or pong from the peer, or of progress in draining the send queue (CON3). */
  readonly lastActivity: () => Instant
  /**
   * Queues a frame, to be written at the end of this turn of the event loop. With more than `outboxFold` bytes pending,
   * durable frames are coalesced per topic and of ephemeral ones only the latest per key is kept; above `outboxMax` the
   * connection is closed with 4008 (CON8).
   */
  readonly deliver: (frame: OutboundFrame) => void
  /** Whether messages may be appended to a queued frame (`OutboundFrame.appended`). */
  readonly supportsBatching?: boolean
  /** Queues durable frames of a coalesced topic again; called right before its catch-up is delivered. */
  readonly uncoalesce: (topic: TopicId) => void
  /** Queues a text in the reply lane. */
  readonly send: (text: string) => Effect.Effect<void>
  /** Writes the queue, then the close frame; terminates the socket if the peer does not answer within a second. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /**
   * Measures the round-trip time in milliseconds. Fails if the connection closes first, or without the capability
   * `ping`.
   */
  readonly ping: Effect.Effect<number, SocketError>
  /** Bytes queued and not yet taken by the network; 0 without the capability `backpressure`. */
  readonly bufferedAmount: () => number
  /** Suspends reading from the peer until `resume`. */
  readonly pause: Effect.Effect<void, SocketError>
  readonly resume: Effect.Effect<void, SocketError>
}

/**
 * Must not block. If it throws, its connection is closed with 1011 and the fault is reported to `onError`; no other
 * connection is affected.
 */
export type MessageHandler = (connection: Connection, text: string) => void

/** The contract of all WebSocket engines (SOC1). */
export class Socket extends Context.Service<Socket, {
  readonly capabilities: ReadonlySet<Capability>
  /** Starts listening; succeeds with the address once connections are accepted. */
  readonly start: Effect.Effect<{ readonly address: string; readonly port: number }, SocketError>
  /** Accepts no more connections, closes the open ones with 1012, and stops listening. */
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
  /** Sends a text, encoded once, to every connection that passes `filter`; succeeds with their number. */
  readonly broadcast: (text: string, filter?: (connection: Connection) => boolean) => Effect.Effect<number>
  /** Called for each new connection until the scope closes. */
  readonly onConnection: (listener: (connection: Connection) => void) => Effect.Effect<void, never, Scope.Scope>
  readonly onDisconnection: (
    listener: (connection: Connection, code: number) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Called with a fault of one connection, which is being closed: a `SocketError` of its transport, or what a listener threw. */
  readonly onError: (
    listener: (connection: Connection, fault: unknown) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Called when a connection with more than `outboxFold` bytes pending has drained. Durable frames of the topics in
   * `coalesced` stay withheld until `uncoalesce`.
   */
  readonly onDrained: (
    listener: (connection: Connection, coalesced: CoalescedTopics) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Sets the handler of a message type, until the scope closes; `"*"` receives the types without one. The latest wins.
   */
  readonly registerMessageHandler: (type: string, handler: MessageHandler) => Effect.Effect<void, never, Scope.Scope>
  /** Passes a text to the handler of its type, as if the connection had sent it. */
  readonly routeMessage: (connection: Connection, text: string) => Effect.Effect<void>
}>()("choir/services/Socket") {}
