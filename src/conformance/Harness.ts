/**
 * The input of a conformance run (SOC4), an engine's layer and clients that
 * connect to it, and the helpers of checks. Independent of test runners.
 */
import { Cause, Effect, type Layer, Queue, Schema, type Scope } from "effect"
import type { Limits } from "../domain/protocol/Limits.ts"
import { type Capability, type CoalescedTopics, type Connection, Socket, type SocketError } from "../services/Socket.ts"

/** Optional abilities of a client. A check that needs one which the harness lacks is not part of its suite. */
export type ClientCapability =
  /** Stop reading, so that the engine has to queue what it sends. */
  | "stall"
  /** Connect without ever answering a ping. */
  | "ignorePings"
  /** Send a message that is no text. */
  | "binary"
  /** Send bytes that violate the engine's own protocol. */
  | "garbage"
  /** End the connection without a close frame. */
  | "terminate"

/** One client of the engine. */
export interface Client {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  /** The next text from the engine. */
  readonly nextMessage: Effect.Effect<string>
  /** Waits for the end of the connection. */
  readonly closed: Effect.Effect<{ readonly code: number; readonly reason: string }>
  readonly stall?: () => void
  readonly resume?: () => void
  readonly binary?: () => void
  readonly garbage?: () => void
  readonly terminate?: () => void
}

/** The client was rejected, or could not reach the engine. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", { reason: Schema.String }) {
  override get message() {
    return `the client could not connect: ${this.reason}`
  }
}

/** The subject of the checks. `R`: the services besides the engine that the clients need. */
export interface Harness<R = never, E = never> {
  readonly name: string
  /** The engine, not started, with the limits of one check. */
  readonly engine: (limits: Limits) => Layer.Layer<Socket | R, E>
  readonly clientCapabilities: ReadonlySet<ClientCapability>
  /** Connects a client; succeeds when it is connected. It disconnects when the scope closes. */
  readonly connect: (
    address: { readonly address: string; readonly port: number },
    options: { readonly ignorePings: boolean }
  ) => Effect.Effect<Client, ConnectFailed, R | Scope.Scope>
}

/** The engine violates the contract. */
export class ConformanceFailure extends Schema.TaggedError<ConformanceFailure>()("ConformanceFailure", {
  expected: Schema.String,
  found: Schema.String
}) {
  override get message() {
    return `expected ${this.expected}, found ${this.found}`
  }
}

/** Fails unless both values have the same JSON. */
export const expectEqual = (
  what: string,
  actual: unknown,
  expected: unknown
): Effect.Effect<void, ConformanceFailure> => {
  const [actualText, expectedText] = [JSON.stringify(actual) ?? "nothing", JSON.stringify(expected) ?? "nothing"]
  return actualText === expectedText
    ? Effect.void
    : Effect.fail(
      new ConformanceFailure({ expected: `${what} to be ${truncate(expectedText)}`, found: truncate(actualText) })
    )
}

/** Fails unless `condition` holds. */
export const expectTrue = (expected: string, condition: boolean): Effect.Effect<void, ConformanceFailure> =>
  condition ? Effect.void : Effect.fail(new ConformanceFailure({ expected, found: "the opposite" }))

/** Fails unless the effect fails with that reason of a `SocketError`. */
export const expectFailure = (operation: string, effect: Effect.Effect<unknown, SocketError>, reason: string) =>
  Effect.matchCauseEffect(effect, {
    onSuccess: () => expectEqual(operation, "success", reason),
    onFailure: (cause) => {
      const error = Cause.squash(cause)
      const found = typeof error === "object" && error !== null && "reason" in error ? error.reason : error
      return expectEqual(
        operation,
        typeof found === "object" && found !== null && "_tag" in found ? found._tag : String(found),
        reason
      )
    }
  })

/** Fails unless the next connection to end is this one, with this code. */
export const expectDisconnected = <R>({ nextDisconnection }: RunningEngine<R>, { id }: Connection, code: number) =>
  Effect.flatMap(
    nextDisconnection,
    (ended) => expectEqual("the connection that ended and its code", [ended.connection.id, ended.code], [id, code])
  )

