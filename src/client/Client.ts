/**
 * The client as its owners see it: connected until its scope ends, with typed
 * topics and questions that are answered.
 *
 * Every topic has three faces: callbacks, an `AsyncIterable`, and a `Stream`.
 */
import { Effect, Exit, Queue, Result, Scope, Stream } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { CommandId, kindOf, type TopicId, type UserId } from "../domain/Ids.ts"
import type { EventView, ServerMessageOf } from "../domain/Protocol.ts"
import type { AnyKind, Intent as KindIntent, Kind } from "../domain/Topic.ts"
import { drive, type Driver, type Options, type Undated } from "./Driver.ts"
import { ClientError, fault } from "./Fault.ts"
import * as Machine from "./Machine.ts"
import type { Answer, Message, Question, Receipt, State } from "./Model.ts"
import type { Replica } from "./Replica.ts"

export type { Options, Socket } from "./Driver.ts"

/** A topic as it is shown: what is decided, and on top what we expect of our own commands. */
export interface View<S = unknown> extends Omit<Replica, "kind" | "state" | "decided"> {
  readonly state: S
  readonly decided: S
}

/** One topic, typed by its kind. Watched as long as anybody listens. */
export interface Topic<S, C> {
  readonly id: TopicId
  /** What is known right now; undefined while nobody listens. */
  readonly view: () => View<S> | undefined
  /** Calls back with every new view, the present one first if there is one. Gives what ends it. */
  readonly on: (listener: (view: View<S>) => void) => () => void
  /** Durable events as they are taken in, in order; not those inside a snapshot. */
  readonly onEvents: (listener: (events: ReadonlyArray<EventView>) => void) => () => void
  /** The newest view; one that was not taken in time is replaced by the next. */
  readonly views: Stream.Stream<View<S>>
  readonly [Symbol.asyncIterator]: () => AsyncIterator<View<S>>
  /** Sends a command, under `id` until it is answered. Waits while offline. */
  readonly send: (command: C, id?: string) => Effect.Effect<Receipt, ClientError>
  /** `send`, as a promise. */
  readonly post: (command: C, id?: string) => Promise<Receipt>
  /** Shares the latest value under a key; null removes it. Not kept, and lost while offline. */
  readonly signal: (key: string, value: unknown) => void
}

type Named<T extends Answer["_tag"]> = Omit<ServerMessageOf<T>, "_tag" | "ref_id">

export interface Client {
  readonly me: UserId
  readonly state: () => State
  readonly phase: () => Machine.Phase
  /** Calls back after every change of anything. Gives what ends it. */
  readonly onChange: (listener: () => void) => () => void
  /** Connects again after the server or `stop` ended the connection. */
  readonly start: () => void
  readonly stop: () => void
  readonly topic: <S, C extends { readonly _tag: string }, A, E, I extends KindIntent>(
    kind: Kind<S, C, A, E, I>,
    id: TopicId
  ) => Topic<S, C>
  readonly threads: (options?: { readonly public?: boolean }) => Effect.Effect<Named<"threads">, ClientError>
  readonly messages: (thread: TopicId) => Effect.Effect<Named<"thread_messages">, ClientError>
  readonly user: Effect.Effect<Named<"user">, ClientError>
  /** Ends the session; its token is good for nothing afterwards. */
  readonly signOut: Effect.Effect<void, ClientError>
}

/** A fresh id for a command. */
export const commandId = (): CommandId => CommandId.make(SecureRandom.uuidV4Unsafe())

