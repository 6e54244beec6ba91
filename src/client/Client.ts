/**
 * A client of a Choir server, for browsers and Node. It stays connected until its scope ends and gives typed access to
 * topics and queries (SYN10).
 *
 * **When to use**
 *
 * Use `make` inside an Effect program, where the scope closes the client. Use `open` elsewhere, and call `close`.
 *
 * **Details**
 *
 * - Reconnects with back-off and full jitter, resumes its session without a signature, and subscribes again from the
 *   position of each replica.
 * - A topic is subscribed to while it has at least one listener: `onView`, `onEvents`, `views` or the async iterator.
 *   Listeners of one topic share one subscription and one replica.
 * - Commands are queued while offline, sent in order, and retried under one id until the server answers: a command
 *   takes effect at most once.
 * - `View.confirmed` is what the server has logged. `View.state` adds the client's own pending commands, decided by the
 *   same kind as on the server, and is rebased when the server decides. After a reconnect it may be older than
 *   `confirmed` for a moment: until the server has answered the commands that a snapshot may contain.
 * - What people write is a `SealedText` in states, since it can be erased; `plainTopic` has strings in its place.
 *
 * **Gotchas**
 *
 * - `make` and `open` do not fail when the server cannot be reached; `phase` and `onChange` report the connection.
 * - A client that gives up is `Disconnected` with a reason: no WebSocket can be opened, the key was rejected, the server
 *   closed for good. Commands and queries then fail with that reason, until `start`.
 * - `view` is undefined until the topic has a listener, and `View.position` is undefined until the server has answered.
 * - The queue of commands is in memory: a closed page or process loses the ones without a receipt. To retry after a
 *   crash, store the id and the salt given to `send` (`commandId`, `commandSalt`), and send the same command with both again.
 * - Signals and presence exist only while connected.
 *
 * **Example** (Creating a thread and reading it back)
 *
 * ```ts
 * import { Client, Ids, Keys } from "choir/client"
 * import { Thread } from "choir/domain"
 * import { Effect, Stream } from "effect"
 *
 * const { threadKind } = Thread
 *
 * const program = Effect.gen(function*() {
 *   const identity = yield* Keys.fromSecret(yield* Keys.generateSecret)
 *   const client = yield* Client.make({
 *     url: process.env.CHOIR_URL ?? "http://127.0.0.1:4100",
 *     identity,
 *     kinds: [threadKind]
 *   })
 *
 *   // A thread's id contains the id of the command that creates it.
 *   const id = Client.commandId()
 *   const topic = Client.plainTopic(client.topic(threadKind, Ids.TopicId.make(`thread:${id}`)))
 *   yield* topic.send({ _tag: "create_thread", name: "Notes on tea" }, id)
 *   yield* topic.send({ _tag: "submit_message", content: "Steep green tea at 80 degrees." })
 *
 *   // Ends with the first view that contains the message in its confirmed state.
 *   yield* topic.views.pipe(
 *     Stream.map((view) => view.confirmed.messages.map((message) => message.content)),
 *     Stream.filter((contents) => contents.length > 0),
 *     Stream.take(1),
 *     Stream.runForEach((contents) => Effect.sync(() => console.log(contents)))
 *   )
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 */
import { Effect, Exit, Scope } from "effect"
import * as SecureRandom from "effect/crypto/SecureRandom"
import { CommandId, kindOf, type TopicId, type UserId } from "../domain/protocol/Ids.ts"
import type { AnyKind, Intent as KindIntent, Kind } from "../domain/topic/Topic.ts"
import { ClientError, errorReason } from "./ClientError.ts"
import type { Unsubscribe } from "./ClientListeners.ts"
import * as ClientMachine from "./ClientMachine.ts"
import type { Query, QueryResponse, State } from "./ClientModel.ts"
import { type ClientRuntime, makeClientRuntime, type Options } from "./ClientRuntime.ts"
import { makeTopic, type Topic, TopicWatches } from "./ClientTopic.ts"

export type { Options } from "./ClientRuntime.ts"
export type { Connect, WebSocketLike } from "./ClientSockets.ts"
export { commandSalt, plainTopic, type Topic, type View } from "./ClientTopic.ts"

type ResponseOf<T extends QueryResponse["_tag"]> = Extract<QueryResponse, { readonly _tag: T }>
type ResponsePayload<T extends QueryResponse["_tag"]> = Omit<ResponseOf<T>, "_tag" | "ref_id">

