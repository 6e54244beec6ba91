/**
 * The durable logs of all topics: order, durability and idempotence of appends (TOP3 to TOP5). Independent of kinds.
 * Not `effect/eventlog`, which replicates a client's journal: a log here has one writer, the topic's host.
 *
 * **When to use**
 *
 * Use `EventLog` to read what happened, or to build a projection of it. Commands go through `Topics`, which appends.
 * Implement it to store logs elsewhere; `test/contract/EventLog.ts` is the suite for implementations.
 *
 * **Details**
 *
 * An append names the seq it expects; that fence keeps a writer that lost its role from writing. It succeeds once the
 * entries are on stable storage (fsync); appends that arrive during one fsync share the next. The directory entry, the
 * next timer and commands without events are stored in the same transaction. Each read verifies the hash chain.
 *
 * **Gotchas**
 *
 * - An append that failed may have happened: read the head before you conclude anything from the failure.
 * - `onAppend` is a hint and may be lost in a crash. A projection finds what it missed with `laggingTopics`.
 * - Events are as they were written: `DurableState.decodeEntry` makes them what their kind sees.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const topic = Domain.Ids.TopicId.make("note:one")
 *
 * const program = Effect.gen(function*() {
 *   const log = yield* Services.EventLog.EventLog
 *   const cause = Domain.Ids.CommandId.make("command-1")
 *   yield* log.append({
 *     topic,
 *     expectedSeq: 0,
 *     drafts: [{ topic, seq: 1, at: 0, cause, principal: { server: "system:example" }, depth: 0, version: 1, event: { _tag: "Written" } }],
 *     wakeAt: undefined,
 *     hasPendingIntents: false,
 *     listing: undefined
 *   })
 *   const entries = yield* log.read(topic, { after: 0, limit: 10 })
 *   return entries.map(({ event, seq }) => ({ seq, event }))
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.EventLogMemory.layer)))
 * // => [ { seq: 1, event: { _tag: "Written" } } ]
 * ```
 */
import { Context, type Effect, type Option, Schema } from "effect"
import type { CommandId, Instant } from "../domain/protocol/Ids.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { Openings } from "../domain/protocol/Seal.ts"
import type { EventlessCommand, ProcessedCommand } from "../domain/topic/Deduplication.ts"
import type { TextAddress } from "../domain/topic/Derivation.ts"
import type { AppendedEntry, Entry, LogHead, UnchainedEntry } from "../domain/topic/Log.ts"
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

/**
 * The store could not be read or written. `fault`: the disk is full, or the store's files were moved or deleted while it is
 * open. An append that fails so may still be durable.
 */
export class LogUnavailable extends Schema.TaggedError<LogUnavailable>()("LogUnavailable", {
  operation: Schema.String,
  fault: Schema.Literals(["full", "moved", "other"]),
  cause: Schema.Defect()
}) {
  override get message() {
    switch (this.fault) {
      case "full":
        return "the disk is full: nothing can be stored until there is room"
      case "moved":
        return "the server's data folder was moved or deleted: nothing can be stored until it is back in its place"
      case "other":
        return `the event log is unavailable (${this.operation})`
    }
  }
}

/** Stored entries fail verification, of their sequence or hash chain: the topic is quarantined (FLT5). `damage` is the fault. */
export class LogCorrupt extends Schema.TaggedError<LogCorrupt>()("LogCorrupt", {
  topic: TopicId,
  seq: Schema.Natural,
  damage: Schema.String
}) {
  override get message() {
    return `log ${this.topic} is damaged at ${this.seq} (${this.damage})`
  }
}

/** An append whose entries were made from a text that was erased meanwhile (TOP10). */
export class SourceErased extends Schema.TaggedError<SourceErased>()("SourceErased", { topic: TopicId }) {
  override get message() {
    return `nothing is appended to ${this.topic}: a text that it was made from was erased`
  }
}

/** Why the event log failed. Only `LogUnavailable` is retryable. */
export class EventLogError extends Schema.TaggedError<EventLogError>()("EventLogError", {
  reason: Schema.Union([SeqConflict, LogUnavailable, LogCorrupt, SourceErased])
}) {
  override get message() {
    return this.reason.message
  }

  get retryable(): boolean {
    return this.reason._tag === "LogUnavailable"
  }
}

/** Milliseconds after which a text that was set aside, and came into no entry, may be dropped: more than any vote takes. */
export const asideTtl = 30 * 24 * 60 * 60_000

