/**
 * Identifiers of users, topics, commands and connections, and positions in logs.
 *
 * All of them come from clients or in a command's context; `domain` generates none. Every pattern takes linear time
 * on any input (SEC20).
 */
import { Schema } from "effect"

/** An Ed25519 public key, 32 bytes as base64url without padding. `Identity` decides whether the key is safe (SEC4). */
export const UserId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/u)).pipe(
  Schema.brand("UserId")
)
export type UserId = typeof UserId.Type

/** The server's own authors: `system:clock`, `system:chorus`, or a topic such as `system:ledger:main`. */
export const SystemId = Schema.TemplateLiteral(["system:", Schema.String])
export type SystemId = typeof SystemId.Type

/** The author of a command: a user or the server. A user id contains no colon, so the two sets are disjoint. */
export const Author = Schema.Union([UserId, SystemId])
export type Author = typeof Author.Type

/** Whether an author is a user. */
export const isUser = (author: Author): author is UserId => !author.startsWith("system:")

/** `kind:name`, or `kind:host/name` for a topic of a tenant (ROO11). ASCII. The protocol's `thread_id`, for every kind. */
export const TopicId = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9]{0,31}:(?:[a-z0-9][a-z0-9.-]{0,252}\/)?[A-Za-z0-9._~-]{1,200}$/u)
).pipe(Schema.brand("TopicId"))
export type TopicId = typeof TopicId.Type

/** The name of a topic's kind: the part before the colon. */
export const kindOf = (topic: TopicId): string => topic.slice(0, topic.indexOf(":"))

/** The tenant of a topic; "" for the server's own topics. */
export const hostOf = (topic: TopicId): string => topic.slice(topic.indexOf(":") + 1, Math.max(0, topic.indexOf("/")))

/** A topic of another kind in the tenant of `topic`. */
export const siblingTopic = (topic: TopicId, kind: string, name: string): TopicId => {
  const host = hostOf(topic)
  return `${kind}:${host === "" ? "" : `${host}/`}${name}` as TopicId
}

/** Chosen by the sender; a UUID on the wire. A topic applies an id at most once, without expiry (SYN4). */
export const CommandId = Schema.String.check(Schema.isBetweenLength(1, 255)).pipe(Schema.brand("CommandId"))
export type CommandId = typeof CommandId.Type

/** A deterministic id for something that a command creates. Kinds reject command ids above 200 characters, so it fits. */
export const deriveId = (id: CommandId, suffix: string): CommandId => `${id}${suffix}` as CommandId

/** One connection of a client, named by the server. */
export const ConnectionId = Schema.NonEmptyString.pipe(Schema.brand("ConnectionId"))
export type ConnectionId = typeof ConnectionId.Type

/** Milliseconds since the Unix epoch, a safe integer (SEC17). Reducers receive time and never read a clock. */
export const Instant = Schema.Natural
export type Instant = typeof Instant.Type

/** How far a reader has come in a topic's log. Another `epoch` is another history of the log (SYN8). */
export const Position = Schema.Struct({
  epoch: Schema.String.check(Schema.isBetweenLength(1, 64)),
  seq: Schema.Natural
})
export type Position = typeof Position.Type

/** An event of a log. */
export const EventAddress = Schema.Struct({ seq: Schema.Natural, topic: TopicId })
export type EventAddress = typeof EventAddress.Type

/** What an event answers: another event, or an intent of its own topic. */
export const Answered = Schema.Union([
  EventAddress,
  Schema.Struct({ intent: CommandId })
])
export type Answered = typeof Answered.Type
