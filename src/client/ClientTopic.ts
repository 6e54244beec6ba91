/**
 * One topic as a client's user sees it: views as callbacks, `AsyncIterable` and `Stream`, and typed commands.
 * Subscribes to the server while it has at least one listener.
 */
import { Cause, Effect, Exit, Queue, Stream } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Base64Url from "effect/encoding/Base64Url"
import { CommandId, type TopicId } from "../domain/protocol/Ids.ts"
import { type Plain, plain } from "../domain/topic/SealedText.ts"
import type { Intent as KindIntent, Kind } from "../domain/topic/Topic.ts"
import { ClientError } from "./ClientError.ts"
import type { Unsubscribe } from "./ClientListeners.ts"
import type { Receipt, ReceivedEvent } from "./ClientModel.ts"
import type { ClientRuntime } from "./ClientRuntime.ts"
import { isReplicaOf, type Replica } from "./Replica.ts"

/** A snapshot of a topic: the confirmed state, and the state with the client's own pending commands applied. */
export interface View<S = unknown> extends Omit<Replica<S>, "kind"> {}

/** One topic, typed by its kind: `S` is the state, `C` the commands as they are sent. */
export interface Topic<S, C> {
  readonly id: TopicId
  /** The present view; undefined without a listener. */
  readonly view: () => View<S> | undefined
  /** Calls back with the present view, if there is one, and with each later one. */
  readonly onView: (listener: (view: View<S>) => void) => Unsubscribe
  /** Calls back with durable events as they are applied, in order; not with those that a snapshot contains. */
  readonly onEvents: (listener: (events: ReadonlyArray<ReceivedEvent>) => void) => Unsubscribe
  /** The newest view; a slow consumer misses intermediate ones. */
  readonly views: Stream.Stream<View<S>>
  readonly [Symbol.asyncIterator]: () => AsyncIterator<View<S>>
  /**
   * Sends a command and waits for its receipt, also while offline. It is retried under one id, and its texts are sealed
   * under one salt: `id` and `salt`, or new ones. Who sends it again later gives both again.
   * Interruption, as by `Effect.timeout`, withdraws it if it was not sent yet; one that was sent may take effect.
   */
  readonly send: (command: C, id?: string, salt?: string) => Effect.Effect<Receipt, ClientError>
  /** `send` as a promise, which rejects with a `ClientError`. A rejection because of `close` need not be handled. */
  readonly sendPromise: (command: C, id?: string, salt?: string) => Promise<Receipt>
  /** Shares the latest value under a key with subscribers; null removes it. Not logged; lost while offline (ROO3). */
  readonly signal: (key: string, value: unknown) => void
}

/** A new random salt for the texts of a command (TOP10). */
export const commandSalt = (): string => Base64Url.encode(SecureRandom.randomBytesUnsafe(24))

/** Counts the listeners of each topic, and subscribes to a topic while it has any. */
export class TopicWatches {
  private readonly runtime: ClientRuntime
  private readonly counts = new Map<TopicId, number>()

  constructor(runtime: ClientRuntime) {
    this.runtime = runtime
  }

  /** Adds a listener of a topic. */
  watch(topic: TopicId): Unsubscribe {
    const count = this.counts.get(topic) ?? 0
    this.counts.set(topic, count + 1)
    if (count === 0) this.runtime.dispatch({ _tag: "TopicWatched", topic })
    let watching = true
    return () => {
      if (!watching) return
      watching = false
      this.unwatch(topic)
    }
  }

  private unwatch(topic: TopicId): void {
    const remaining = (this.counts.get(topic) ?? 1) - 1
    if (remaining > 0) return void this.counts.set(topic, remaining)
    this.counts.delete(topic)
    this.runtime.dispatch({ _tag: "TopicUnwatched", topic })
  }
}