/** A client of one server, as one user. */
export interface Client {
  readonly me: UserId
  readonly state: () => State
  readonly phase: () => ClientMachine.Phase
  /** Calls back after each change of the state. */
  readonly onChange: (listener: () => void) => Unsubscribe
  /** Connects, or retries at once while reconnecting. Needed only after `stop` or a final close by the server. */
  readonly start: () => void
  /** Disconnects. Pending commands and queries fail with the code `closed`. */
  readonly stop: () => void
  /** A topic, typed by its kind. Throws a `TypeError` if `id` is not of that kind, or the client has another of its name. */
  readonly topic: <S, C, A, E, I extends KindIntent, W extends { readonly _tag: string }>(
    kind: Kind<S, C, A, E, I, W>,
    id: TopicId
  ) => Topic<S, W>
  /** The threads that the user may read: own ones, and public ones when `public` is set. */
  readonly threads: (options?: { readonly public?: boolean }) => Effect.Effect<ResponsePayload<"threads">, ClientError>
  /** The messages of a thread, once, without a subscription. */
  readonly messages: (thread: TopicId) => Effect.Effect<ResponsePayload<"thread_messages">, ClientError>
  /** The user with the current balance. */
  readonly user: Effect.Effect<ResponsePayload<"user">, ClientError>
  /**
   * Revokes the session on the server and disconnects; connects first if need be. Repeated until the server confirms it,
   * over errors and lost connections, also if the caller stops waiting. Fails with `not_signed_out` when the client is
   * stopped or gives up before, and with `closed` when it was closed.
   */
  readonly signOut: Effect.Effect<void, ClientError>
}

/** A new random id for a command. */
export const commandId = (): CommandId => CommandId.make(SecureRandom.uuidV4Unsafe())

/** The WebSocket URL of a server: `/ws` below its address. */
const socketUrl = (url: string): URL => {
  const parsed = new URL(url)
  parsed.protocol = parsed.protocol.replace("http", "ws")
  parsed.pathname = `${parsed.pathname.replace(/\/$/, "")}/ws`
  return parsed
}

/** Makes a client that stays connected until the scope ends. Dies with a `TypeError` if `options.url` is no URL. */
export const make = Effect.fnUntraced(function*(options: Options) {
  const url = socketUrl(options.url)
  const kinds = new Map(options.kinds?.map((kind) => [kind.name, kind]))
  const uuid = options.uuid ?? SecureRandom.uuidV4Unsafe
  const config = {
    kinds,
    me: options.identity.publicKey,
    instance: uuid(),
    attestation: options.attestation,
    host: options.checkAudience === false ? undefined : url.host,
    signCommands: options.signCommands ?? false
  }
  const runtime = yield* makeClientRuntime(options, url.href, config)
  const client = makeClient(config.me, runtime, kinds, uuid)
  runtime.dispatch({ _tag: "Started" })
  return client
})

/** `make` without a scope; `close` disconnects. */
export const open = (options: Options): Promise<Client & { readonly close: () => Promise<void> }> =>
  Effect.runPromise(
    Effect.flatMap(Scope.make(), (scope) =>
      Effect.map(Scope.provide(make(options), scope), (client) => ({
        ...client,
        close: () => Effect.runPromise(Scope.close(scope, Exit.void))
      })))
  )

const makeClient = (
  me: UserId,
  runtime: ClientRuntime,
  kinds: Map<string, AnyKind>,
  uuid: () => string
): Client => {
  const watches = new TopicWatches(runtime)
  const query = <T extends QueryResponse["_tag"]>(tag: T, query: Query, topic?: TopicId) =>
    Effect.suspend(() => runtime.sendQuery(uuid(), query, topic)).pipe(
      Effect.filterOrFail(
        (response) => isResponse(response, tag),
        ({ _tag }) =>
          new ClientError({ reason: errorReason("internal", `The server answered ${_tag} to ${query._tag}.`) })
      )
    )
  return {
    me,
    state: runtime.state,
    phase: () => ClientMachine.phase(runtime.state()),
    onChange: runtime.onChange,
    start: () => runtime.dispatch({ _tag: "Started" }),
    stop: () => runtime.dispatch({ _tag: "Stopped" }),
    topic: (kind, id) => {
      if (kind.name !== kindOf(id)) throw new TypeError(`The topic ${id} is not of the kind "${kind.name}".`)
      const known = kinds.get(kind.name)
      if (known !== undefined && known !== kind) {
        throw new TypeError(`This client has another kind of the name "${kind.name}".`)
      }
      kinds.set(kind.name, kind)
      return makeTopic(runtime, watches, kind, id, uuid)
    },
    threads: (options) => query("threads", { _tag: "get_threads", public: options?.public ?? false }),
    messages: (thread) => query("thread_messages", { _tag: "get_thread" }, thread),
    user: query("user", { _tag: "get_user" }),
    signOut: Effect.asVoid(query("signed_out", { _tag: "sign_out" }))
  }
}

const isResponse = <T extends QueryResponse["_tag"]>(response: QueryResponse, tag: T): response is ResponseOf<T> =>
  response._tag === tag
