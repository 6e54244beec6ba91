/**
 * The WebSocket engine (SOC1, SOC2): connections, frames out, texts in. Knows
 * nothing of users, topics or what the texts mean.
 *
 * Listeners are plain callbacks on the engine's own turn, so that a frame is
 * answered where it arrives; they must not block or throw.
 */
import { Context, Effect, Schema, type Scope } from "effect"
import type { ConnectionId, Instant, TopicId } from "../domain/protocol/Ids.ts"
import type { OutboundFrame } from "./OutboundFrame.ts"

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
export class ConnectionNotFound extends Schema.TaggedError<ConnectionNotFound>()("ConnectionNotFound", {
  connection: Schema.String
}) {
  override get message() {
    return `no connection ${this.connection}`
  }
}

/** What engines may differ in (SOC3). Whatever an engine does not declare fails with `Unsupported`. */
export const Capability = Schema.Literals([
  /** Pings on demand, with a measured round trip. */
  "ping",
  /** A peer that sends too fast can be held back. */
  "pause",
  /** What waits for a slow peer is known, folded and bounded (CON8). */
  "backpressure",
  /** Frames of one turn leave in one write. */
  "batching",
  /** permessage-deflate can be switched on. */
  "compression"
])
export type Capability = typeof Capability.Type

/** The engine never declared that it can do this. */
export class UnsupportedCapability
  extends Schema.TaggedError<UnsupportedCapability>()("UnsupportedCapability", { capability: Capability })
{
  override get message() {
    return `this engine has no ${this.capability}`
  }
}

/** The engine's package is not installed; `install` is the command that changes it. */
export class EngineNotInstalled extends Schema.TaggedError<EngineNotInstalled>()("EngineNotInstalled", {
  setting: Schema.String,
  install: Schema.String
}) {
  override get message() {
    return `${this.setting} needs a package that is not installed: ${this.install}`
  }
}

/** An engine from outside lacks members of the contract (SOC4). */
export class EngineIncomplete extends Schema.TaggedError<EngineIncomplete>()("EngineIncomplete", {
  missing: Schema.Array(Schema.String)
}) {
  override get message() {
    return `the socket engine is incomplete: it lacks ${this.missing.join(", ")}`
  }
}

export class SocketError extends Schema.TaggedError<SocketError>()("SocketError", {
  reason: Schema.Union([ListenFailed, ConnectionNotFound, UnsupportedCapability, EngineNotInstalled, EngineIncomplete])
}) {
  override get message() {
    return this.reason.message
  }
}

/** Where a connection came from, as far as the upgrade request said. */
export interface ConnectionMetadata {
  readonly address: string
  /** Empty for a native client. */
  readonly origin: string
  readonly userAgent: string
}

/** What a slow connection missed: by topic, the first durable frame that was not queued (CON8). */
export type CoalescedTopics = ReadonlyMap<TopicId, OutboundFrame>

export interface Connection {
  readonly id: ConnectionId
  readonly metadata: ConnectionMetadata
  readonly connectedAt: Instant
  /** For whoever serves the connection, to find what belongs to it; the engine leaves it alone. */
  attachment?: unknown
  /** When the peer last gave a sign of life, pongs and bytes that it took after a long wait included (CON3). */
  readonly lastActivity: () => Instant
  /**
   * Queues a frame; it leaves at the end of this turn of the event loop. While more than `outboxFold` bytes wait, durable
   * frames are folded per topic and others kept only as the latest under their key; above `outboxMax` the connection is closed.
   */
  readonly deliver: (frame: OutboundFrame) => void
  /** Whether other messages may join a frame until it leaves (`Frame.more`). */
  readonly supportsBatching?: boolean
  /** Lets durable frames of a folded topic through again; called when its catch-up is about to be delivered. */
  readonly uncoalesce: (topic: TopicId) => void
  /** Text outside any topic; may not be folded. */
  readonly send: (text: string) => Effect.Effect<void>
  /** Sends what is queued, then the close frame; cuts a peer that does not answer within a second. */
  readonly close: (code: number, reason: string) => Effect.Effect<void>
  /** The round trip in milliseconds. Fails without the capability, and when the connection goes before it answers. */
  readonly ping: Effect.Effect<number, SocketError>
  /** Bytes that have not been given to the network; 0 without the capability `backpressure`. */
  readonly bufferedAmount: () => number
  /** Takes nothing more from the peer until `resume`. */
  readonly pause: Effect.Effect<void, SocketError>
  readonly resume: Effect.Effect<void, SocketError>
}

/** Must not block. One that throws ends its connection with 1011 and is told to `onError`; nobody else notices. */
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
   * A connection for which more than `outboxFold` bytes waited has room again. Until `unfold`, durable frames of the topics
   * in `folded`, if any, keep being held back.
   */
  readonly onDrained: (
    listener: (connection: Connection, folded: CoalescedTopics) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Who takes messages of a type; the handler of `"*"` takes all that no other does. The latest one counts. */
  readonly registerMessageHandler: (type: string, handler: MessageHandler) => Effect.Effect<void, never, Scope.Scope>
  /** Hands a text to the handler of its type, as if it had come from the connection. */
  readonly routeMessage: (connection: Connection, text: string) => Effect.Effect<void>
}>()("choir/services/Socket") {}

const contractMembers: { readonly [M in keyof Socket["Service"]]: "set" | "effect" | "function" } = {
  capabilities: "set",
  start: "effect",
  stop: "effect",
  isRunning: "effect",
  getAddress: "effect",
  getPort: "effect",
  getConnection: "function",
  getAllConnections: "effect",
  getConnectionCount: "effect",
  closeConnection: "function",
  send: "function",
  broadcast: "function",
  onConnection: "function",
  onDisconnection: "function",
  onError: "function",
  onDrained: "function",
  registerMessageHandler: "function",
  routeMessage: "function"
}

/** The contract's members that a value lacks or has as something else (SOC4). */
export const missingMembers = (engine: unknown): ReadonlyArray<string> =>
  Object.entries(contractMembers).filter(([name, kind]) => {
    const member: unknown = typeof engine === "object" && engine !== null ? Reflect.get(engine, name) : undefined
    if (kind === "set") return !(member instanceof Set)
    return kind === "effect" ? !Effect.isEffect(member) : typeof member !== "function"
  }).map(([name]) => name)

/** The engine itself, or a failure with the names of what it lacks. */
export const requireComplete = (engine: Socket["Service"]): Effect.Effect<Socket["Service"], SocketError> => {
  const missing = missingMembers(engine)
  return missing.length === 0
    ? Effect.succeed(engine)
    : Effect.fail(new SocketError({ reason: new EngineIncomplete({ missing }) }))
}
