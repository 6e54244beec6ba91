/** Who listens to a socket engine: the part of the contract that is the same for all engines (SOC1). */
import { Effect, type Scope } from "effect"
import type { CoalescedTopics, Connection, MessageHandler, Socket } from "../../../services/Socket.ts"

type ListenerRegistration = Pick<
  Socket["Service"],
  "onConnection" | "onDisconnection" | "onError" | "onDrained" | "registerMessageHandler" | "routeMessage"
>

export interface Listeners extends ListenerRegistration {
  readonly notifyConnected: (connection: Connection) => void
  readonly notifyDisconnected: (connection: Connection, code: number) => void
  readonly notifyError: (connection: Connection, fault: unknown) => void
  readonly notifyDrained: (connection: Connection, folded: CoalescedTopics) => void
  readonly dispatchMessage: MessageHandler
}

export const make = (): Listeners => {
  const connectionListeners = new Set<Listeners["notifyConnected"]>()
  const disconnectionListeners = new Set<Listeners["notifyDisconnected"]>()
  const errorListeners = new Set<Listeners["notifyError"]>()
  const drainedListeners = new Set<Listeners["notifyDrained"]>()
  const handlers = new Map<string, MessageHandler>()

  const dispatchMessage: MessageHandler = (connection, text) => {
    const wildcardHandler = handlers.get("*")
    // The usual case: one handler reads the text itself, and nobody reads it twice.
    const handler = wildcardHandler !== undefined && handlers.size === 1
      ? wildcardHandler
      : handlers.get(messageType(text)) ?? wildcardHandler
    handler?.(connection, text)
  }

  return {
    notifyConnected: (connection) => connectionListeners.forEach((listener) => listener(connection)),
    notifyDisconnected: (connection, code) => disconnectionListeners.forEach((listener) => listener(connection, code)),
    notifyError: (connection, fault) => errorListeners.forEach((listener) => listener(connection, fault)),
    notifyDrained: (connection, coalesced) => drainedListeners.forEach((listener) => listener(connection, coalesced)),
    dispatchMessage,
    onConnection: (listener) => register(connectionListeners, listener),
    onDisconnection: (listener) => register(disconnectionListeners, listener),
    onError: (listener) => register(errorListeners, listener),
    onDrained: (listener) => register(drainedListeners, listener),
    registerMessageHandler: (type, handler) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => void handlers.set(type, handler)),
        () => Effect.sync(() => handlers.get(type) === handler && handlers.delete(type))
      )),
    routeMessage: (connection, text) => Effect.sync(() => dispatchMessage(connection, text))
  }
}

const register = <A>(registered: Set<A>, listener: A): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.sync(() => void registered.add(listener)),
    () => Effect.sync(() => registered.delete(listener))
  ))

const messageType = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && "type" in value ? String(value.type) : "*"
  } catch {
    return "*"
  }
}
