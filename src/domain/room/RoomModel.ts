/** The data of a room: members, messages, entries and scheduled events (ROO1, ROO4). The rules are in `Room`. */
import { Schema } from "effect"
import { CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"
import * as SealedText from "../topic/SealedText.ts"

/** The limits of a room (ROO1, ROO4, TOP11). Sizes are bytes of JSON as UTF-8, times milliseconds. */
export const roomLimits = {
  maxMembers: 1_024,
  maxMessages: 256,
  maxEntries: 256,
  maxScheduledEvents: 64,
  maxValueBytes: 16_384,
  /** The longest TTL or delay: 365 days. */
  maxDelayMillis: 365 * 24 * 60 * 60_000
} as const

/** The key of an entry. */
export const EntryKey = Schema.String.check(Schema.isBetweenLength(1, 200))

/** A JSON value that a member writes, as JSON text. */
const Value = SealedText.writtenJson

/** A value under a key (ROO4), as JSON text. Keys are chosen by users, and so are values of a list, not property names (SEC19). */
export const RoomEntry = Schema.Struct({
  key: EntryKey,
  /** The event that holds its text, by which it can be erased (TOP10). */
  seq: Schema.Natural,
  value: SealedText.stored,
  by: UserId,
  at: Instant,
  /** When the TTL ends; null without one. */
  expires_at: Schema.NullOr(Instant)
})
export type RoomEntry = typeof RoomEntry.Type

/** The type of a scheduled event. As the key of an entry it is an address, and stays in the log. */
const EventType = Schema.String.check(Schema.isBetweenLength(1, 100))

/** An event that fires later (ROO4). Its payload is JSON text. */
export const ScheduledEvent = Schema.Struct({
  id: CommandId,
  /** The event that holds its text, by which it can be erased (TOP10). */
  seq: Schema.Natural,
  event_type: EventType,
  payload: SealedText.stored,
  by: UserId,
  due_at: Instant
})
export type ScheduledEvent = typeof ScheduledEvent.Type

/** A message to the room; its content is JSON text. */
export const RoomMessage = Schema.Struct({
  id: CommandId,
  /** The event that holds its text, by which it can be erased (TOP10). */
  seq: Schema.Natural,
  by: UserId,
  content: SealedText.stored,
  at: Instant
})
export type RoomMessage = typeof RoomMessage.Type

/** The state of a room; `RoomInvariants` lists its invariants. */
export const State = Schema.Struct({
  id: TopicId,
  members: Schema.Array(UserId),
  /** The newest messages, oldest first; older ones are in the log only (TOP11). */
  messages: Schema.Array(RoomMessage),
  entries: Schema.Array(RoomEntry),
  scheduled: Schema.Array(ScheduledEvent),
  version: Schema.Natural
})
export type State = typeof State.Type

/** The commands of users; the tags are the message types of the protocol. */
export const Command = Schema.TaggedUnion({
  join_room: {},
  leave_room: {},
  send_message: { content: Value },
  set_entry: { key: EntryKey, value: Value, ttl_ms: Schema.optionalKey(Schema.Natural) },
  delete_entry: { key: EntryKey },
  schedule_event: {
    event_type: EventType,
    payload: Value,
    delay_ms: Schema.Natural
  },
  cancel_event: { event_id: CommandId }
})
export type Command = typeof Command.Type
/** A command as users send it: strings in place of texts. */
export type CommandInput = typeof Command.Encoded

/** The events of a room. */
export const Event = Schema.TaggedUnion({
  UserJoined: { user: UserId, at: Instant },
  UserLeft: { user: UserId, at: Instant },
  MessageSent: { id: CommandId, by: UserId, content: SealedText.stored, at: Instant },
  EntrySet: { key: EntryKey, value: SealedText.stored, by: UserId, at: Instant, expires_at: Schema.NullOr(Instant) },
  EntryDeleted: { key: EntryKey, by: UserId, at: Instant },
  /** The TTL of these entries has ended. */
  EntriesExpired: { keys: Schema.Array(EntryKey), at: Instant },
  EventScheduled: {
    id: CommandId,
    event_type: EventType,
    payload: SealedText.stored,
    by: UserId,
    due_at: Instant,
    at: Instant
  },
  EventCancelled: { id: CommandId, by: UserId, at: Instant },
  EventFired: { id: CommandId, event_type: EventType, payload: SealedText.stored, by: UserId, at: Instant }
})
export type Event = typeof Event.Type
