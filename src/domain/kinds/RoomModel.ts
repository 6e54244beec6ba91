/** What a plain room is made of; the rules are in `Room` (ROO1, ROO4). */
import { Schema } from "effect"
import { CommandId, Instant, TopicId, UserId } from "../Ids.ts"
import { Told, Woke } from "../Topic.ts"

export const Key = Schema.String.check(Schema.isBetweenLength(1, 200))

export const Entry = Schema.Struct({
  key: Key,
  value: Schema.Json,
  by: UserId,
  at: Instant,
  /** null: stays until removed. */
  expires_at: Schema.NullOr(Instant)
})
export type Entry = typeof Entry.Type

export const Scheduled = Schema.Struct({
  id: CommandId,
  event_type: Schema.String.check(Schema.isBetweenLength(1, 100)),
  payload: Schema.Json,
  by: UserId,
  due_at: Instant
})
export type Scheduled = typeof Scheduled.Type

export const Post = Schema.Struct({ id: CommandId, by: UserId, content: Schema.Json, at: Instant })
export type Post = typeof Post.Type

export const State = Schema.Struct({
  id: TopicId,
  members: Schema.Array(UserId),
  /** The newest posts, oldest first; older ones are in the log only. */
  posts: Schema.Array(Post),
  entries: Schema.Array(Entry),
  scheduled: Schema.Array(Scheduled),
  version: Schema.Natural
})
export type State = typeof State.Type

export const Command = Schema.TaggedUnion({
  join_room: {},
  leave_room: {},
  send_message: { content: Schema.Json },
  set_entry: { key: Key, value: Schema.Json, ttl_ms: Schema.optionalKey(Schema.Natural) },
  delete_entry: { key: Key },
  schedule_event: {
    event_type: Schema.String.check(Schema.isBetweenLength(1, 100)),
    payload: Schema.Json,
    delay_ms: Schema.Natural
  },
  cancel_event: { event_id: CommandId }
})
export type Command = typeof Command.Type

export const Answer = Schema.Union([Told, Woke])
export type Answer = typeof Answer.Type

export const Event = Schema.TaggedUnion({
  UserJoined: { user: UserId, at: Instant },
  UserLeft: { user: UserId, at: Instant },
  Posted: { id: CommandId, by: UserId, content: Schema.Json, at: Instant },
  EntrySet: { key: Key, value: Schema.Json, by: UserId, at: Instant, expires_at: Schema.NullOr(Instant) },
  EntryDeleted: { key: Key, by: UserId, at: Instant },
  /** The clock's work: entries whose time is over. */
  EntriesExpired: { keys: Schema.Array(Key), at: Instant },
  EventScheduled: {
    id: CommandId,
    event_type: Schema.String,
    payload: Schema.Json,
    by: UserId,
    due_at: Instant,
    at: Instant
  },
  EventCancelled: { id: CommandId, by: UserId, at: Instant },
  EventFired: { id: CommandId, event_type: Schema.String, payload: Schema.Json, by: UserId, at: Instant }
})
export type Event = typeof Event.Type

export type Intent = never