/** Where the socket of a server is. */
const socketUrl = (url: string): URL => {
  const at = new URL(url)
  at.protocol = at.protocol.replace("http", "ws")
  at.pathname = `${at.pathname.replace(/\/$/, "")}/ws`
  return at
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
  const machine = yield* drive(options, url.href, config)
  const client = face(config.me, machine, kinds, uuid)
  machine.dispatch({ _tag: "Started" })
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

const face = (me: UserId, machine: Driver, kinds: ReadonlyMap<string, AnyKind>, uuid: () => string): Client => {
  const watchers = new Map<TopicId, number>()

  const watch = (topic: TopicId): () => void => {
    const count = watchers.get(topic) ?? 0
    watchers.set(topic, count + 1)
    if (count === 0) machine.dispatch({ _tag: "Watched", topic })
    return once(() => {
      const left = (watchers.get(topic) ?? 1) - 1
      watchers.set(topic, left)
      if (left === 0) machine.dispatch({ _tag: "Unwatched", topic })
    })
  }

  const wait = (id: string, message: Undated<Message>) =>
    Effect.callback<Receipt | Answer, ClientError>((resume) => {
      machine.waiting.set(id, (outcome) =>
        resume(
          Result.isSuccess(outcome)
            ? Effect.succeed(outcome.success)
            : Effect.fail(new ClientError({ reason: outcome.failure }))
        ))
      machine.dispatch(message)
      return Effect.sync(() => machine.waiting.delete(id))
    })

  const ask = <T extends Answer["_tag"]>(tag: T, question: Question, topic?: TopicId) =>
    Effect.suspend(() => {
      const id = uuid()
      return wait(id, { _tag: "Asked", id, question, topic })
    }).pipe(Effect.flatMap((answer) =>
      "_tag" in answer && answer._tag === tag
        ? Effect.succeed(answer as ServerMessageOf<T>)
        : Effect.fail(new ClientError({ reason: fault("internal", "The server answered something else.") }))
    ))

  const topic: Client["topic"] = <S, C extends { readonly _tag: string }, A, E, I extends KindIntent>(
    kind: Kind<S, C, A, E, I>,
    id: TopicId
  ): Topic<S, C> => {
    if (kind.name !== kindOf(id) || !kinds.has(kind.name)) {
      throw new TypeError(`${id} is not a topic of a kind that this client was made with`)
    }
    // The registry holds the very kind whose types are S and C.
    const view = () => machine.state().replicas.get(id) as View<S> | undefined
    const on = (listener: (view: View<S>) => void) => {
      let last: View<S> | undefined
      const look = () => {
        const now = view()
        if (now === undefined || now === last) return
        last = now
        listener(now)
      }
      const unwatch = watch(id)
      look()
      machine.listeners.add(look)
      return once(() => {
        machine.listeners.delete(look)
        unwatch()
      })
    }
    const views = Stream.callback<View<S>>(
      (queue) => Effect.acquireRelease(Effect.sync(() => on((view) => Queue.offerUnsafe(queue, view))), Effect.sync),
      { bufferSize: 1, strategy: "sliding" }
    )
    const send = (command: C, given?: string) =>
      Effect.suspend(() => {
        const id_ = CommandId.make(given ?? uuid())
        const seed = Math.floor(machine.random() * 2 ** 32)
        return wait(id_, { _tag: "Commanded", id: id_, topic: id, command, seed })
      }).pipe(Effect.map((receipt) => receipt as Receipt))
    return {
      id,
      view,
      on,
      onEvents: (listener) => {
        const tell = (topic: TopicId, events: ReadonlyArray<EventView>) => {
          if (topic === id) listener(events)
        }
        const unwatch = watch(id)
        machine.tellers.add(tell)
        return once(() => {
          machine.tellers.delete(tell)
          unwatch()
        })
      },
      views,
      [Symbol.asyncIterator]: () => Stream.toAsyncIterable(views)[Symbol.asyncIterator](),
      send,
      post: (command, id) => Effect.runPromise(send(command, id)),
      signal: (key, value) => machine.dispatch({ _tag: "Signalled", topic: id, key, value })
    }
  }

  return {
    me,
    state: machine.state,
    phase: () => Machine.phase(machine.state()),
    onChange: (listener) => {
      machine.listeners.add(listener)
      return () => void machine.listeners.delete(listener)
    },
    start: () => machine.dispatch({ _tag: "Started" }),
    stop: () => machine.dispatch({ _tag: "Stopped" }),
    topic,
    threads: (options) => ask("threads", { _tag: "get_threads", public: options?.public ?? false }),
    messages: (thread) => ask("thread_messages", { _tag: "get_thread" }, thread),
    user: ask("user", { _tag: "get_user" }),
    signOut: Effect.asVoid(ask("signed_out", { _tag: "sign_out" }))
  }
}

const once = (call: () => void): () => void => {
  let done = false
  return () => {
    if (done) return
    done = true
    call()
  }
}