/** Entries for one topic, and the metadata that is stored in the same transaction. */
export interface AppendRequest {
  readonly topic: TopicId
  /** The seq of the last entry; 0 for a new topic. */
  readonly expectedSeq: number
  readonly drafts: ReadonlyArray<UnchainedEntry>
  /** Commands of users that were applied without an event (SYN4). An append may consist of these alone. */
  readonly eventlessCommands?: ReadonlyArray<EventlessCommand>
  /** The topic's next timer; found again at the next start (TOP6). */
  readonly wakeAt: Instant | undefined
  /** Whether intents are outstanding; found again at the next start (TOP6). */
  readonly hasPendingIntents: boolean
  /** The directory entry. Undefined: unchanged. Null: none. */
  readonly listing: Listing | null | undefined
  /** The texts of other topics that the entries were made from: if one was erased, nothing is appended (TOP10). */
  readonly sources?: ReadonlyArray<TextAddress>
}

/** A text that was erased and not deleted yet. */
export interface ErasedText {
  readonly topic: TopicId
  /** The commitment to it. */
  readonly c: string
  /** Null if it is deleted already, but the store's files may still hold it. */
  readonly text: string | null
  /** The seq of the event that erased it. */
  readonly by: number
}

/** The tag. */
export class EventLog extends Context.Service<EventLog, {
  /** Succeeds once durable (fsync), with the chained entries; appends of the same moment share one commit. */
  readonly append: (request: AppendRequest) => Effect.Effect<ReadonlyArray<AppendedEntry>, EventLogError>
  /** None for a topic without a log. */
  readonly head: (topic: TopicId) => Effect.Effect<Option.Option<LogHead>, EventLogError>
  /** Entries after `after`, oldest first, at most `limit`. */
  readonly read: (
    topic: TopicId,
    options: { readonly after: number; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<Entry>, EventLogError>
  /** What stands beside these entries of the topic's log (TOP10): the openings of their texts, but for erased ones. */
  readonly openings: (
    topic: TopicId,
    seqs: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyMap<number, Openings>, EventLogError>
  /** The openings of these commitments that were set aside, and that no entry holds yet. */
  readonly openingsAside: (
    topic: TopicId,
    commitments: ReadonlyArray<string>
  ) => Effect.Effect<Openings, EventLogError>
  /**
   * Stores texts beside a topic's log before an entry holds their seals: of a command that another topic decides first. Durable
   * when it succeeds. Texts that no entry came to hold are dropped after `asideTtl`, at the next start.
   */
  readonly setAside: (topic: TopicId, openings: Openings, at: Instant) => Effect.Effect<void, EventLogError>
  /** Drops texts that were set aside. */
  readonly dropAside: (topic: TopicId, commitments: ReadonlyArray<string>) => Effect.Effect<void, EventLogError>
  /**
   * Texts that entries of the type `Erased` took out of reach, and that are still needed to find what repeats them: a page of
   * those after `last`, by topic and erasure; empty at the end. Each is deleted by `deleteErased`.
   */
  readonly erasedTexts: (last?: ErasedText) => Effect.Effect<ReadonlyArray<ErasedText>, EventLogError>
  /** The topics with entries that were made from a text of another one. */
  readonly derivedTopics: (
    source: Pick<TextAddress, "c" | "topic">
  ) => Effect.Effect<ReadonlyArray<TopicId>, EventLogError>
  /**
   * Deletes erased texts, so that no byte of them remains in the store's files. Where that cannot be done yet, because another
   * process reads these, it fails with `LogUnavailable`; `erasedTexts` has them until it succeeds.
   */
  readonly deleteErased: (texts: ReadonlyArray<ErasedText>) => Effect.Effect<void, EventLogError>
  /** A command that was applied, by its id, without expiry (SYN4). */
  readonly findProcessedCommand: (
    topic: TopicId,
    command: CommandId
  ) => Effect.Effect<Option.Option<ProcessedCommand>, EventLogError>
  /** The latest snapshot that was stored and is intact (TOP7). */
  readonly snapshot: (topic: TopicId) => Effect.Effect<Option.Option<Snapshot>, EventLogError>
  /** Replaces the topic's snapshot. */
  readonly saveSnapshot: (topic: TopicId, snapshot: Snapshot) => Effect.Effect<void, EventLogError>
  /** Topics with outstanding intents or a timer, to be resumed at the start (TOP6). */
  readonly topicsToRecover: Effect.Effect<
    ReadonlyArray<
      { readonly topic: TopicId; readonly wakeAt: Instant | undefined; readonly hasPendingIntents: boolean }
    >,
    EventLogError
  >
  /** Topics whose log is ahead of the cursor of the named projection, with that cursor. */
  readonly laggingTopics: (
    projection: string
  ) => Effect.Effect<ReadonlyArray<{ readonly topic: TopicId; readonly seq: number }>, EventLogError>
  /** Stores how far the named projection has read a topic. */
  readonly setCursor: (projection: string, topic: TopicId, seq: number) => Effect.Effect<void, EventLogError>
  /**
   * Calls `listener` after each append of entries that is durable, or may be although it was reported as failed; `erases`: one
   * of them is an erasure. Must not block. Returns a function that removes the listener.
   */
  readonly onAppend: (listener: (topic: TopicId, erases: boolean) => void) => () => void
}>()("choir/services/EventLog") {}
