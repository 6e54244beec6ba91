/** The tables of the event log, for SQLite and Postgres alike: plain types only, JSON as text, times as milliseconds. */
import { Effect, Layer, Schema } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { definitionFor } from "../sql/Rows.ts"

const createStatements = [
  // `head` is the last seq; topics with `wake_at` or `has_pending_intents` (outstanding intents) are resumed after a restart (TOP6).
  `CREATE TABLE topics (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, host TEXT NOT NULL, epoch TEXT NOT NULL, head BIGINT NOT NULL,
    head_hash TEXT NOT NULL, genesis TEXT, wake_at BIGINT, has_pending_intents INTEGER NOT NULL
  )`,
  `CREATE INDEX topics_waiting ON topics (id) WHERE wake_at IS NOT NULL OR has_pending_intents = 1`,
  // The fields of `Log.Entry`. TOP10: the texts stand beside the log in `open`, the one column that is ever changed; those of
  // `text_seqs` stand beside earlier entries.
  `CREATE TABLE entries (
    topic TEXT NOT NULL, seq BIGINT NOT NULL, epoch TEXT NOT NULL, at BIGINT NOT NULL, cause TEXT NOT NULL,
    principal TEXT NOT NULL, via TEXT, answers TEXT, depth INTEGER NOT NULL, version INTEGER NOT NULL,
    event TEXT NOT NULL, open TEXT, text_seqs TEXT, signature TEXT, command_hash TEXT, prev TEXT NOT NULL,
    hash TEXT NOT NULL, PRIMARY KEY (topic, seq)
  )`,
  `CREATE INDEX entries_cause ON entries (topic, cause, seq)`,
  // TOP10: texts whose seals no entry holds yet, and erased ones while they are needed to find what repeats them.
  `CREATE TABLE texts_aside (
    topic TEXT NOT NULL, c TEXT NOT NULL, at BIGINT NOT NULL, salt TEXT NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (topic, c)
  )`,
  `CREATE TABLE texts_erased (
    topic TEXT NOT NULL, erased_by BIGINT NOT NULL, c TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (topic, erased_by, c)
  )`,
  // TOP10: `topic` has entries that were made from the text `c` of `source`.
  `CREATE TABLE sources (source TEXT NOT NULL, c TEXT NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (source, c, topic))`,
  // SYN4: commands that were applied without an event.
  `CREATE TABLE eventless_commands (
    topic TEXT NOT NULL, cause TEXT NOT NULL, seq BIGINT NOT NULL, principal TEXT NOT NULL, command_hash TEXT,
    PRIMARY KEY (topic, cause)
  )`,
  `CREATE TABLE snapshots (
    topic TEXT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
    text_seqs TEXT NOT NULL, hash TEXT NOT NULL
  )`,
  // A title that people wrote is a commitment, and the seq of the entry that its text stands beside.
  `CREATE TABLE listings (
    topic TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, host TEXT NOT NULL, title TEXT, title_c TEXT, title_seq BIGINT,
    visibility TEXT NOT NULL, status TEXT NOT NULL, members TEXT NOT NULL, updated_at BIGINT NOT NULL
  )`,
  `CREATE INDEX listings_visible ON listings (kind, host, visibility, updated_at)`,
  `CREATE TABLE members (author TEXT NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (author, topic))`,
  `CREATE INDEX members_topic ON members (topic)`,
  `CREATE TABLE cursors (
    projection TEXT NOT NULL, topic TEXT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (projection, topic)
  )`
]

/** A database with logs of a version before log format 1, whose entries hold texts. They are not converted. */
export class LogFormatOutdated extends Schema.TaggedError<LogFormatOutdated>()("LogFormatOutdated", {
  /** The file, or the Postgres database and schema. */
  database: Schema.String
}) {
  override get message() {
    return `${this.database} has the tables of a version of Choir before log format 1, which this version cannot read: ` +
      "keep it for the version that wrote it, and start this one with a new CHOIR_DATA or CHOIR_POSTGRES_URL"
  }
}

/** Fails for tables of before: they had another table of migrations. */
const refuseOutdated = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const found = yield* sql.onDialectOrElse({
    pg: () =>
      sql<{ database: string }>`SELECT table_catalog || ', schema ' || table_schema AS database
        FROM information_schema.tables WHERE table_name = 'choir_migrations' AND table_schema = current_schema()`,
    orElse: () =>
      sql<{ database: string }>`SELECT file AS database FROM pragma_database_list, sqlite_master
        WHERE pragma_database_list.name = 'main' AND sqlite_master.name = 'choir_migrations'`
  })
  for (const { database } of found) return yield* new LogFormatOutdated({ database })
})

const migrate = Migrator.make({})({
  table: "choir_log_migrations",
  loader: Migrator.fromRecord({
    "1_log_format_1": Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      for (const statement of createStatements) yield* sql.unsafe(definitionFor(sql, statement))
    })
  })
})

/** Brings the tables up to date when built; changes nothing where those of before log format 1 are. */
export const layer = Layer.effectDiscard(Effect.andThen(refuseOutdated, migrate))
