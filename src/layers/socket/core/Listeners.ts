/** Registrations of one engine: the part of the contract that is the same for all engines (SOC1). */
import { Effect } from "effect"
import type { CoalescedTopics, Connection, MessageHandler, Socket } from "../../../services/Socket.ts"
import { addListener } from "../../runtime/ScopedListeners.ts"

type Registrations = Pick<
  Socket["Service"],
  "onConnection" | "onDisconnection" | "onError" | "onDrained" | "registerMessageHandler" | "routeMessage"
>

/** The registrations, and the calls that reach everything registered. Exceptions of listeners propagate. */
export interface Listeners extends Registrations {
  readonly notifyConnected: (connection: Connection) => void
  readonly notifyDisconnected: (connection: Connection, code: number) => void
  readonly notifyError: (connection: Connection, fault: unknown) => void
  readonly notifyDrained: (connection: Connection, coalesced: CoalescedTopics) => void
  /** Handles an incoming text. Replaced at each registration: a sole handler of `"*"` is called directly. */
  handleMessage: MessageHandler
}

/** No listeners and no handlers. */
export const make = (): Listeners => {
  const connectionListeners = new Set<Listeners["notifyConnected"]>()
  const disconnectionListeners = new Set<Listeners["notifyDisconnected"]>()
  const errorListeners = new Set<Listeners["notifyError"]>()
  const drainedListeners = new Set<Listeners["notifyDrained"]>()
  const handlers = new Map<string, MessageHandler>()

  const dispatchByType: MessageHandler = (connection, text) => {
    const handler = handlers.get(messageType(text)) ?? handlers.get("*")
    handler?.(connection, text)
  }

  const listeners: Listeners = {
    notifyConnected: (connection) => connectionListeners.forEach((listener) => listener(connection)),
    notifyDisconnected: (connection, code) => disconnectionListeners.forEach((listener) => listener(connection, code)),
    notifyError: (connection, fault) => errorListeners.forEach((listener) => listener(connection, fault)),
    notifyDrained: (connection, coalesced) => drainedListeners.forEach((listener) => listener(connection, coalesced)),
    handleMessage: dispatchByType,
    onConnection: (listener) => addListener(connectionListeners, listener),
    onDisconnection: (listener) => addListener(disconnectionListeners, listener),
    onError: (listener) => addListener(errorListeners, listener),
    onDrained: (listener) => addListener(drainedListeners, listener),
    registerMessageHandler: (type, handler) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          handlers.set(type, handler)
          selectHandler()
        }),
        () =>
          Effect.sync(() => {
            if (handlers.get(type) === handler) handlers.delete(type)
            selectHandler()
          })
      )),
    routeMessage: (connection, text) => Effect.sync(() => listeners.handleMessage(connection, text))
  }

  /** A sole handler of everything reads the text itself, so that nothing is parsed twice. */
  const selectHandler = () => {
    const wildcardHandler = handlers.get("*")
    listeners.handleMessage = wildcardHandler !== undefined && handlers.size === 1 ? wildcardHandler : dispatchByType
  }

  return listeners
}

const messageType = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && "type" in value ? String(value.type) : "*"
  } catch {
    return "*"
  }
}
