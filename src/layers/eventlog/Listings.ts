/** Who may see which topic, in SQL: written in the append's transaction, read as `Directory` (THR10). */
import { Array as Arr, Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { Author, kindOf, TopicId } from "../../domain/Ids.ts"
import type { Listing } from "../../domain/Topic.ts"
import type { Directory } from "../../services/Directory.ts"
import { inChunks, Integer, unavailable } from "./Rows.ts"

const Members = Schema.Array(Author)
const Listed = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  topic: TopicId,
  title: Schema.String,
  visibility: Schema.Literals(["public", "members"]),
  status: Schema.Literals(["active", "closed"]),
  members: Schema.fromJsonString(Members),
  updated_at: Integer
})))
const Topics = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ topic: TopicId })))

/** Puts a topic's listing where lists are made from; null takes it out. To be run in the append's transaction. */
export const writeListing = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, topic: TopicId, listing: Listing | null) {
    if (listing === null) {
      yield* sql`DELETE FROM listings WHERE topic = ${topic}`
      yield* sql`DELETE FROM members WHERE topic = ${topic}`
      return
    }
    const { status, title, updatedAt, visibility } = listing
    const members = JSON.stringify(listing.members)
    const [before] = yield* sql<{ members: string }>`SELECT members FROM listings WHERE topic = ${topic}`
    const row = { topic, kind: kindOf(topic), title, visibility, status, members, updated_at: updatedAt }
    yield* sql`INSERT INTO listings ${sql.insert(row)} ON CONFLICT (topic) DO UPDATE SET title = excluded.title,
      visibility = excluded.visibility, status = excluded.status, members = excluded.members,
      updated_at = excluded.updated_at`
    // Most changes of a listing are its time; who is in it changes rarely.
    if (before?.members === members) return
    yield* sql`DELETE FROM members WHERE topic = ${topic}`
    for (const some of inChunks([...new Set(listing.members)])) {
      yield* sql`INSERT INTO members ${sql.insert(Arr.map(some, (author) => ({ author, topic })))}`
    }
  }
)

/** The directory over the same tables. */
export const make = (sql: SqlClient.SqlClient): Directory["Service"] => {
  // Each by an index of its own: what one condition for both would cost grows with the threads of everybody.
  // A bare `LIMIT ?` is read by SQLite's planner, which then plans anew at each run, for three times the cost.
  const mine = (user: Author, kind: string, limit: number) =>
    sql`SELECT listings.topic, title, visibility, status, listings.members, updated_at
      FROM members JOIN listings ON listings.topic = members.topic WHERE author = ${user} AND kind = ${kind}
      ORDER BY updated_at DESC, listings.topic LIMIT ${limit} + 0`
  const open = (kind: string, limit: number) =>
    sql`SELECT topic, title, visibility, status, members, updated_at
      FROM listings WHERE kind = ${kind} AND visibility = 'public' ORDER BY updated_at DESC, topic LIMIT ${limit} + 0`
  const either = (user: Author, kind: string, limit: number) =>
    sql`SELECT * FROM (${mine(user, kind, limit)}) UNION SELECT * FROM (${open(kind, limit)})
      ORDER BY updated_at DESC, topic LIMIT ${limit} + 0`
  return {
    list: (user, { all, kind, limit }) =>
      (all ? either : mine)(user, kind, limit).pipe(
        Effect.flatMap(Listed),
        Effect.mapError(unavailable("list")),
        Effect.map((rows) => rows.map(({ updated_at, ...row }) => ({ ...row, updatedAt: updated_at })))
      ),
    canRead: (user, topic) =>
      sql`SELECT topic FROM listings WHERE topic = ${topic} AND (visibility = 'public'
        OR EXISTS (SELECT 1 FROM members WHERE author = ${user} AND members.topic = listings.topic))`.pipe(
        Effect.mapError(unavailable("canRead")),
        Effect.map((rows) => rows.length > 0)
      ),
    memberships: (user) =>
      sql`SELECT topic FROM members WHERE author = ${user} ORDER BY topic`.pipe(
        Effect.flatMap(Topics),
        Effect.mapError(unavailable("memberships")),
        Effect.map((rows) => rows.map((row) => row.topic))
      )
  }
}