/** Fails unless the next text that the engine receives is one of this client, on its connection. */
export const expectConnected = <R>(
  { nextMessage }: RunningEngine<R>,
  [client, { id }]: readonly [Client, Connection]
) =>
  Effect.suspend(() => {
    client.send("still connected")
    return Effect.flatMap(nextMessage, ({ connection, text }) =>
      expectEqual("the sender and its text", [connection.id, text], [id, "still connected"]))
  })

const truncate = (text: string): string =>
  text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text

/** A started engine, and its events as queues. */
export interface RunningEngine<R> {
  readonly socket: Socket["Service"]
  readonly address: { readonly address: string; readonly port: number }
  /** Connects a client; returns it with the engine's side of the connection. */
  readonly connect: (
    options?: { readonly ignorePings: boolean }
  ) => Effect.Effect<readonly [Client, Connection], ConnectFailed, R | Scope.Scope>
  /** The next text that the handler of `"*"` received, and its connection. */
  readonly nextMessage: Effect.Effect<{ readonly connection: Connection; readonly text: string }>
  readonly nextDisconnection: Effect.Effect<{ readonly connection: Connection; readonly code: number }>
  readonly nextError: Effect.Effect<{ readonly connection: Connection; readonly fault: unknown }>
  readonly nextDrained: Effect.Effect<{ readonly connection: Connection; readonly coalesced: CoalescedTopics }>
  /** Numbers of events that were not taken yet. */
  readonly pendingEvents: Effect.Effect<{ readonly connected: number; readonly disconnected: number }>
}

/** One check before it is bound to an engine. */
export interface Scenario<R> {
  readonly title: string
  readonly clientCapabilities?: ReadonlyArray<ClientCapability>
  /** An engine that does not declare it passes: the check does not apply. */
  readonly capability?: Capability
  readonly limits?: Partial<Limits>
  readonly run: Effect.Effect<void, ConformanceFailure | ConnectFailed | SocketError, Socket | R | Scope.Scope>
}

/** Starts the engine and registers for all of its events. */
export const startEngine = <R, E>(
  harness: Harness<R, E>
): Effect.Effect<RunningEngine<R>, SocketError, Socket | Scope.Scope> =>
  Effect.gen(function*() {
    const socket = yield* Socket
    const connections = yield* Queue.unbounded<Connection>()
    const messages = yield* Queue.unbounded<{ readonly connection: Connection; readonly text: string }>()
    const disconnections = yield* Queue.unbounded<{ readonly connection: Connection; readonly code: number }>()
    const errors = yield* Queue.unbounded<{ readonly connection: Connection; readonly fault: unknown }>()
    const drainedEvents = yield* Queue.unbounded<
      { readonly connection: Connection; readonly coalesced: CoalescedTopics }
    >()
    yield* socket.onConnection((connection) => void Queue.offerUnsafe(connections, connection))
    yield* socket.onDisconnection((connection, code) => void Queue.offerUnsafe(disconnections, { connection, code }))
    yield* socket.onError((connection, fault) => void Queue.offerUnsafe(errors, { connection, fault }))
    yield* socket.onDrained((connection, coalesced) => void Queue.offerUnsafe(drainedEvents, { connection, coalesced }))
    yield* socket.registerMessageHandler("*", (from, text) =>
      void Queue.offerUnsafe(messages, { connection: from, text }))
    const address = yield* socket.start
    return {
      socket,
      address,
      connect: (options = { ignorePings: false }) =>
        Effect.gen(function*() {
          const client = yield* harness.connect(address, options)
          return [client, yield* Queue.take(connections)] as const
        }),
      nextMessage: Queue.take(messages),
      nextDisconnection: Queue.take(disconnections),
      nextError: Queue.take(errors),
      nextDrained: Queue.take(drainedEvents),
      pendingEvents: Effect.all({ connected: Queue.size(connections), disconnected: Queue.size(disconnections) })
    }
  })
