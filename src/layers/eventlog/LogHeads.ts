/** The heads of topics' logs in the table `topics`, one row each, which is what appends are fenced by (TOP3). */
import { Effect, Schema } from "effect"
import type { SqlClient } from "effect/sql"
import { canonicalJson } from "../../domain/protocol/CanonicalJson.ts"
import { hostOf, kindOf, TopicId } from "../../domain/protocol/Ids.ts"
import { emptyHead, Genesis, type LogHead } from "../../domain/topic/Log.ts"
import type { AppendRequest } from "../../services/EventLog.ts"
import { forKeys, insertRows } from "../sql/Rows.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { generateEpoch } from "./ChainVerification.ts"

const decodeHeads = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ id: TopicId, epoch: Schema.String, head: SafeInteger, head_hash: Schema.String }))
)

/** The heads of these topics' logs; locked in this transaction, so that no other server changes them before its end. */
export const readHeads = Effect.fnUntraced(function*(
  sql: SqlClient.SqlClient,
  topics: ReadonlyArray<TopicId>,
  { locked }: { readonly locked: boolean }
) {
  // In the order of the ids, so that two servers never wait for each other. SQLite has locked the whole file.
  const lockClause = locked
    ? sql.onDialectOrElse({ pg: () => sql.literal("ORDER BY id FOR UPDATE"), orElse: () => sql.literal("") })
    : sql.literal("")
  const rows = yield* decodeHeads(
    yield* forKeys(
      sql,
      "id",
      topics,
      (isAmong) => sql`SELECT id, epoch, head, head_hash FROM topics WHERE ${isAmong} ${lockClause}`
    )
  )
  return new Map<TopicId, LogHead>(
    rows.map((row) => [row.id, { position: { epoch: row.epoch, seq: row.head }, hash: row.head_hash }])
  )
})

/**
 * The heads that a group appends to, locked until the commit. There is no row to lock for a new topic: Postgres inserts one
 * first, which waits for another server that is about to create the same topic.
 */
export const lockHeads = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, group: ReadonlyArray<AppendRequest>) {
  const heads = yield* readHeads(sql, [...new Set(group.map(({ topic }) => topic))], { locked: true })
  const created = new Map<TopicId, AppendRequest>()
  for (const append of group) {
    if (!heads.has(append.topic) && append.expectedSeq === 0) created.set(append.topic, append)
  }
  if (created.size === 0) return heads
  const rows: Array<ReturnType<typeof topicRow>> = []
  for (const append of created.values()) {
    const head = emptyHead(yield* generateEpoch)
    heads.set(append.topic, head)
    rows.push(topicRow(head, undefined, append))
  }
  yield* sql.onDialectOrElse({
    pg: () =>
      Effect.gen(function*() {
        const inOrder = rows.toSorted((a, b) => a.id < b.id ? -1 : 1)
        yield* insertRows(sql, "topics", inOrder, "ON CONFLICT (id) DO NOTHING")
        for (const [id, head] of yield* readHeads(sql, [...created.keys()], { locked: true })) heads.set(id, head)
      }),
    orElse: () => Effect.void
  })
  return heads
})

const decodeGenesis = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ genesis: Schema.NullOr(Schema.fromJsonString(Genesis)) }))
)

/** The genesis of a topic's log; undefined if it has none, or none that can be read. */
export const readGenesis = (sql: SqlClient.SqlClient, topic: TopicId) =>
  sql`SELECT genesis FROM topics WHERE id = ${topic}`.pipe(
    Effect.flatMap((rows) => Effect.orElseSucceed(decodeGenesis(rows), () => [])),
    Effect.map(([row]) => row?.genesis ?? undefined)
  )

/** The row of a topic whose log is at this head after this append, which may have begun it. */
export const topicRow = (
  { hash, position }: LogHead,
  genesis: Genesis | undefined,
  { hasPendingIntents, topic, wakeAt }: AppendRequest
) => ({
  id: topic,
  kind: kindOf(topic),
  host: hostOf(topic),
  epoch: position.epoch,
  head: position.seq,
  head_hash: hash,
  genesis: genesis === undefined ? null : canonicalJson(genesis),
  wake_at: wakeAt ?? null,
  has_pending_intents: hasPendingIntents ? 1 : 0
})
