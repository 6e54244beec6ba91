/**
 * The event log and the directory in SQL. Portable SQL and schema-decoded rows,
 * so that the same file serves SQLite and Postgres; durability is the client's
 * (`layers/sql`), grouping is `Committer`'s.
 *
 * Whatever is read is checked against the hash chain first (FLT5).
 */
import { Array as Arr, Context, Effect, Layer, Option, Result, Schema } from "effect"
import { type Migrator, SqlClient, type SqlError } from "effect/sql"
import { type CommandId, kindOf, TopicId } from "../../domain/Ids.ts"
import type { Entry } from "../../domain/Log.ts"
import { Directory } from "../../services/Directory.ts"
import { type Append, type Carried, EventLog, type Head } from "../../services/EventLog.ts"
import * as Chain from "./Chain.ts"
import * as Committer from "./Committer.ts"
import { make as makeDirectory, writeListing } from "./Listings.ts"
import * as Migrations from "./Migrations.ts"
import { CarriedRow, fromEntry, HeadRow, inChunks, Integer, isDamage, toEntry, unavailable } from "./Rows.ts"

const Heads = Schema.decodeUnknownEffect(Schema.Array(HeadRow))
const CarriedRows = Schema.decodeUnknownEffect(Schema.Array(CarriedRow))
const Waits = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ topic: TopicId, wake_at: Schema.NullOr(Integer), owed: Integer }))
)
const Lags = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ topic: TopicId, seq: Integer })))
const Snapshots = Schema.decodeUnknownEffect(
  Schema.Array(Schema.Struct({ seq: Integer, version: Integer, state: Schema.String, hash: Schema.String }))
)

const snapshotHash = (topic: TopicId, seq: number, version: number, state: string): string =>
  Chain.sha256(JSON.stringify(["choir/snapshot/v1", topic, seq, version, state]))

/** The heads of these topics' logs, as the current transaction sees them. */
const heads = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, topics: ReadonlyArray<TopicId>) {
  const found = new Map<TopicId, Head>()
  // Postgres locks the rows until the commit; SQLite has locked the whole file.
  const lock = sql.onDialectOrElse({ pg: () => sql.literal("FOR UPDATE"), orElse: () => sql.literal("") })
  for (const some of inChunks(topics)) {
    const rows = yield* Heads(
      yield* sql`SELECT id, epoch, head, head_hash FROM topics WHERE ${sql.in("id", some)} ${lock}`
    )
    for (const row of rows) {
      found.set(row.id, { position: { epoch: row.epoch, seq: row.head }, hash: row.head_hash })
    }
  }
  return found
})

/** Chains and writes a group; to be run in a transaction. */
const write = Effect.fnUntraced(function*(sql: SqlClient.SqlClient, group: ReadonlyArray<Append>) {
  const topics = [...new Set(group.map((append) => append.topic))]
  const known = yield* heads(sql, topics)
  const last = new Map<TopicId, Append>()
  const rows: Array<Entry> = []
  const silent: Array<ReturnType<typeof silentRow>> = []
  const outcomes: Array<Committer.Outcome> = []
  for (const append of group) {
    const head = known.get(append.topic) ?? Chain.unborn(append.topic, yield* Chain.newEpoch)
    const outcome = Chain.chain(head, append)
    outcomes.push(outcome)
    if (Result.isFailure(outcome)) continue
    for (const entry of outcome.success) rows.push(entry)
    for (const carried of append.silent ?? []) silent.push(silentRow(append.topic, carried))
    known.set(append.topic, Chain.advance(head, outcome.success))
    last.set(append.topic, append)
    if (append.listing !== undefined) yield* writeListing(sql, append.topic, append.listing)
  }
  for (const some of inChunks(silent)) {
    yield* sql`INSERT INTO silent ${sql.insert(some)} ON CONFLICT (topic, cause) DO NOTHING`
  }
  for (const some of inChunks(rows)) {
    yield* sql`INSERT INTO events ${sql.insert(Arr.map(some, fromEntry))}`
  }
  const moved = [...last.values()].map((append) => topicRow(known.get(append.topic)!, append))
  for (const some of inChunks(moved)) {
    yield* sql`INSERT INTO topics ${sql.insert(some)} ON CONFLICT (id) DO UPDATE SET head = excluded.head,
      head_hash = excluded.head_hash, wake_at = excluded.wake_at, owed = excluded.owed`
  }
  return outcomes
})

const silentRow = (topic: TopicId, { asked, author, id, seq }: Carried & { readonly id: CommandId }) => ({
  topic,
  cause: id,
  seq,
  author,
  asked: asked ?? null
})

const topicRow = ({ hash, position }: Head, { owed, topic, wakeAt }: Append) => ({
  id: topic,
  kind: kindOf(topic),
  epoch: position.epoch,
  head: position.seq,
  head_hash: hash,
  wake_at: wakeAt ?? null,
  owed: owed ? 1 : 0
})

