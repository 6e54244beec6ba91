/**
 * A point of the vector index: a piece of published text with its vector, and
 * how points are filtered and ranked. Every engine agrees with `matches` and `rank`.
 */
import { Schema } from "effect"
import { Author, CommandId, Instant, TopicId } from "../protocol/Ids.ts"

export const Visibility = Schema.Literals(["public", "members"])

/** What is known of a piece of text; all of it follows from the log (STO4). */
export const Payload = Schema.Struct({
  thread: TopicId,
  message: CommandId,
  author: Author,
  /** The whole message, or one chunk of a long one, word for word. */
  content: Schema.String,
  /** SHA-256 of `content`, 64 hex digits. */
  content_hash: Schema.String,
  visibility: Visibility,
  /** Where in the thread's log the text was published. */
  log_seq: Schema.Natural,
  /** What made the vector: `provider/model`. */
  embed_model: Schema.String,
  created_at: Instant,
  /** An older version never overwrites a newer one. */
  version: Schema.Natural
})
export type Payload = typeof Payload.Type

/** A UUID, in lower case. */
export const PointId = Schema.String.check(Schema.isUUID(), Schema.isLowercased())

export const Point = Schema.Struct({ id: PointId, vector: Schema.Array(Schema.Finite), payload: Payload })
export type Point = typeof Point.Type

/** All given conditions hold. An empty list matches nothing. */
export const Filter = Schema.Struct({
  /** What somebody with these memberships may see: public, or in one of these threads (THR10). */
  readable: Schema.optionalKey(Schema.Array(TopicId)),
  threads: Schema.optionalKey(Schema.Array(TopicId)),
  visibility: Schema.optionalKey(Visibility),
  author: Schema.optionalKey(Author)
})
export type Filter = typeof Filter.Type

export const matchesFilter = (filter: Filter, payload: Payload): boolean =>
  (filter.readable === undefined || payload.visibility === "public" || filter.readable.includes(payload.thread)) &&
  (filter.threads === undefined || filter.threads.includes(payload.thread)) &&
  (filter.visibility === undefined || payload.visibility === filter.visibility) &&
  (filter.author === undefined || payload.author === filter.author)

/** A point that was found; `score` is the cosine, -1 to 1. */
export interface Hit {
  readonly id: string
  readonly score: number
  readonly payload: Payload
}

/** Best first; ties by id, so that an answer is the same on every engine and every day. */
export const compareHits = (a: Pick<Hit, "id" | "score">, b: Pick<Hit, "id" | "score">): number =>
  b.score - a.score || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