/** The topic `id` of `kind`, for users of a client. */
export const makeTopic = <S, C, A, E, I extends KindIntent, W extends { readonly _tag: string }>(
  runtime: ClientRuntime,
  watches: TopicWatches,
  kind: Kind<S, C, A, E, I, W>,
  id: TopicId,
  uuid: () => string
): Topic<S, W> => {
  const view = (): View<S> | undefined => {
    const replica = runtime.state().replicas.get(id)
    return replica !== undefined && isReplicaOf(replica, kind) ? replica : undefined
  }
  const whileWatched = (subscribe: () => Unsubscribe): Unsubscribe => {
    const unwatch = watches.watch(id)
    const unsubscribe = subscribe()
    return () => {
      unsubscribe()
      unwatch()
    }
  }
  const onView: Topic<S, W>["onView"] = (listener) => whileWatched(() => watchChanges(runtime, view, listener))
  const views = Stream.callback<View<S>>(
    (queue) => Effect.acquireRelease(Effect.sync(() => onView((view) => Queue.offerUnsafe(queue, view))), Effect.sync),
    { bufferSize: 1, strategy: "sliding" }
  )
  const send = (command: W, commandId?: string, salt = commandSalt()) =>
    Effect.suspend(() =>
      runtime.sendCommand({ id: CommandId.make(commandId?.toLowerCase() ?? uuid()), topic: id, command, salt })
    )
  return {
    id,
    view,
    onView,
    onEvents: (listener) =>
      whileWatched(() => runtime.onEvents((topic, events) => topic === id ? listener(events) : undefined)),
    views,
    [Symbol.asyncIterator]: () => Stream.toAsyncIterable(views)[Symbol.asyncIterator](),
    send,
    sendPromise: (command, id, salt) => toPromise(send(command, id, salt)),
    signal: (key, value) => runtime.dispatch({ _tag: "SignalSubmitted", topic: id, key, value })
  }
}

/**
 * The topic with strings in place of the texts in its views; `SealedText.erasedMark` stands for a text that was erased. What
 * did not change since an earlier view is not converted again.
 */
export const plainTopic = <S, C>(topic: Topic<S, C>): Topic<Plain<S>, C> => {
  const converted = new WeakMap<View<S>, View<Plain<S>>>()
  const toPlain = (view: View<S>): View<Plain<S>> => {
    let result = converted.get(view)
    if (result === undefined) converted.set(view, result = plainView(view))
    return result
  }
  const views = Stream.map(topic.views, toPlain)
  return {
    ...topic,
    view: () => {
      const view = topic.view()
      return view === undefined ? undefined : toPlain(view)
    },
    onView: (listener) => topic.onView((view) => listener(toPlain(view))),
    views,
    [Symbol.asyncIterator]: () => Stream.toAsyncIterable(views)[Symbol.asyncIterator]()
  }
}

const plainView = <S>(view: View<S>): View<Plain<S>> => ({
  ...view,
  base: view.base === undefined ? undefined : plain(view.base),
  confirmed: plain(view.confirmed),
  state: plain(view.state)
})

/** Runs a command. Who closes the client knows what that does to pending commands: it must not end a Node process. */
const toPromise = (effect: Effect.Effect<Receipt, ClientError>): Promise<Receipt> => {
  const { promise, reject, resolve } = Promise.withResolvers<Receipt>()
  Effect.runCallback(effect, {
    onExit: (exit) => {
      if (Exit.isSuccess(exit)) return resolve(exit.value)
      const error = Cause.squash(exit.cause)
      if (error instanceof ClientError && error.reason.code === "closed") promise.catch(() => {})
      reject(error)
    }
  })
  return promise
}

/** Calls back with the present value, unless it is undefined, and with each other one after a change. */
const watchChanges = <A>(
  runtime: ClientRuntime,
  read: () => A | undefined,
  listener: (value: A) => void
): Unsubscribe => {
  let previous: A | undefined
  const notify = () => {
    const current = read()
    if (current === undefined || current === previous) return
    previous = current
    listener(current)
  }
  notify()
  return runtime.onChange(notify)
}
