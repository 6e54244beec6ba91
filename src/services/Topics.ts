/**
 * Live topics: every command to a topic goes through its one host, which
 * decides, appends, and only then tells anybody (TOP3, TOP4).
 *
 * Callbacks, not effects, on the way of a command and of a delta: no fiber is
 * started per message or per subscriber. They run on the host's turn and must not block.
 */
import { Context, type Effect, type Result, Schema } from "effect"
import type { Author, CommandId, Position } from "../domain/Ids.ts"
import { TopicId } from "../domain/Ids.ts"
import type { EventView } from "../domain/Protocol.ts"
import { Rejection } from "../domain/Rejection.ts"
import type { SignedCommand } from "../domain/SignedCommand.ts"
import type { StateHash } from "../domain/StateHash.ts"
import type { Intent } from "../domain/Topic.ts"
import type { Frame } from "./Frame.ts"

/** The command was refused, by the topic's rules or because it cannot be stored now. Nothing changed. */
export class CommandRefused extends Schema.TaggedError<CommandRefused>()("CommandRefused", {
  topic: TopicId,
  rejection: Rejection
}) {
  override get message() {
    return this.rejection.message
  }
}

/** Where a command was logged, up to `seq`. `duplicate`: it had been carried out before. */
export interface Receipt {
  readonly topic: TopicId
  readonly seq: number
  readonly duplicate: boolean
}

/** One input on its way to a topic. */
export interface Submission {
  readonly id: CommandId
  readonly author: Author
  /** A value of the kind's `Command` or `Answer`, already decoded. */
  readonly input: unknown
  /** Checked by whoever posts it; kept in the log (AUT5). */
  readonly signed?: SignedCommand
  /** Called exactly once. */
  readonly reply: (outcome: Result.Result<Receipt, Rejection>) => void
}

/** Who hears of a topic. One object per connection, shared by all its subscriptions. */
export interface Subscriber {
  readonly id: string
  readonly user: Author
  /** Takes a frame; must not block or throw. */
  readonly deliver: (frame: Frame) => void
  /** Whether it reads a frame no earlier than it seals it, so that others may join it until then. */
  readonly gathers?: boolean
  /** May read no longer: the subscription has ended without being asked to. */
  readonly putOut?: (topic: TopicId) => void
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
    | { readonly mode: "deltas"; readonly events: ReadonlyArray<EventView> }
  )

export class Topics extends Context.Service<Topics, {
  /** Hands a command to its topic's host, loading it when needed. Never blocks. */
  readonly post: (topic: TopicId, submission: Submission) => void
  /** `post`, as an effect. */
  readonly submit: (
    topic: TopicId,
    command: Pick<Submission, "id" | "author" | "input">
  ) => Effect.Effect<Receipt, CommandRefused>
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
  readonly broadcast: (topic: TopicId, frame: Frame) => void
  /** The durable state, as its kind's type; `not_found` when `reader` may not see it. */
  readonly state: (topic: TopicId, reader: Author) => Effect.Effect<unknown, CommandRefused>
  /** What the command would do, without doing it (THR11). */
  readonly simulate: (
    topic: TopicId,
    command: Pick<Submission, "id" | "author" | "input">
  ) => Effect.Effect<
    { readonly events: ReadonlyArray<unknown>; readonly intents: ReadonlyArray<Intent> },
    CommandRefused
  >
  /** Takes up every topic that waits for the world or for a time. Called once, when all intents have a performer. */
  readonly recover: Effect.Effect<void>
  /** Topics in memory, and subscriptions to them. */
  readonly stats: Effect.Effect<{ readonly live: number; readonly subscriptions: number }>
}>()("choir/services/Topics") {}
