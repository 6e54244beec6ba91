/**
 * The event log and the directory in SQL: portable statements and schema-decoded rows, for SQLite and Postgres alike.
 *
 * **When to use**
 *
 * Provide it with a `SqlClient`: `Sqlite.layer` or `Postgres.layer`. The tables are created or migrated when it is built.
 *
 * **Details**
 *
 * Appends are committed in groups by `Committer`; durability is the client's (`layers/sql`). What is read is verified against
 * the hash chain before it is returned (FLT5).
 *
 * **Gotchas**
 *
 * - The append's expected seq fences writers, also those of other servers on the same database (TOP3). SQLite itself admits
 *   one server per file.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const topic = Domain.Ids.TopicId.make("note:one")
 * const cause = Domain.Ids.CommandId.make("command-1")
 * const draft = { topic, seq: 1, at: 0, cause, author: "system:ada", version: 1, event: { _tag: "Written" } } as const
 *
 * const program = Effect.gen(function*() {
 *   const log = yield* Services.EventLog.EventLog
 *   const append = { topic, drafts: [draft], wakeAt: undefined, hasPendingIntents: false, listing: undefined }
 *   yield* log.append({ ...append, expectedSeq: 0 })
 *   const second = yield* Effect.flip(log.append({ ...append, expectedSeq: 0 }))
 *   return second.reason._tag
 * })
 *
 * const log = Layers.EventLogSql.layer.pipe(Layer.provide(Layers.Sqlite.layer({ filename: ":memory:" })))
 * console.log(await Effect.runPromise(Effect.provide(program, log)))
 * // => SeqConflict
 * ```
 */
import { Context, Effect, Layer, Option, Result, Schema } from "effect"
import { type Migrator, SqlClient, type SqlError } from "effect/sql"
import { TopicId } from "../../domain/protocol/Ids.ts"
import type { EventlessCommand } from "../../domain/topic/Deduplication.ts"
import { advanceHead, emptyHead, type Entry } from "../../domain/topic/Log.ts"
import type { Listing } from "../../domain/topic/Topic.ts"
import { Directory } from "../../services/Directory.ts"
import { type AppendRequest, EventLog } from "../../services/EventLog.ts"
import { insertRows } from "../sql/Rows.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import * as ChainVerification from "./ChainVerification.ts"
import * as Committer from "./Committer.ts"
import { make as makeDirectory, writeDirectory } from "./DirectorySql.ts"
import * as EventLogMigrations from "./EventLogMigrations.ts"
import { entryFromRow, isFileCorruption, logUnavailable, ProcessedCommandRow, rowFromEntry } from "./EventLogRows.ts"
import { lockHeads, readHeads, topicRow } from "./LogHeads.ts"

const decodeProcessedCommands = Schema.decodeUnknownEffect(Schema.Array(ProcessedCommandRow))
const decodeTopicsToRecover = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ topic: TopicId, wake_at: Schema.NullOr(SafeInteger), owed: SafeInteger }))
)
const decodeLaggingTopics = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ topic: TopicId, seq: SafeInteger }))
)
const decodeSnapshots = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ seq: SafeInteger, version: SafeInteger, state: Schema.String, hash: Schema.String }))
)

const hashSnapshot = (topic: TopicId, seq: number, version: number, state: string): string =>
  ChainVerification.sha256(JSON.stringify(["choir/snapshot/v1", topic, seq, version, state]))

/** Chains a group's entries and inserts them. To be run in a transaction. */
const writeGroup = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, group: ReadonlyArray<AppendRequest>) {
  const headsByTopic = yield* lockHeads(sql, group)
  const lastAppends = new Map<TopicId, AppendRequest>()
  const listings = new Map<TopicId, Listing | null>()
  const entries: Array<Entry> = []
  const eventlessRows: Array<ReturnType<typeof eventlessCommandRow>> = []
  const results: Array<Committer.AppendResult> = []
  for (const append of group) {
    const head = headsByTopic.get(append.topic) ??
      emptyHead(append.topic, yield* ChainVerification.generateEpoch)
    const result = ChainVerification.chainDrafts(head, append)
    results.push(result)
    if (Result.isFailure(result)) continue
    for (const entry of result.success) entries.push(entry)
    for (const command of append.eventlessCommands ?? []) eventlessRows.push(eventlessCommandRow(append.topic, command))
    headsByTopic.set(append.topic, advanceHead(head, result.success))
    lastAppends.set(append.topic, append)
    if (append.listing !== undefined) listings.set(append.topic, append.listing)
  }
  yield* writeDirectory(sql, listings)
  yield* insertRows(sql, "silent", eventlessRows, sql.literal("ON CONFLICT (topic, cause) DO NOTHING"))
  yield* insertRows(sql, "events", entries.map(rowFromEntry))
  yield* insertRows(
    sql,
    "topics",
    [...lastAppends.values()].map((append) => topicRow(headsByTopic.get(append.topic)!, append)),
    sql.literal(
      "ON CONFLICT (id) DO UPDATE SET head = excluded.head, head_hash = excluded.head_hash, " +
        "wake_at = excluded.wake_at, owed = excluded.owed"
    )
  )
  return results
})

const eventlessCommandRow = (
  topic: TopicId,
  { commandHash, author, id, seq }: EventlessCommand
) => ({
  topic,
  cause: id,
  seq,
  author,
  asked: commandHash ?? null
})