const makeRead = (sql: SqlClient.SqlClient): EventLog["Service"]["read"] => {
  const rowsOf = Effect.fnUntraced(function*(topic: TopicId, after: number, limit: number) {
    const head = (yield* heads(sql, [topic])).get(topic)
    if (head === undefined || after >= head.position.seq || limit <= 0) return undefined
    const range = { first: Math.max(1, after), last: Math.min(after + limit, head.position.seq) }
    const rows = yield* sql`SELECT topic, seq, at, cause, author, version, event, signed, asked, prev, hash FROM events
      WHERE topic = ${topic} AND seq >= ${range.first} AND seq <= ${range.last} ORDER BY seq`
    return { head, range, rows }
  })
  return Effect.fnUntraced(function*(topic, { after, limit }) {
    const found = yield* Effect.mapError(
      rowsOf(topic, after, limit),
      (error) => isDamage(error) ? Chain.corrupt(topic, after + 1, "unreadable") : unavailable("read")(error)
    )
    if (found === undefined) return []
    const { head, range, rows } = found
    const entries: Array<Entry> = []
    for (const [i, row] of rows.entries()) {
      entries.push(yield* Effect.fromResult(toEntry(topic, range.first + i, row)))
    }
    const broken = Chain.check(topic, head, range, entries)
    if (broken !== undefined) return yield* broken
    return after === 0 ? entries : entries.slice(1)
  })
}

const makeSnapshots = (sql: SqlClient.SqlClient): Pick<EventLog["Service"], "snapshot" | "saveSnapshot"> => ({
  // A snapshot is a cache: one that cannot be read, or was damaged, is as good as none (TOP7).
  snapshot: (topic) =>
    sql`SELECT seq, version, state, hash FROM snapshots WHERE topic = ${topic}`.pipe(
      Effect.mapError(unavailable("snapshot")),
      Effect.flatMap((rows) => Effect.orElseSucceed(Snapshots(rows), () => [])),
      Effect.map(([row]) =>
        row !== undefined && row.hash === snapshotHash(topic, row.seq, row.version, row.state)
          ? Option.some({ seq: row.seq, version: row.version, state: row.state })
          : Option.none()
      )
    ),
  saveSnapshot: (topic, { seq, state, version }) =>
    sql`INSERT INTO snapshots ${
      sql.insert({ topic, seq, version, state, hash: snapshotHash(topic, seq, version, state) })
    } ON CONFLICT (topic) DO UPDATE SET seq = excluded.seq, version = excluded.version, state = excluded.state,
      hash = excluded.hash`.pipe(Effect.mapError(unavailable("saveSnapshot")), Effect.asVoid)
})

const makeProjections = (sql: SqlClient.SqlClient): Pick<EventLog["Service"], "waiting" | "lagging" | "advance"> => ({
  waiting: sql`SELECT id AS topic, wake_at, owed FROM topics WHERE wake_at IS NOT NULL OR owed = 1 ORDER BY id`.pipe(
    Effect.flatMap(Waits),
    Effect.mapError(unavailable("waiting")),
    Effect.map((rows) =>
      rows.map((row) => ({ topic: row.topic, wakeAt: row.wake_at ?? undefined, owed: row.owed === 1 }))
    )
  ),
  lagging: (projection) =>
    sql`SELECT topics.id AS topic, COALESCE(cursors.seq, 0) AS seq FROM topics LEFT JOIN cursors
      ON cursors.topic = topics.id AND cursors.projection = ${projection}
      WHERE topics.head > COALESCE(cursors.seq, 0) ORDER BY topics.id`.pipe(
      Effect.flatMap(Lags),
      Effect.mapError(unavailable("lagging"))
    ),
  advance: (projection, topic, seq) =>
    sql`INSERT INTO cursors ${sql.insert({ projection, topic, seq })}
      ON CONFLICT (projection, topic) DO UPDATE SET seq = excluded.seq`.pipe(
      Effect.mapError(unavailable("advance")),
      Effect.asVoid
    )
})

const make = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const listeners = new Set<(topic: TopicId) => void>()
  const append = yield* Committer.make(
    (group) => sql.withTransaction(write(sql, group)).pipe(Effect.catchTag("SchemaError", Effect.die)),
    ({ drafts, topic }) => drafts.length > 0 && listeners.forEach((listener) => listener(topic))
  )
  return EventLog.of({
    append,
    read: makeRead(sql),
    head: (topic) =>
      heads(sql, [topic]).pipe(
        Effect.mapError(unavailable("head")),
        Effect.map((found) => Option.fromNullishOr(found.get(topic)))
      ),
    outcome: (topic, command) =>
      sql`SELECT seq, author, asked FROM events WHERE topic = ${topic} AND cause = ${command}
        UNION ALL SELECT seq, author, asked FROM silent WHERE topic = ${topic} AND cause = ${command}
        ORDER BY seq DESC LIMIT 1`.pipe(
        Effect.flatMap(CarriedRows),
        Effect.mapError(unavailable("outcome")),
        Effect.map(([row]) => {
          if (row === undefined) return Option.none()
          const { asked, ...carried } = row
          return Option.some(asked === null ? carried : { ...carried, asked })
        })
      ),
    ...makeSnapshots(sql),
    ...makeProjections(sql),
    onAppend: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
  })
})

/** The log and the directory on the given database; creates or updates the tables first. */
export const layer: Layer.Layer<
  EventLog | Directory,
  SqlError.SqlError | Migrator.MigrationError,
  SqlClient.SqlClient
> = Layer.effectContext(Effect.gen(function*() {
  const log = yield* make
  return Context.make(EventLog, log).pipe(Context.add(Directory, makeDirectory(yield* SqlClient.SqlClient)))
})).pipe(Layer.provide(Migrations.layer))
