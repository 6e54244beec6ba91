/**
 * Live topics: every command to a topic goes through its one host, which
 * decides, appends, and only then tells anybody (TOP3, TOP4).
 *
 * Callbacks, not effects, on the way of a command and of a delta: no fiber is
 * started per message or per subscriber. They run on the host's turn and must not block.
 */
import { Context, type Effect, type Result, Schema } from "effect"
import type { Author, Position } from "../domain/protocol/Ids.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { PublishedEvent } from "../domain/protocol/Protocol.ts"
import { Rejection } from "../domain/protocol/Rejection.ts"
import type { StateHash } from "../domain/protocol/StateHash.ts"
import type { TopicInput } from "../domain/topic/CommandBatch.ts"
import type { Receipt } from "../domain/topic/Deduplication.ts"
import type { Intent } from "../domain/topic/Topic.ts"
import type { OutboundFrame } from "./OutboundFrame.ts"

/** The command was refused, by the topic's rules or because it cannot be stored now. Nothing changed. */
export class CommandRejected extends Schema.TaggedError<CommandRejected>()("CommandRejected", {
  topic: TopicId,
  rejection: Rejection
}) {
  override get message() {
    return this.rejection.message
  }
}

/** An input for a topic, and where its reply goes. */
export interface CommandRequest extends TopicInput {
  /** Called exactly once (SYN5). */
  readonly reply: (outcome: Result.Result<Receipt, Rejection>) => void
}

/** Who hears of a topic. One object per connection, shared by all its subscriptions. */
export interface Subscriber {
  readonly id: string
  readonly user: Author
  /** Takes a frame; must not block or throw. */
  readonly deliver: (frame: OutboundFrame) => void
  /** Whether it reads a frame no earlier than it seals it, so that others may join it until then. */
  readonly supportsBatching?: boolean
  /** May read no longer: the subscription has ended without being asked to. */
  readonly onAccessRevoked?: (topic: TopicId) => void
}

/** The reply to a subscription: everything up to `position`, after which `deliver` sees every delta. */
export type CatchUp =
  & {
    readonly position: Position
    /** Of the state at `position` (SYN7). */
    readonly hash?: StateHash
  }
  & (
    | { readonly mode: "snapshot"; readonly state: Schema.Json }
    | { readonly mode: "deltas"; readonly events: ReadonlyArray<PublishedEvent> }
  )

export class Topics extends Context.Service<Topics, {
  /** Hands a command to its topic's host, loading it when needed. Never blocks. */
  readonly post: (topic: TopicId, request: CommandRequest) => void
  /** `post`, as an effect. */
  readonly submit: (
    topic: TopicId,
    command: TopicInput
  ) => Effect.Effect<Receipt, CommandRejected>
  /**
   * Subscribes, or says why not (`not_found` also for what may not be seen). `reply` is called on the host's turn,
   * before any later delta is delivered: never a gap, never a duplicate (SYN2). Subscribing again replaces.
   */
  readonly subscribe: (
    topic: TopicId,
    subscriber: Subscriber,
    from: Position | undefined,
    reply: (outcome: Result.Result<CatchUp, Rejection>) => void
  ) => void
  readonly unsubscribe: (topic: TopicId, subscriberId: string) => void
  /** Delivers to every subscriber of a topic that is live here; for what is not logged. */
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
  /** What the command would do, without doing it (THR11). */
  readonly simulate: (
    topic: TopicId,
    command: TopicInput
  ) => Effect.Effect<
    { readonly events: ReadonlyArray<unknown>; readonly intents: ReadonlyArray<Intent> },
    CommandRejected
  >
  /** Takes up every topic that waits for the world or for a time. Called once, when all intents have a performer. */
  readonly recover: Effect.Effect<void>
  /** Topics in memory, and subscriptions to them. */
  readonly stats: Effect.Effect<{ readonly loadedTopics: number; readonly subscriptions: number }>
}>()("choir/services/Topics") {}
