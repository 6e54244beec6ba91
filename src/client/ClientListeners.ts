/**
 * The callbacks of a client's users: listeners of changes and of events, and the callbacks that wait for an outcome.
 * A listener that throws stops neither the machine nor another listener.
 */
import { Effect, Result } from "effect"
import type { TopicId } from "../domain/protocol/Ids.ts"
import { ClientError, type ClientErrorReason } from "./ClientError.ts"
import type { ReceivedEvent } from "./ClientModel.ts"

/** Removes a listener. Calling it again has no effect. */
export type Unsubscribe = () => void

/** Receives durable events of a topic, in order. */
export type EventListener = (topic: TopicId, events: ReadonlyArray<ReceivedEvent>) => void

/** The listeners of one client. `onError` receives the exceptions of listeners. */
export class ClientListeners {
  private readonly onError: (cause: unknown) => void
  private readonly changeListeners = new Set<() => void>()
  private readonly eventListeners = new Set<EventListener>()

  constructor(onError: (cause: unknown) => void) {
    this.onError = onError
  }

  /** Calls back after each change of the state. */
  onChange(listener: () => void): Unsubscribe {
    // A wrapper, so that one function can be added twice.
    const entry = () => listener()
    this.changeListeners.add(entry)
    return () => void this.changeListeners.delete(entry)
  }

  /** Calls back with the durable events of every topic, as replicas apply them. */
  onEvents(listener: EventListener): Unsubscribe {
    const entry: EventListener = (topic, events) => listener(topic, events)
    this.eventListeners.add(entry)
    return () => void this.eventListeners.delete(entry)
  }

  /** Calls the change listeners. */
  notifyChange(): void {
    for (const listener of this.changeListeners) this.callSafely(listener)
  }

  /** Calls the event listeners. */
  notifyEvents(topic: TopicId, events: ReadonlyArray<ReceivedEvent>): void {
    for (const listener of this.eventListeners) this.callSafely(() => listener(topic, events))
  }

  private callSafely(call: () => void): void {
    try {
      call()
    } catch (cause) {
      this.onError(cause)
    }
  }
}

/** Callbacks by the id of the command or query whose outcome they wait for. An id may have several. */
export class OutcomeCallbacks<A> {
  private readonly callbacks = new Map<string, Set<(outcome: Result.Result<A, ClientErrorReason>) => void>>()

  /** Runs `submit`, then waits for the outcome of `id`. Calls `onAbandoned` when the last fiber that waits is interrupted. */
  awaitOutcome(id: string, submit: () => void, onAbandoned: () => void = () => {}): Effect.Effect<A, ClientError> {
    return Effect.callback<A, ClientError>((resume) => {
      const callback = (outcome: Result.Result<A, ClientErrorReason>) =>
        resume(Effect.fromResult(Result.mapError(outcome, (reason) => new ClientError({ reason }))))
      const callbacks = this.callbacks.get(id) ?? new Set()
      this.callbacks.set(id, callbacks.add(callback))
      submit()
      return Effect.sync(() => {
        callbacks.delete(callback)
        if (callbacks.size > 0 || this.callbacks.get(id) !== callbacks) return
        this.callbacks.delete(id)
        onAbandoned()
      })
    })
  }

  /** Resumes all that wait for the outcome of `id`. */
  complete(id: string, outcome: Result.Result<A, ClientErrorReason>): void {
    const callbacks = this.callbacks.get(id)
    this.callbacks.delete(id)
    callbacks?.forEach((callback) => callback(outcome))
  }
}
