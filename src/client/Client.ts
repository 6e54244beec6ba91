/**
 * The client as its owners see it: connected until its scope ends, with typed
 * topics and questions that are answered.
 *
 * Every topic has three faces: callbacks, an `AsyncIterable`, and a `Stream`.
 */
import { Effect, Exit, Queue, Result, Scope, Stream } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { CommandId, kindOf, type TopicId, type UserId } from "../domain/protocol/Ids.ts"
import type { PublishedEvent, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import type { AnyKind, Intent as KindIntent, Kind } from "../domain/topic/Topic.ts"
import { ClientError, errorReason } from "./ClientError.ts"
import * as ClientMachine from "./ClientMachine.ts"
import type { Message, Query, QueryResponse, Receipt, State } from "./ClientModel.ts"
import { type ClientRuntime, makeClientRuntime, type Options, type UntimedMessage } from "./ClientRuntime.ts"
import type { Replica } from "./Replica.ts"

export type { Options, WebSocketLike as Socket } from "./ClientRuntime.ts"

/** A topic as it is shown: what is decided, and on top what we expect of our own commands. */
export interface View<S = unknown> extends Omit<Replica, "kind" | "state" | "confirmed"> {
  readonly state: S
  readonly confirmed: S
}

/** One topic, typed by its kind. Watched as long as anybody listens. */
export interface Topic<S, C> {
  readonly id: TopicId
  /** What is known right now; undefined while nobody listens. */
  readonly view: () => View<S> | undefined
  /** Calls back with every new view, the present one first if there is one. Gives what ends it. */
  readonly onView: (listener: (view: View<S>) => void) => () => void
  /** Durable events as they are taken in, in order; not those inside a snapshot. */
  readonly onEvents: (listener: (events: ReadonlyArray<PublishedEvent>) => void) => () => void
  /** The newest view; one that was not taken in time is replaced by the next. */
  readonly views: Stream.Stream<View<S>>
  readonly [Symbol.asyncIterator]: () => AsyncIterator<View<S>>
  /** Sends a command, under `id` until it is answered. Waits while offline. */
  readonly send: (command: C, id?: string) => Effect.Effect<Receipt, ClientError>
  /** `send`, as a promise. */
  readonly sendPromise: (command: C, id?: string) => Promise<Receipt>
  /** Shares the latest value under a key; null removes it. Not kept, and lost while offline. */
  readonly signal: (key: string, value: unknown) => void
}

type ResponsePayload<T extends QueryResponse["_tag"]> = Omit<ServerMessageOf<T>, "_tag" | "ref_id">

export interface Client {
  readonly me: UserId
  readonly state: () => State
  readonly phase: () => ClientMachine.Phase
  /** Calls back after every change of anything. Gives what ends it. */
  readonly onChange: (listener: () => void) => () => void
  /** Connects again after the server or `stop` ended the connection. */
  readonly start: () => void
  readonly stop: () => void
  readonly topic: <S, C extends { readonly _tag: string }, A, E, I extends KindIntent>(
    kind: Kind<S, C, A, E, I>,
    id: TopicId
  ) => Topic<S, C>
  readonly threads: (options?: { readonly public?: boolean }) => Effect.Effect<ResponsePayload<"threads">, ClientError>
  readonly messages: (thread: TopicId) => Effect.Effect<ResponsePayload<"thread_messages">, ClientError>
  readonly user: Effect.Effect<ResponsePayload<"user">, ClientError>
  /** Ends the session; its token is good for nothing afterwards. */
  readonly signOut: Effect.Effect<void, ClientError>
}

/** A fresh id for a command. */
export const commandId = (): CommandId => CommandId.make(SecureRandom.uuidV4Unsafe())

/** Where the socket of a server is. */
const socketUrl = (url: string): URL => {
  const parsed = new URL(url)
  parsed.protocol = parsed.protocol.replace("http", "ws")
  parsed.pathname = `${parsed.pathname.replace(/\/$/, "")}/ws`
  return parsed
}

/** Connects, and stays connected until the scope ends. Never fails: `phase` says how it stands. */
export const make = Effect.fnUntraced(function*(options: Options) {
  const url = socketUrl(options.url)
  const kinds = new Map(options.kinds.map((kind) => [kind.name, kind]))
  const uuid = options.uuid ?? SecureRandom.uuidV4Unsafe
  const config = {
    kinds,
    me: options.identity.publicKey,
    instance: uuid(),
    host: options.checkAudience === false ? undefined : url.host,
    signCommands: options.signCommands ?? false
  }
  const runtime = yield* makeClientRuntime(options, url.href, config)
  const client = makeClient(config.me, runtime, kinds, uuid)
  runtime.dispatch({ _tag: "Started" })
  return client
})

/** `make` for those who do not use Effect: `close` ends it. */
export const open = (options: Options): Promise<Client & { readonly close: () => Promise<void> }> =>
  Effect.runPromise(
    Effect.flatMap(Scope.make(), (scope) =>
      Effect.map(Scope.provide(make(options), scope), (client) => ({
        ...client,
        close: () => Effect.runPromise(Scope.close(scope, Exit.void))
      })))
  )

// -- What owners see ---------------------------------------------------------

const makeClient = (
  me: UserId,
  runtime: ClientRuntime,
  kinds: ReadonlyMap<string, AnyKind>,
  uuid: () => string
): Client => {
  const watchCounts = new Map<TopicId, number>()

  const watch = (topic: TopicId): () => void => {
    const count = watchCounts.get(topic) ?? 0
    watchCounts.set(topic, count + 1)
    if (count === 0) runtime.dispatch({ _tag: "TopicWatched", topic })
    return runOnce(() => {
      const remaining = (watchCounts.get(topic) ?? 1) - 1
      watchCounts.set(topic, remaining)
      if (remaining === 0) runtime.dispatch({ _tag: "TopicUnwatched", topic })
    })
  }

  const awaitOutcome = (id: string, message: UntimedMessage<Message>) =>
    Effect.callback<Receipt | QueryResponse, ClientError>((resume) => {
      runtime.outcomeCallbacks.set(id, (outcome) =>
        resume(
          Result.isSuccess(outcome)
            ? Effect.succeed(outcome.success)
            : Effect.fail(new ClientError({ reason: outcome.failure }))
        ))
      runtime.dispatch(message)
      return Effect.sync(() => runtime.outcomeCallbacks.delete(id))
    })

  const sendQuery = <T extends QueryResponse["_tag"]>(tag: T, query: Query, topic?: TopicId) =>
    Effect.suspend(() => {
      const id = uuid()
      return awaitOutcome(id, { _tag: "QuerySubmitted", id, query, topic })
    }).pipe(Effect.flatMap((answer) =>
      "_tag" in answer && answer._tag === tag
        ? Effect.succeed(answer as ServerMessageOf<T>)
        : Effect.fail(new ClientError({ reason: errorReason("internal", "The server answered something else.") }))
    ))

  const topic: Client["topic"] = <S, C extends { readonly _tag: string }, A, E, I extends KindIntent>(
    kind: Kind<S, C, A, E, I>,
    id: TopicId
  ): Topic<S, C> => {
    if (kind.name !== kindOf(id) || !kinds.has(kind.name)) {
      throw new TypeError(`${id} is not a topic of a kind that this client was made with`)
    }
    // The registry holds the very kind whose types are S and C.
    const view = () => runtime.state().replicas.get(id) as View<S> | undefined
    const onView = (listener: (view: View<S>) => void) => {
      let previous: View<S> | undefined
      const notify = () => {
        const current = view()
        if (current === undefined || current === previous) return
        previous = current
        listener(current)
      }
      const unwatch = watch(id)
      notify()
      runtime.listeners.add(notify)
      return runOnce(() => {
        runtime.listeners.delete(notify)
        unwatch()
      })
    }
    const views = Stream.callback<View<S>>(
      (queue) =>
        Effect.acquireRelease(Effect.sync(() => onView((view) => Queue.offerUnsafe(queue, view))), Effect.sync),
      { bufferSize: 1, strategy: "sliding" }
    )
    const send = (command: C, requestedId?: string) =>
      Effect.suspend(() => {
        const newId = CommandId.make(requestedId ?? uuid())
        const seed = Math.floor(runtime.random() * 2 ** 32)
        return awaitOutcome(newId, { _tag: "CommandSubmitted", id: newId, topic: id, command, seed })
      }).pipe(Effect.map((receipt) => receipt as Receipt))
    return {
      id,
      view,
      onView,
      onEvents: (listener) => {
        const forward = (topic: TopicId, events: ReadonlyArray<PublishedEvent>) => {
          if (topic === id) listener(events)
        }
        const unwatch = watch(id)
        runtime.eventListeners.add(forward)
        return runOnce(() => {
          runtime.eventListeners.delete(forward)
          unwatch()
        })
      },
      views,
      [Symbol.asyncIterator]: () => Stream.toAsyncIterable(views)[Symbol.asyncIterator](),
      send,
      sendPromise: (command, id) => Effect.runPromise(send(command, id)),
      signal: (key, value) => runtime.dispatch({ _tag: "SignalSubmitted", topic: id, key, value })
    }
  }

  return {
    me,
    state: runtime.state,
    phase: () => ClientMachine.phase(runtime.state()),
    onChange: (listener) => {
      runtime.listeners.add(listener)
      return () => void runtime.listeners.delete(listener)
    },
    start: () => runtime.dispatch({ _tag: "Started" }),
    stop: () => runtime.dispatch({ _tag: "Stopped" }),
    topic,
    threads: (options) => sendQuery("threads", { _tag: "get_threads", public: options?.public ?? false }),
    messages: (thread) => sendQuery("thread_messages", { _tag: "get_thread" }, thread),
    user: sendQuery("user", { _tag: "get_user" }),
    signOut: Effect.asVoid(sendQuery("signed_out", { _tag: "sign_out" }))
  }
}

const runOnce = (call: () => void): () => void => {
  let done = false
  return () => {
    if (done) return
    done = true
    call()
  }
}
