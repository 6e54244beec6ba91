/** The tables of the event log, for SQLite and Postgres alike: plain types only, JSON as text, times as milliseconds. */
import { Effect, Layer } from "effect"
import { Migrator, SqlClient } from "effect/sql"
import { definitionFor } from "../sql/Rows.ts"

const createStatements = [
  // `head` is the last seq; topics with `wake_at` or `owed` (outstanding intents) are resumed after a restart (TOP6).
  `CREATE TABLE topics (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, epoch TEXT NOT NULL, head BIGINT NOT NULL,
    head_hash TEXT NOT NULL, wake_at BIGINT, owed INTEGER NOT NULL
  )`,
  `CREATE INDEX topics_waiting ON topics (id) WHERE wake_at IS NOT NULL OR owed = 1`,
  `CREATE TABLE events (
    topic TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, cause TEXT NOT NULL, author TEXT NOT NULL,
    version INTEGER NOT NULL, event TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL,
    PRIMARY KEY (topic, seq)
  )`,
  `CREATE INDEX events_cause ON events (topic, cause, seq)`,
  `CREATE TABLE snapshots (
    topic TEXT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
    hash TEXT NOT NULL
  )`,
  `CREATE TABLE listings (
    topic TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, visibility TEXT NOT NULL,
    status TEXT NOT NULL, members TEXT NOT NULL, updated_at BIGINT NOT NULL
  )`,
  `CREATE INDEX listings_visible ON listings (kind, visibility, updated_at)`,
  `CREATE TABLE members (author TEXT NOT NULL, topic TEXT NOT NULL, PRIMARY KEY (author, topic))`,
  `CREATE INDEX members_topic ON members (topic)`,
  `CREATE TABLE cursors (
    projection TEXT NOT NULL, topic TEXT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (projection, topic)
  )`
]

/** Brings the tables up to date when built. */
export const layer = Layer.effectDiscard(
  Migrator.make({})({
    table: "choir_migrations",
    loader: Migrator.fromRecord({
      "1_event_log": Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        for (const statement of createStatements) yield* sql.unsafe(definitionFor(sql, statement))
      }),
      // AUT5: the signed command as JSON; null for an unsigned one.
      "2_signed_commands": Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql.unsafe(definitionFor(sql, "ALTER TABLE events ADD COLUMN signed TEXT"))
      }),
      // SYN4: the hash of a user's command, on its last event; and commands that made no event.
      "3_outcomes": Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql.unsafe(definitionFor(sql, "ALTER TABLE events ADD COLUMN asked TEXT"))
        yield* sql.unsafe(definitionFor(
          sql,
          `CREATE TABLE silent (
            topic TEXT NOT NULL, cause TEXT NOT NULL, seq BIGINT NOT NULL, author TEXT NOT NULL, asked TEXT,
            PRIMARY KEY (topic, cause)
          )`
        ))
      })
    })
  })
)
