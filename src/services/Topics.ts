/**
 * Live topics: every command to a topic goes through its one host, which decides, appends, and only then publishes and
 * replies (TOP3, TOP4).
 *
 * **When to use**
 *
 * Use `Topics` to send commands, to subscribe, or to read a state from inside the server. Clients in other processes use
 * `choir/client`.
 *
 * **Details**
 *
 * A topic is loaded by the first message that needs it, and passivated when it is idle (ROO8). Commands and deltas travel
 * through synchronous callbacks on the host's turn, so that no fiber is started per message or per subscriber; `submit` is
 * `post` as an effect, for callers off the hot path.
 *
 * **Gotchas**
 *
 * - A callback must not block. One that throws is ignored; a subscriber that throws is removed.
 * - A `CommandRejected` with a retryable code (`unavailable`, `internal`) may be repeated under the same id: it is applied
 *   at most once (SYN4).
 * - `not_found` stands for both: the topic does not exist, or the reader may not see it (SEC9).
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const { accept, define } = Domain.Topic
 *
 * const tally = define({
 *   name: "tally",
 *   State: Schema.Struct({ count: Schema.Int }),
 *   Command: Schema.TaggedStruct("add", { by: Schema.Int }),
 *   Event: Schema.TaggedStruct("Added", { by: Schema.Int }),
 *   initial: () => ({ count: 0 }),
 *   decide: (_state, input) => input._tag === "add" ? accept({ _tag: "Added", by: input.by }) : accept(),
 *   evolve: (state, event) => ({ count: state.count + event.by })
 * })
 *
 * const program = Effect.gen(function*() {
 *   const topics = yield* Services.Topics.Topics
 *   const topic = Domain.Ids.TopicId.make("tally:one")
 *   const add = { id: Domain.Ids.CommandId.make("add-1"), author: "system:example", input: { _tag: "add", by: 2 } } as const
 *   const first = yield* topics.submit(topic, add)
 *   const repeated = yield* topics.submit(topic, add)
 *   const { count } = yield* topics.stateOf(tally, topic, "system:example")
 *   return { seq: first.seq, duplicate: repeated.duplicate, count }
 * })
 *
 * const topicsLayer = Layers.TopicsLocal.layer().pipe(
 *   Layer.provide([
 *     Layers.EventLogMemory.layer,
 *     Layers.IntentHandlersLive.layer,
 *     Layer.succeed(Services.Kinds.Kinds, new Map([[tally.name, tally]]))
 *   ])
 * )
 * console.log(await Effect.runPromise(Effect.provide(program, topicsLayer)))
 * // => { seq: 1, duplicate: true, count: 2 }
 * ```
 */
import { Context, type Effect, type Result, Schema, type Scope } from "effect"
import type { Author, Position } from "../domain/protocol/Ids.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { PublishedEvent } from "../domain/protocol/Protocol.ts"
import { Rejection } from "../domain/protocol/Rejection.ts"
import type { StateHash } from "../domain/protocol/StateHash.ts"
import type { TopicInput } from "../domain/topic/CommandBatch.ts"
import type { Receipt } from "../domain/topic/Deduplication.ts"
import type { Intent } from "../domain/topic/Topic.ts"
import type { Readers } from "../domain/topic/TopicAccess.ts"
import type { EncodedJson, OutboundFrame } from "./OutboundFrame.ts"

/** The command was rejected, by the topic's rules or because it cannot be stored now. */
export class CommandRejected extends Schema.TaggedError<CommandRejected>()("CommandRejected", {
  topic: TopicId,
  rejection: Rejection
}) {
  override get message() {
    return this.rejection.message
  }
}

/**
 * An input for a topic as JSON, with strings in place of texts, and where its reply goes. `isDecoded`: the sender has decoded
 * it by the schema of the topic's kind.
 */
export interface CommandRequest extends TopicInput {
  readonly isDecoded?: boolean
  /** What the texts of `input` are committed to under (TOP10). Default: a random one. */
  readonly salt?: string
  /** Called exactly once (SYN5). */
  readonly reply: (outcome: Result.Result<Receipt, Rejection>) => void
}

/** Receives the frames of topics. One object per connection, shared by all its subscriptions. */
export interface Subscriber {
  readonly id: string
  readonly user: Author
  /** Queues a frame; must not block or throw. */
  readonly deliver: (frame: OutboundFrame) => void
  /** Whether it reads a frame at the end of the turn, so that later frames may be appended to it until then. */
  readonly supportsBatching?: boolean
  /** The user may no longer read the topic: the subscription has ended. */
  readonly onAccessRevoked?: (topic: TopicId) => void
}

/** The reply to a subscription: everything up to `position`. `deliver` gets every delta after it. */
export type CatchUp =
  & {
    readonly position: Position
    /** The hash of the entry at `position`; empty before the first. */
    readonly head: string
    /** Of the state at `position` (SYN7). */
    readonly hash?: StateHash
  }
  & (
    /** `{ state, open }`, encoded once per position: all who read it there get the same value. */
    | { readonly mode: "snapshot"; readonly snapshot: EncodedJson }
    | { readonly mode: "deltas"; readonly events: ReadonlyArray<PublishedEvent> }
  )

/** The tag. */
export class Topics extends Context.Service<Topics, {
  /** Queues a command for its topic, loading it when needed. Never blocks. */
  readonly post: (topic: TopicId, request: CommandRequest) => void
  /** `post`, as an effect. */
  readonly submit: (
    topic: TopicId,
    command: Omit<CommandRequest, "reply">
  ) => Effect.Effect<Receipt, CommandRejected>
  /**
   * Subscribes from a position, if one is given. `reply` is called on the host's turn, before any later delta is
   * delivered: never a gap, never a duplicate (SYN2). A second subscription with the same id replaces the first.
   */
  readonly subscribe: (
    topic: TopicId,
    subscriber: Subscriber,
    from: Position | undefined,
    reply: (outcome: Result.Result<CatchUp, Rejection>) => void
  ) => void
  /** Ends a subscription at once, also one whose reply is still due. */
  readonly unsubscribe: (topic: TopicId, subscriberId: string) => void
  /** Delivers an ephemeral frame to the subscribers of a topic in memory. */
  readonly broadcast: (topic: TopicId, frame: OutboundFrame) => void
  /**
   * The durable state of a topic of this kind, as the kind's own type. `not_found` when `reader` may not read the topic,
   * and when the topic is of another kind.
   */
  readonly stateOf: <S>(
    kind: { readonly State: Schema.Codec<S, unknown> },
    topic: TopicId,
    reader: Author
  ) => Effect.Effect<S, CommandRejected>
  /** The events and intents of a command, without committing it (THR11). */
  readonly simulate: (
    topic: TopicId,
    command: Omit<CommandRequest, "reply">
  ) => Effect.Effect<
    { readonly events: ReadonlyArray<unknown>; readonly intents: ReadonlyArray<Intent> },
    CommandRejected
  >
  /** Calls `listener` when the title of a topic that is in lists was erased (TOP10), until the scope closes. */
  readonly onTitleErased: (
    listener: (topic: TopicId, readers: Readers) => void
  ) => Effect.Effect<void, never, Scope.Scope>
  /** Resumes every topic with outstanding intents or a timer (TOP6). To be called once, after intent handlers are registered. */
  readonly recover: Effect.Effect<void>
  /** Topics in memory, and subscriptions to them. */
  readonly stats: Effect.Effect<{ readonly loadedTopics: number; readonly subscriptions: number }>
}>()("choir/services/Topics") {}
