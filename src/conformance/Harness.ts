/**
 * What a conformance run is given (SOC4): an engine to build anew for each
 * check, and clients that reach it. Nothing here knows of a test runner.
 */
import { Cause, Effect, type Layer, Queue, Schema, type Scope } from "effect"
import type { Limits } from "../domain/Limits.ts"
import { type Capability, type Connection, type Folded, Socket, type SocketError } from "../services/Socket.ts"

/** What a client may be able to do beyond talking; checks that need more than yours can do are left out, by name. */
export type Skill =
  /** Stop reading, so that the engine has to keep what it says. */
  | "stall"
  /** Connect without ever answering a ping. */
  | "mute"
  /** Send something that is no text. */
  | "binary"
  /** Send bytes that break the engine's own protocol. */
  | "garbage"
  /** Vanish without a word. */
  | "vanish"

/** One client of the engine. */
export interface Client {
  readonly send: (text: string) => void
  readonly close: (code: number) => void
  /** The next text that was heard. */
  readonly next: Effect.Effect<string>
  /** How the connection ended; waits for it. */
  readonly closed: Effect.Effect<{ readonly code: number; readonly reason: string }>
  readonly stall?: () => void
  readonly unstall?: () => void
  readonly binary?: () => void
  readonly garbage?: () => void
  readonly vanish?: () => void
}

/** The client was turned away, or nobody answered. */
export class NotConnected extends Schema.TaggedError<NotConnected>()("NotConnected", { why: Schema.String }) {
  override get message() {
    return `the client could not connect: ${this.why}`
  }
}

/** What to run the checks against. `R` is what your clients need of your layer beside the engine. */
export interface Harness<R = never, E = never> {
  readonly name: string
  /** The engine, not started, with the limits of one check. */
  readonly engine: (limits: Limits) => Layer.Layer<Socket | R, E>
  readonly skills: ReadonlySet<Skill>
  /** Opens a client; done when both sides know of it. It ends with the scope. */
  readonly connect: (
    at: { readonly address: string; readonly port: number },
    options: { readonly mute: boolean }
  ) => Effect.Effect<Client, NotConnected, R | Scope.Scope>
}

/** The engine did not do what the contract says. */
export class Nonconforming extends Schema.TaggedError<Nonconforming>()("Nonconforming", {
  expected: Schema.String,
  found: Schema.String
}) {
  override get message() {
    return `expected ${this.expected}, found ${this.found}`
  }
}

/** Fails unless `found` is what was expected, by its JSON. */
export const same = (what: string, found: unknown, expected: unknown): Effect.Effect<void, Nonconforming> => {
  const [is, should] = [JSON.stringify(found) ?? "nothing", JSON.stringify(expected) ?? "nothing"]
  return is === should
    ? Effect.void
    : Effect.fail(new Nonconforming({ expected: `${what} to be ${brief(should)}`, found: brief(is) }))
}

/** Fails unless `truth` holds. */
export const holds = (expected: string, truth: boolean): Effect.Effect<void, Nonconforming> =>
  truth ? Effect.void : Effect.fail(new Nonconforming({ expected, found: "otherwise" }))

/** Fails unless the effect fails with that reason of a `SocketError`. */
export const refused = (what: string, effect: Effect.Effect<unknown, SocketError>, reason: string) =>
  Effect.matchCauseEffect(effect, {
    onSuccess: () => same(what, "success", reason),
    onFailure: (cause) => {
      const error = Cause.squash(cause)
      const found = typeof error === "object" && error !== null && "reason" in error ? error.reason : error
      return same(
        what,
        typeof found === "object" && found !== null && "_tag" in found ? found._tag : String(found),
        reason
      )
    }
  })

const brief = (text: string): string => text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text

/** An engine that runs, and everything it says. */
export interface Running<R> {
  readonly socket: Socket["Service"]
  readonly at: { readonly address: string; readonly port: number }
  /** A client and the engine's side of it. */
  readonly join: (
    options?: { readonly mute: boolean }
  ) => Effect.Effect<readonly [Client, Connection], NotConnected, R | Scope.Scope>
  /** The next text that the handler for everything took, and from whom. */
  readonly heard: Effect.Effect<{ readonly from: Connection; readonly text: string }>
  readonly ended: Effect.Effect<{ readonly who: Connection; readonly code: number }>
  readonly failed: Effect.Effect<{ readonly who: Connection; readonly fault: unknown }>
  readonly drained: Effect.Effect<{ readonly who: Connection; readonly folded: Folded }>
  /** Events that nobody has taken yet: connections, ends. */
  readonly untaken: Effect.Effect<{ readonly opened: number; readonly ended: number }>
}

/** One check before it is bound to an engine. */
export interface Scenario<R> {
  readonly title: string
  readonly skills?: ReadonlyArray<Skill>
  /** Not asked of engines that do not declare it. */
  readonly capability?: Capability
  readonly limits?: Partial<Limits>
  readonly run: Effect.Effect<void, Nonconforming | NotConnected | SocketError, Socket | R | Scope.Scope>
}

/** Starts the engine and listens to all it has to say. */
export const begin = <R, E>(harness: Harness<R, E>): Effect.Effect<Running<R>, SocketError, Socket | Scope.Scope> =>
  Effect.gen(function*() {
    const socket = yield* Socket
    const opened = yield* Queue.unbounded<Connection>()
    const texts = yield* Queue.unbounded<{ readonly from: Connection; readonly text: string }>()
    const ends = yield* Queue.unbounded<{ readonly who: Connection; readonly code: number }>()
    const faults = yield* Queue.unbounded<{ readonly who: Connection; readonly fault: unknown }>()
    const drains = yield* Queue.unbounded<{ readonly who: Connection; readonly folded: Folded }>()
    yield* socket.onConnection((connection) => void Queue.offerUnsafe(opened, connection))
    yield* socket.onDisconnection((who, code) => void Queue.offerUnsafe(ends, { who, code }))
    yield* socket.onError((who, fault) => void Queue.offerUnsafe(faults, { who, fault }))
    yield* socket.onDrained((who, folded) => void Queue.offerUnsafe(drains, { who, folded }))
    yield* socket.registerMessageHandler("*", (from, text) => void Queue.offerUnsafe(texts, { from, text }))
    const at = yield* socket.start
    return {
      socket,
      at,
      join: (options = { mute: false }) =>
        Effect.gen(function*() {
          const client = yield* harness.connect(at, options)
          return [client, yield* Queue.take(opened)] as const
        }),
      heard: Queue.take(texts),
      ended: Queue.take(ends),
      failed: Queue.take(faults),
      drained: Queue.take(drains),
      untaken: Effect.all({ opened: Queue.size(opened), ended: Queue.size(ends) })
    }
  })
