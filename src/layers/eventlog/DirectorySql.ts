/** The directory in SQL: written in the append's transaction, read as `Directory` (THR10). */
import { Effect, Option, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { Author, hostOf, kindOf, TopicId } from "../../domain/protocol/Ids.ts"
import { isSealedText, SealedText } from "../../domain/topic/SealedText.ts"
import type { Listing } from "../../domain/topic/Topic.ts"
import type { Directory } from "../../services/Directory.ts"
import { forKeys, insertRows } from "../sql/Rows.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { isOpening } from "./ChainVerification.ts"
import { logUnavailable, StoredOpenings } from "./EventLogRows.ts"

const MemberList = Schema.Array(Author)
const decodeListings = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  topic: TopicId,
  title: Schema.NullOr(Schema.fromJsonString(Schema.String)),
  title_c: Schema.NullOr(Schema.String),
  open: Schema.NullOr(Schema.String),
  visibility: Schema.Literals(["public", "members"]),
  status: Schema.Literals(["active", "closed"]),
  members: Schema.fromJsonString(MemberList),
  updated_at: SafeInteger
})))
const decodeOpenings = Schema.decodeUnknownOption(StoredOpenings)
const decodeReaders = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({
  topic: TopicId,
  visibility: Schema.Literals(["public", "members"]),
  members: Schema.fromJsonString(MemberList)
})))
const decodeTopicIds = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ topic: TopicId })))

/** Writes topics' directory entries, or removes them for null. To be run in the append's transaction. */
export const writeDirectory = Effect.fnUntraced(
  function*(sql: SqlClient.SqlClient, listings: ReadonlyMap<TopicId, Listing | null>) {
    if (listings.size === 0) return
    const removed = [...listings].flatMap(([topic, listing]) => listing === null ? [topic] : [])
    const rows = [...listings].flatMap(([topic, listing]) => listing === null ? [] : [listingRow(topic, listing)])
    const stored = yield* forKeys(
      sql,
      "topic",
      rows.map(({ topic }) => topic),
      (isAmong) => sql<{ topic: string; members: string }>`SELECT topic, members FROM listings WHERE ${isAmong}`
    )
    yield* insertRows(
      sql,
      "listings",
      rows,
      "ON CONFLICT (topic) DO UPDATE SET title = excluded.title, title_c = excluded.title_c, title_seq = excluded.title_seq, visibility = excluded.visibility, " +
        "status = excluded.status, members = excluded.members, updated_at = excluded.updated_at"
    )
    yield* forKeys(sql, "topic", removed, (isAmong) => sql`DELETE FROM listings WHERE ${isAmong}`)
    // Most changes of an entry are of its time; members change rarely.
    const storedMembers = new Map(stored.map(({ members, topic }) => [topic, members]))
    const changed = rows.filter(({ members, topic }) => storedMembers.get(topic) !== members).map(({ topic }) => topic)
    yield* forKeys(sql, "topic", [...removed, ...changed], (isAmong) => sql`DELETE FROM members WHERE ${isAmong}`)
    yield* insertRows(
      sql,
      "members",
      changed.flatMap((topic) => [...new Set(listings.get(topic)?.members)].map((author) => ({ author, topic })))
    )
  }
)

/** A title that people wrote stands beside an entry; another one is stored as JSON, as texts are. */
const listingRow = (topic: TopicId, { members, status, title, updatedAt, visibility }: Listing) => ({
  topic,
  kind: kindOf(topic),
  host: hostOf(topic),
  title: isSealedText(title) ? null : JSON.stringify(title),
  title_c: isSealedText(title) ? title.c : null,
  title_seq: isSealedText(title) ? SealedText.seqOf(title) ?? null : null,
  visibility,
  status,
  members: JSON.stringify(members),
  updated_at: updatedAt
})

/** A title that was altered is not shown (FLT5). */
const openTitle = (c: string, open: string | null): string | null => {
  const opening = Option.getOrNull(decodeOpenings(open))?.[c]
  return opening !== undefined && isOpening(c, opening) ? opening[1] : null
}

/** The directory over these tables. */
export const make = (sql: SqlClient.SqlClient): Directory["Service"] => {
  // Two queries, each by its own index: one condition for both would cost in proportion to all topics.
  // SQLite's planner reads a bare `LIMIT ?` and plans again at each run, for three times the cost; hence `+ 0`.
  const topicsByMember = (user: Author, kind: string, host: string, limit: number) =>
    sql`SELECT listings.* FROM members JOIN listings ON listings.topic = members.topic
      WHERE author = ${user} AND kind = ${kind} AND host = ${host}
      ORDER BY updated_at DESC, listings.topic LIMIT ${limit} + 0`
  const publicTopics = (kind: string, host: string, limit: number) =>
    sql`SELECT * FROM listings WHERE kind = ${kind} AND host = ${host} AND visibility = 'public'
      ORDER BY updated_at DESC, topic LIMIT ${limit} + 0`
  const publicAndMemberTopics = (user: Author, kind: string, host: string, limit: number) =>
    sql`SELECT * FROM (${topicsByMember(user, kind, host, limit)}) AS mine
      UNION SELECT * FROM (${publicTopics(kind, host, limit)}) AS open
      ORDER BY updated_at DESC, topic LIMIT ${limit} + 0`
  return {
    list: (user, { host, includePublic, kind, limit }) =>
      sql`SELECT listed.topic, title, title_c, open, visibility, status, members, updated_at
        FROM (${(includePublic ? publicAndMemberTopics : topicsByMember)(user, kind, host, limit)}) AS listed
        LEFT JOIN entries ON entries.topic = listed.topic AND entries.seq = listed.title_seq
        ORDER BY updated_at DESC, listed.topic`.pipe(
        Effect.flatMap(decodeListings),
        Effect.mapError(logUnavailable("list")),
        Effect.map((rows) =>
          rows.map(({ open, title, title_c, updated_at, ...row }) => ({
            ...row,
            title: title_c === null ? title : openTitle(title_c, open),
            updatedAt: updated_at
          }))
        )
      ),
    canRead: (user, topic) =>
      sql`SELECT topic FROM listings WHERE topic = ${topic} AND (visibility = 'public'
        OR EXISTS (SELECT 1 FROM members WHERE author = ${user} AND members.topic = listings.topic))`.pipe(
        Effect.mapError(logUnavailable("canRead")),
        Effect.map((rows) => rows.length > 0)
      ),
    readersOf: (topics) =>
      sql`SELECT topic, visibility, members FROM listings WHERE ${sql.in("topic", topics)}`.pipe(
        Effect.flatMap(decodeReaders),
        Effect.mapError(logUnavailable("readersOf")),
        Effect.map((rows) => new Map(rows.map(({ topic, ...readers }) => [topic, readers])))
      ),
    // Of the topics of one reader, those that no other reader is missing from.
    topicsSharedBy: (topic) =>
      sql`SELECT topic FROM members AS candidate
        WHERE author = (SELECT MIN(author) FROM members JOIN listings ON listings.topic = members.topic
          WHERE members.topic = ${topic} AND visibility = 'members')
        AND NOT EXISTS (SELECT 1 FROM members AS reader WHERE reader.topic = ${topic} AND NOT EXISTS
          (SELECT 1 FROM members AS shared WHERE shared.author = reader.author AND shared.topic = candidate.topic))
        ORDER BY topic`.pipe(
        Effect.flatMap(decodeTopicIds),
        Effect.mapError(logUnavailable("topicsSharedBy")),
        Effect.map((rows) => rows.map((row) => row.topic))
      )
  }
}