const makeRead = (sql: SqlClient.SqlClient): EventLog["Service"]["read"] => {
  const readRows = Effect.fnUntraced(function*(topic: TopicId, after: number, limit: number) {
    const head = (yield* readHeads(sql, [topic], { locked: false })).get(topic)
    if (head === undefined || after >= head.position.seq || limit <= 0) return undefined
    const range = { first: Math.max(1, after), last: Math.min(after + limit, head.position.seq) }
    const rows = yield* sql`SELECT topic, seq, at, cause, author, version, event, signed, asked, prev, hash FROM events
      WHERE topic = ${topic} AND seq >= ${range.first} AND seq <= ${range.last} ORDER BY seq`
    return { head, range, rows }
  })
  return Effect.fnUntraced(function*(topic, { after, limit }) {
    const page = yield* Effect.mapError(
      readRows(topic, after, limit),
      (error) =>
        isFileCorruption(error)
          ? ChainVerification.logCorrupt(topic, after + 1, "unreadable")
          : logUnavailable("read")(error)
    )
    if (page === undefined) return []
    const { head, range, rows } = page
    const entries: Array<Entry> = []
    for (const [i, row] of rows.entries()) {
      entries.push(yield* Effect.fromResult(entryFromRow(topic, range.first + i, row)))
    }
    const damage = ChainVerification.verifyRange(topic, head, range, entries)
    if (damage !== undefined) return yield* damage
    return after === 0 ? entries : entries.slice(1)
  })
}

const makeSnapshots = (sql: SqlClient.SqlClient): Pick<EventLog["Service"], "snapshot" | "saveSnapshot"> => ({
  // A snapshot that does not decode or whose hash differs is ignored (TOP7).
  snapshot: (topic) =>
    sql`SELECT seq, version, state, hash FROM snapshots WHERE topic = ${topic}`.pipe(
      Effect.mapError(logUnavailable("snapshot")),
      Effect.flatMap((rows) => Effect.orElseSucceed(decodeSnapshots(rows), () => [])),
      Effect.map(([row]) =>
        row !== undefined && row.hash === hashSnapshot(topic, row.seq, row.version, row.state)
          ? Option.some({ seq: row.seq, version: row.version, state: row.state })
          : Option.none()
      )
    ),
  saveSnapshot: (topic, { seq, state, version }) =>
    sql`INSERT INTO snapshots ${
      sql.insert({ topic, seq, version, state, hash: hashSnapshot(topic, seq, version, state) })
    } ON CONFLICT (topic) DO UPDATE SET seq = excluded.seq, version = excluded.version, state = excluded.state,
      hash = excluded.hash`.pipe(Effect.mapError(logUnavailable("saveSnapshot")), Effect.asVoid)
})

const makeCursors = (
  sql: SqlClient.SqlClient
): Pick<EventLog["Service"], "topicsToRecover" | "laggingTopics" | "setCursor"> => ({
  topicsToRecover: sql`SELECT id AS topic, wake_at, owed FROM topics WHERE wake_at IS NOT NULL OR owed = 1 ORDER BY id`
    .pipe(
      Effect.flatMap(decodeTopicsToRecover),
      Effect.mapError(logUnavailable("topicsToRecover")),
      Effect.map((rows) =>
        rows.map((row) => ({ topic: row.topic, wakeAt: row.wake_at ?? undefined, hasPendingIntents: row.owed === 1 }))
      )
    ),
  laggingTopics: (projection) =>
    sql`SELECT topics.id AS topic, COALESCE(cursors.seq, 0) AS seq FROM topics LEFT JOIN cursors
      ON cursors.topic = topics.id AND cursors.projection = ${projection}
      WHERE topics.head > COALESCE(cursors.seq, 0) ORDER BY topics.id`.pipe(
      Effect.flatMap(decodeLaggingTopics),
      Effect.mapError(logUnavailable("laggingTopics"))
    ),
  setCursor: (projection, topic, seq) =>
    sql`INSERT INTO cursors ${sql.insert({ projection, topic, seq })}
      ON CONFLICT (projection, topic) DO UPDATE SET seq = excluded.seq`.pipe(
      Effect.mapError(logUnavailable("setCursor")),
      Effect.asVoid
    )
})

const make = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const listeners = new Set<(topic: TopicId) => void>()
  const append = yield* Committer.make(
    (group) => sql.withTransaction(writeGroup(sql, group)).pipe(Effect.catchTag("SchemaError", Effect.die)),
    ({ drafts, topic }) => drafts.length > 0 && listeners.forEach((listener) => listener(topic))
  )
  return EventLog.of({
    append,
    read: makeRead(sql),
    head: (topic) =>
      readHeads(sql, [topic], { locked: false }).pipe(
        Effect.mapError(logUnavailable("head")),
        Effect.map((found) => Option.fromNullishOr(found.get(topic)))
      ),
    findProcessedCommand: (topic, command) =>
      sql`SELECT seq, author, asked FROM events WHERE topic = ${topic} AND cause = ${command}
        UNION ALL SELECT seq, author, asked FROM silent WHERE topic = ${topic} AND cause = ${command}
        ORDER BY seq DESC LIMIT 1`.pipe(
        Effect.flatMap(decodeProcessedCommands),
        Effect.mapError(logUnavailable("findProcessedCommand")),
        Effect.map(([row]) => {
          if (row === undefined) return Option.none()
          const { asked, ...command } = row
          return Option.some(asked === null ? command : { ...command, commandHash: asked })
        })
      ),
    ...makeSnapshots(sql),
    ...makeCursors(sql),
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  })
})

/** The log and the directory on the given database; creates or migrates the tables first. */
export const layer: Layer.Layer<
  EventLog | Directory,
  SqlError.SqlError | Migrator.MigrationError,
  SqlClient.SqlClient
> = Layer.effectContext(Effect.gen(function*() {
  const log = yield* make
  return Context.make(EventLog, log).pipe(Context.add(Directory, makeDirectory(yield* SqlClient.SqlClient)))
})).pipe(Layer.provide(EventLogMigrations.layer))
