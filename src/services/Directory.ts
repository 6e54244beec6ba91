/**
 * The directory of topics: which user may see which topic, as a projection written in the append's own transaction (THR10).
 *
 * **When to use**
 *
 * Use `Directory` to list a user's topics, and to check access to a topic without loading it (SEC9).
 *
 * **Details**
 *
 * An entry is what a kind's `listing` returns for the newest state. A kind that returns none keeps its topics out.
 *
 * **Gotchas**
 *
 * - A kind without `listing` decides access by `canRead` alone; `Directory.canRead` is false for its topics.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect } from "effect"
 *
 * const topic = Domain.Ids.TopicId.make("note:one")
 * const listing = { title: "A note", visibility: "members", status: "active", members: ["system:ada"], updatedAt: 0 } as const
 *
 * const program = Effect.gen(function*() {
 *   const log = yield* Services.EventLog.EventLog
 *   const directory = yield* Services.Directory.Directory
 *   const cause = Domain.Ids.CommandId.make("command-1")
 *   const draft = { topic, seq: 1, at: 0, cause, principal: { server: "system:ada" }, depth: 0, version: 1, event: { _tag: "Written" } } as const
 *   yield* log.append({ topic, expectedSeq: 0, drafts: [draft], wakeAt: undefined, hasPendingIntents: false, listing })
 *   return [yield* directory.canRead("system:ada", topic), yield* directory.canRead("system:eve", topic)]
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.EventLogMemory.layer)))
 * // => [ true, false ]
 * ```
 */
import { Context, type Effect } from "effect"
import type { Author, TopicId } from "../domain/protocol/Ids.ts"
import type { Listing } from "../domain/topic/Topic.ts"
import type { Readers } from "../domain/topic/TopicAccess.ts"
import type { EventLogError } from "./EventLog.ts"

/** A topic in a list. */
export interface ListedTopic extends Omit<Listing, "title"> {
  readonly topic: TopicId
  /** Null if it was erased. */
  readonly title: string | null
}

/** The tag. */
export class Directory extends Context.Service<Directory, {
  /** Topics of a kind that `user` is a member of, newest first; with `includePublic` the public ones too. */
  readonly list: (
    user: Author,
    options: {
      readonly kind: string
      /** The tenant; "" for the server's own topics. */
      readonly host: string
      readonly includePublic: boolean
      readonly limit: number
    }
  ) => Effect.Effect<ReadonlyArray<ListedTopic>, EventLogError>
  /** Whether `user` is a member of `topic`, or it is public. */
  readonly canRead: (user: Author, topic: TopicId) => Effect.Effect<boolean, EventLogError>
  /** Who may read each of these topics, all at one moment. A topic without an entry is left out. */
  readonly readersOf: (
    topics: ReadonlyArray<TopicId>
  ) => Effect.Effect<ReadonlyMap<TopicId, Readers>, EventLogError>
  /**
   * The topics with a member list that every reader of `topic` is on, itself included (CHO13). None if `topic` is public
   * or has no entry: then anyone may be a reader.
   */
  readonly topicsSharedBy: (topic: TopicId) => Effect.Effect<ReadonlyArray<TopicId>, EventLogError>
}>()("choir/services/Directory") {}
