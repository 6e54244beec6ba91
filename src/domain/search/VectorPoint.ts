/**
 * A point of the vector index: a chunk of published text with its vector, and the order of search results. Which points
 * a search considers is defined in `VectorQuery`.
 */
import { Schema } from "effect"
import { Hash } from "../protocol/Hash.ts"
import { Author, CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"

/** The readers of a text: all users, or the members of its thread. */
export const Visibility = Schema.Literals(["public", "members"])

/** The data of a chunk that the index stores besides its vector; derived from the log (STO4). */
export const Payload = Schema.Struct({
  thread: TopicId,
  message: CommandId,
  author: Author,
  /** The owner of the agent that wrote it (AUT8). */
  owner: Schema.optionalKey(UserId),
  /** The text of the message, or a chunk of it, unchanged. */
  content: Schema.String,
  /** SHA-256 of `content`, 64 hex digits. */
  content_hash: Schema.String,
  visibility: Visibility,
  /** The seq of the event that published the text. */
  log_seq: Schema.Natural,
  /** The seq of the event that holds the text: of an approved submission, the one that opened it. */
  text_seq: Schema.Natural,
  /** The commitment to the text of the message: erasing it removes the point (TOP10). */
  c: Hash,
  /** The embedding model of the vector: `provider/model`. */
  embed_model: Schema.String,
  created_at: Instant,
  /** An older version never overwrites a newer one. */
  version: Schema.Natural
})
export type Payload = typeof Payload.Type

/** A UUID, in lower case. */
export const PointId = Schema.String.check(Schema.isUUID(), Schema.isLowercased())

/** A chunk with its vector, as engines store it. */
export const Point = Schema.Struct({ id: PointId, vector: Schema.Array(Schema.Finite), payload: Payload })
export type Point = typeof Point.Type

/** A search result; `score` is the cosine, -1 to 1. */
export interface Hit {
  readonly id: string
  readonly score: number
  readonly payload: Payload
}
