/** Who listens to a socket engine: the part of the contract that is the same for all engines (SOC1). */
import { Effect, type Scope } from "effect"
import type { Connection, Folded, MessageHandler, Socket } from "../../services/Socket.ts"

type Registration = Pick<
  Socket["Service"],
  "onConnection" | "onDisconnection" | "onError" | "onDrained" | "registerMessageHandler" | "routeMessage"
>

export interface Listeners extends Registration {
  readonly opened: (connection: Connection) => void
  readonly closed: (connection: Connection, code: number) => void
  readonly failed: (connection: Connection, fault: unknown) => void
  readonly drained: (connection: Connection, folded: Folded) => void
  readonly heard: MessageHandler
}

export const make = (): Listeners => {
  const opened = new Set<Listeners["opened"]>()
  const closed = new Set<Listeners["closed"]>()
  const failed = new Set<Listeners["failed"]>()
  const drained = new Set<Listeners["drained"]>()
  const handlers = new Map<string, MessageHandler>()

  const heard: MessageHandler = (connection, text) => {
    const everything = handlers.get("*")
    // The usual case: one handler reads the text itself, and nobody reads it twice.
    const handler = everything !== undefined && handlers.size === 1
      ? everything
      : handlers.get(typeOf(text)) ?? everything
    handler?.(connection, text)
  }

  return {
    opened: (connection) => opened.forEach((listener) => listener(connection)),
    closed: (connection, code) => closed.forEach((listener) => listener(connection, code)),
    failed: (connection, fault) => failed.forEach((listener) => listener(connection, fault)),
    drained: (connection, folded) => drained.forEach((listener) => listener(connection, folded)),
    heard,
    onConnection: (listener) => add(opened, listener),
    onDisconnection: (listener) => add(closed, listener),
    onError: (listener) => add(failed, listener),
    onDrained: (listener) => add(drained, listener),
    registerMessageHandler: (type, handler) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => void handlers.set(type, handler)),
        () => Effect.sync(() => handlers.get(type) === handler && handlers.delete(type))
      )),
    routeMessage: (connection, text) => Effect.sync(() => heard(connection, text))
  }
}

const add = <A>(all: Set<A>, one: A): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => void all.add(one)),
    () => Effect.sync(() => all.delete(one))
  ))

const typeOf = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && "type" in value ? String(value.type) : "*"
  } catch {
    return "*"
  }
}
