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
 * const draft = { topic, seq: 1, at: 0, cause, principal: { server: "system:ada" }, depth: 0, version: 1, event: { _tag: "Written" } } as const
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
import { authorOf, principalOf } from "../../domain/protocol/Principal.ts"
import type { EventlessCommand } from "../../domain/topic/Deduplication.ts"
import { isErased } from "../../domain/topic/Erasure.ts"
import {
  type AppendedEntry,
  emptyHead,
  type Entry,
  type Genesis,
  type LogHead,
  openEntry,
  type StoredEvent
} from "../../domain/topic/Log.ts"
import type { Snapshot } from "../../domain/topic/Snapshots.ts"
import type { Listing } from "../../domain/topic/Topic.ts"
import { Directory } from "../../services/Directory.ts"
import { type AppendRequest, EventLog, EventLogError, SourceErased } from "../../services/EventLog.ts"
import { insertRows } from "../sql/Rows.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import * as ChainVerification from "./ChainVerification.ts"
import * as Committer from "./Committer.ts"
import { make as makeDirectory, writeDirectory } from "./DirectorySql.ts"
import * as EventLogMigrations from "./EventLogMigrations.ts"
import {
  encodePrincipal,
  entryColumns,
  entryFromRow,
  isFileCorruption,
  logUnavailable,
  ProcessedCommandRow,
  rowFromEntry
} from "./EventLogRows.ts"
import { lockHeads, readGenesis, readHeads, topicRow } from "./LogHeads.ts"
import * as TextsSql from "./TextsSql.ts"

const decodeProcessedCommands = Schema.decodeUnknownEffect(Schema.Array(ProcessedCommandRow))
const decodeTopicsToRecover = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ topic: TopicId, wake_at: Schema.NullOr(SafeInteger), has_pending_intents: SafeInteger }))
)
const decodeLaggingTopics = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ topic: TopicId, seq: SafeInteger }))
)
const decodeSnapshots = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({
    seq: SafeInteger,
    version: SafeInteger,
    state: Schema.String,
    text_seqs: Schema.fromJsonString(Schema.Array(Schema.Natural)),
    hash: Schema.String
  }))
)

const hashSnapshot = (topic: TopicId, { seq, state, textSeqs, version }: Snapshot): string =>
  ChainVerification.sha256(JSON.stringify(["choir/snapshot/v1", topic, seq, version, state, textSeqs]))

/** Chains a group's entries and inserts them. To be run in a transaction. */
const writeGroup = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, group: ReadonlyArray<AppendRequest>) {
  const headsByTopic = yield* lockHeads(sql, group)
  const lastAppends = new Map<TopicId, AppendRequest>()
  const geneses = new Map<TopicId, Genesis>()
  const listings = new Map<TopicId, Listing | null>()
  const entries: Array<AppendedEntry> = []
  const events: Array<StoredEvent> = []
  const eventlessRows: Array<ReturnType<typeof eventlessCommandRow>> = []
  const results: Array<Committer.AppendResult> = []
  for (const append of group) {
    const head = headsByTopic.get(append.topic) ?? emptyHead(yield* ChainVerification.generateEpoch)
    const result = yield* chainAppend(sql, head, append)
    results.push(Result.map(result, ({ entries }) => entries))
    if (Result.isFailure(result)) continue
    const chained = result.success
    for (const entry of chained.entries) entries.push(entry)
    for (const event of chained.events) events.push(event)
    for (const command of append.eventlessCommands ?? []) eventlessRows.push(eventlessCommandRow(append.topic, command))
    headsByTopic.set(append.topic, chained.head)
    if (chained.genesis !== undefined) geneses.set(append.topic, chained.genesis)
    lastAppends.set(append.topic, append)
    if (append.listing !== undefined) listings.set(append.topic, append.listing)
  }
  yield* writeDirectory(sql, listings)
  yield* insertRows(sql, "eventless_commands", eventlessRows, "ON CONFLICT (topic, cause) DO NOTHING")
  yield* insertRows(sql, "entries", entries.map((entry, i) => rowFromEntry(entry, events[i]!)))
  yield* TextsSql.changeTexts(sql, entries, events)
  yield* insertRows(
    sql,
    "topics",
    [...lastAppends.values()].map((append) =>
      topicRow(headsByTopic.get(append.topic)!, geneses.get(append.topic), append)
    ),
    "ON CONFLICT (id) DO UPDATE SET head = excluded.head, head_hash = excluded.head_hash, " +
      "genesis = COALESCE(excluded.genesis, topics.genesis), wake_at = excluded.wake_at, has_pending_intents = excluded.has_pending_intents"
  )
  return results
})

/** Links an append to the log at `head`, unless it is made from a text that was erased meanwhile (TOP10). */
const chainAppend = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, head: LogHead, append: AppendRequest) {
  const { sources = [], topic } = append
  return sources.length === 0 || (yield* TextsSql.writeSources(sql, topic, sources))
    ? ChainVerification.chainDrafts(head, append)
    : Result.fail(new EventLogError({ reason: new SourceErased({ topic }) }))
})

