/**
 * The names of things: users, topics, commands, connections.
 *
 * All of them arrive from outside or in a command's context; nothing in
 * `domain` makes one up.
 */
import { Schema } from "effect"

/** An Ed25519 public key, 32 bytes as base64url without padding. Whether it is a *safe* key is `Identity`'s question. */
export const UserId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/u)).pipe(
  Schema.brand("UserId")
)
export type UserId = typeof UserId.Type

/** A part of the server acting on its own: `system:clock`, `system:chorus`, or another topic, `system:ledger:main`. */
export const SystemId = Schema.TemplateLiteral(["system:", Schema.String])
export type SystemId = typeof SystemId.Type

/** Who is behind a command. A user id holds no colon, so the two never meet. */
export const Author = Schema.Union([UserId, SystemId])
export type Author = typeof Author.Type

export const isUser = (author: Author): author is UserId => !author.startsWith("system:")

/** `kind:name`, at most 255 ASCII characters. What the protocol calls `thread_id`, whatever the kind. */
export const TopicId = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9]{0,31}:[A-Za-z0-9._~-]{1,200}$/u)
).pipe(Schema.brand("TopicId"))
export type TopicId = typeof TopicId.Type

/** The part of a topic id before the colon. */
export const kindOf = (topic: TopicId): string => topic.slice(0, topic.indexOf(":"))

/** Chosen by whoever asks; a UUID when it comes over the wire. One id is carried out at most once per topic, for ever. */
export const CommandId = Schema.String.check(Schema.isBetweenLength(1, 255)).pipe(Schema.brand("CommandId"))
export type CommandId = typeof CommandId.Type

/** The id of something that follows from a command, always the same one. Commands whose ids pass 200 characters are refused. */
export const deriveId = (id: CommandId, suffix: string): CommandId => `${id}${suffix}` as CommandId

export const ConnectionId = Schema.NonEmptyString.pipe(Schema.brand("ConnectionId"))
export type ConnectionId = typeof ConnectionId.Type

/** Milliseconds since the Unix epoch. Reducers receive time; they never read it. */
export const Instant = Schema.Natural
export type Instant = typeof Instant.Type

/** Where a reader stands in a topic's log. `epoch` changes only when a log was restored or forked (SYN8). */
export const Position = Schema.Struct({
  epoch: Schema.String.check(Schema.isBetweenLength(1, 64)),
  seq: Schema.Natural
})
export type Position = typeof Position.Type
