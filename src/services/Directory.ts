/** Who may see which topic, as SQL knows it: a projection written in the append's own transaction (THR10). */
import { Context, type Effect } from "effect"
import type { Author, TopicId } from "../domain/protocol/Ids.ts"
import type { Listing } from "../domain/topic/Topic.ts"
import type { EventLogError } from "./EventLog.ts"

/** A topic in somebody's list. */
export interface ListedTopic extends Listing {
  readonly topic: TopicId
}

export class Directory extends Context.Service<Directory, {
  /** Topics of a kind that `user` is a member of, newest first; with `all`, public ones too. */
  readonly list: (
    user: Author,
    options: { readonly kind: string; readonly includePublic: boolean; readonly limit: number }
  ) => Effect.Effect<ReadonlyArray<ListedTopic>, EventLogError>
  /** Whether `user` is a member of `topic`, or it is public. */
  readonly canRead: (user: Author, topic: TopicId) => Effect.Effect<boolean, EventLogError>
  /** Topics that `user` is a member of. */
  readonly topicsOfMember: (user: Author) => Effect.Effect<ReadonlyArray<TopicId>, EventLogError>
}>()("choir/services/Directory") {}