const eventlessCommandRow = (
  topic: TopicId,
  { commandHash, author, id, seq }: EventlessCommand
) => ({
  topic,
  cause: id,
  seq,
  principal: encodePrincipal(principalOf(author)),
  command_hash: commandHash ?? null
})

const makeRead = (sql: SqlClient.SqlClient): EventLog["Service"]["read"] => {
  const readRows = Effect.fnUntraced(function*(topic: TopicId, after: number, limit: number) {
    const head = (yield* readHeads(sql, [topic], { locked: false })).get(topic)
    if (head === undefined || after >= head.position.seq || limit <= 0) return undefined
    const first = Math.max(1, after)
    const last = Math.min(after + limit, head.position.seq)
    const genesis = first === 1 ? yield* readGenesis(sql, topic) : undefined
    const rows = yield* sql`SELECT ${sql.literal(entryColumns)} FROM entries
      WHERE topic = ${topic} AND seq >= ${first} AND seq <= ${last} ORDER BY seq`
    return { head, range: { first, last, genesis }, rows }
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
    const wanted = after === 0 ? entries : entries.slice(1)
    const earlier = new Set(wanted.flatMap(({ textSeqs }) => Object.values(textSeqs)))
    const openings = yield* TextsSql.readOpenings(sql, topic, [...earlier])
    return wanted.map((entry) => openEntry(entry, (seq) => openings.get(seq)))
  })
}

const makeSnapshots = (sql: SqlClient.SqlClient): Pick<EventLog["Service"], "snapshot" | "saveSnapshot"> => ({
  // A snapshot that does not decode or whose hash differs is ignored (TOP7).
  snapshot: (topic) =>
    sql`SELECT seq, version, state, text_seqs, hash FROM snapshots WHERE topic = ${topic}`.pipe(
      Effect.mapError(logUnavailable("snapshot")),
      Effect.flatMap((rows) => Effect.orElseSucceed(decodeSnapshots(rows), () => [])),
      Effect.map(([row]) => {
        if (row === undefined) return Option.none()
        const { hash, text_seqs, ...rest } = row
        const snapshot = { ...rest, textSeqs: text_seqs }
        return hash === hashSnapshot(topic, snapshot) ? Option.some(snapshot) : Option.none()
      })
    ),
  saveSnapshot: (topic, snapshot) => {
    const { seq, state, textSeqs, version } = snapshot
    const row = { topic, seq, version, state, text_seqs: JSON.stringify(textSeqs), hash: hashSnapshot(topic, snapshot) }
    return sql`INSERT INTO snapshots ${sql.insert(row)} ON CONFLICT (topic) DO UPDATE SET seq = excluded.seq,
      version = excluded.version, state = excluded.state, text_seqs = excluded.text_seqs, hash = excluded.hash`.pipe(
      Effect.mapError(logUnavailable("saveSnapshot")),
      Effect.asVoid
    )
  }
})

const makeCursors = (
  sql: SqlClient.SqlClient
): Pick<EventLog["Service"], "topicsToRecover" | "laggingTopics" | "setCursor"> => ({
  topicsToRecover:
    sql`SELECT id AS topic, wake_at, has_pending_intents FROM topics WHERE wake_at IS NOT NULL OR has_pending_intents = 1 ORDER BY id`
      .pipe(
        Effect.flatMap(decodeTopicsToRecover),
        Effect.mapError(logUnavailable("topicsToRecover")),
        Effect.map((rows) =>
          rows.map((row) => ({
            topic: row.topic,
            wakeAt: row.wake_at ?? undefined,
            hasPendingIntents: row.has_pending_intents === 1
          }))
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
  yield* TextsSql.dropForgotten(sql)
  const listeners = new Set<(topic: TopicId, erases: boolean) => void>()
  const append = yield* Committer.make(
    (group) => sql.withTransaction(writeGroup(sql, group)).pipe(Effect.catchTag("SchemaError", Effect.die)),
    ({ drafts, topic }) => {
      if (drafts.length === 0) return
      const erases = drafts.some(({ event }) => isErased(event))
      listeners.forEach((listener) => listener(topic, erases))
    }
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
      sql`SELECT seq, principal, command_hash FROM entries WHERE topic = ${topic} AND cause = ${command}
        UNION ALL SELECT seq, principal, command_hash FROM eventless_commands WHERE topic = ${topic} AND cause = ${command}
        ORDER BY seq DESC LIMIT 1`.pipe(
        Effect.flatMap(decodeProcessedCommands),
        Effect.mapError(logUnavailable("findProcessedCommand")),
        Effect.map(([row]) => {
          if (row === undefined) return Option.none()
          const { command_hash, principal, seq } = row
          const command = { seq, author: authorOf(principal) }
          return Option.some(command_hash === null ? command : { ...command, commandHash: command_hash })
        })
      ),
    ...TextsSql.make(sql),
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
  SqlError.SqlError | Migrator.MigrationError | EventLogMigrations.LogFormatOutdated,
  SqlClient.SqlClient
> = Layer.effectContext(Effect.gen(function*() {
  const log = yield* make
  return Context.make(EventLog, log).pipe(Context.add(Directory, makeDirectory(yield* SqlClient.SqlClient)))
})).pipe(Layer.provide(EventLogMigrations.layer))
