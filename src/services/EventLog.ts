/** The durable logs of all topics. Owns ordering, durability and idempotence of appends; knows nothing of kinds. */
import { Context, type Effect, type Option, Schema } from "effect"
import type { CommandId, Instant } from "../domain/protocol/Ids.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { EventlessCommand, ProcessedCommand } from "../domain/topic/Deduplication.ts"
import type { Entry, LogHead, UnchainedEntry } from "../domain/topic/Log.ts"
import type { Snapshot } from "../domain/topic/Snapshots.ts"
import type { Listing } from "../domain/topic/Topic.ts"

/** Another writer got there first: `expected` is not the log's head (TOP3). */
export class SeqConflict extends Schema.TaggedError<SeqConflict>()("SeqConflict", {
  topic: TopicId,
  expected: Schema.Natural,
  head: Schema.Natural
}) {
  override get message() {
    return `log ${this.topic} is at ${this.head}, not at ${this.expected}: another writer appended to it`
  }
}

/** The store could not be read or written. Nothing was acknowledged. */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", {
  operation: Schema.String,
  full: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message() {
    return this.full
      ? "the disk is full: nothing can be stored until there is room"
      : `the event log is unavailable (${this.operation})`
  }
}

/** What is stored does not hang together; the topic is not served. */
export class LogCorrupt extends Schema.TaggedError<LogCorrupt>()("LogCorrupt", {
  topic: TopicId,
  seq: Schema.Natural,
  damage: Schema.String
}) {
  override get message() {
    return `log ${this.topic} is damaged at ${this.seq} (${this.damage})`
  }
}

export class EventLogError extends Schema.TaggedError<EventLogError>()("EventLogError", {
  reason: Schema.Union([SeqConflict, LogUnavailable, LogCorrupt])
}) {
  override get message() {
    return this.reason.message
  }

  get retryable(): boolean {
    return this.reason._tag === "LogUnavailable"
  }
}

/** Events to append to one topic, and what is stored beside them in the same transaction. */
export interface AppendRequest {
  readonly topic: TopicId
  /** The seq of the last entry; 0 for a new topic. */
  readonly expectedSeq: number
  readonly drafts: ReadonlyArray<UnchainedEntry>
  /** Commands that were carried out and made no event (SYN4). There may be nothing else to append. */
  readonly eventlessCommands?: ReadonlyArray<EventlessCommand>
  /** When the topic wants to be woken, and whether the world owes it anything: found again at start (TOP6). */
  readonly wakeAt: Instant | undefined
  readonly hasPendingIntents: boolean
  /** Undefined: unchanged. Null: not in lists. */
  readonly listing: Listing | null | undefined
}

export class EventLog extends Context.Service<EventLog, {
  /** Succeeds once durable (fsync), with the chained entries; appends of the same moment share one commit. */
  readonly append: (request: AppendRequest) => Effect.Effect<ReadonlyArray<Entry>, EventLogError>
  /** None for a topic without a log. */
  readonly head: (topic: TopicId) => Effect.Effect<Option.Option<LogHead>, EventLogError>
  /** Entries after `after`, oldest first, at most `limit`. */
  readonly read: (
    topic: TopicId,
    options: { readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Entry>, EventLogError>
  /** What became of a command, if it ever was carried out (SYN4). */
  readonly findProcessedCommand: (
    topic: TopicId,
    command: CommandId
  ) => Effect.Effect<Option.Option<ProcessedCommand>, EventLogError>
  readonly snapshot: (topic: TopicId) => Effect.Effect<Option.Option<Snapshot>, EventLogError>
  readonly saveSnapshot: (topic: TopicId, snapshot: Snapshot) => Effect.Effect<void, EventLogError>
  /** Topics that wait for the world or for a time, to be taken up at start. */
  readonly topicsToRecover: Effect.Effect<
    ReadonlyArray<
      { readonly topic: TopicId; readonly wakeAt: Instant | undefined; readonly hasPendingIntents: boolean }
    >,
    EventLogError
  >
  /** Topics whose log is ahead of what the named projection has taken in, with the seq it is at. */
  readonly laggingTopics: (
    projection: string
  ) => Effect.Effect<ReadonlyArray<{ readonly topic: TopicId; readonly seq: number }>, EventLogError>
  readonly setCursor: (projection: string, topic: TopicId, seq: number) => Effect.Effect<void, EventLogError>
  /**
   * Calls `listener` after each append that is durable, or may be although it was reported as failed, on the
   * committer's turn. A hint only: what was appended is read from the log. Returns how to stop.
   */
  readonly onAppend: (listener: (topic: TopicId) => void) => () => void
}>()("choir/services/EventLog") {}
