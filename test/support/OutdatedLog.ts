/** The tables of the event log before log format 1, as its last version made them, with one event. */
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"

const statements = [
  `CREATE TABLE topics (
    id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, epoch TEXT NOT NULL, head BIGINT NOT NULL,
    head_hash TEXT NOT NULL, wake_at BIGINT, owed INTEGER NOT NULL
  )`,
  `CREATE INDEX topics_waiting ON topics (id) WHERE wake_at IS NOT NULL OR owed = 1`,
  `CREATE TABLE events (
    topic TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, cause TEXT NOT NULL, author TEXT NOT NULL,
    version INTEGER NOT NULL, event TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL, signed TEXT, asked TEXT,
    PRIMARY KEY (topic, seq)
  )`,
  `CREATE INDEX events_cause ON events (topic, cause, seq)`,
  `CREATE TABLE silent (
    topic TEXT NOT NULL, cause TEXT NOT NULL, seq BIGINT NOT NULL, author TEXT NOT NULL, asked TEXT,
    PRIMARY KEY (topic, cause)
  )`,
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
  )`,
  `INSERT INTO topics VALUES ('room:old', 'room', 'e', 1, 'h', NULL, 0)`,
  `INSERT INTO events VALUES ('room:old', 1, 1, 'c', 'system:alice', 1, '{"_tag":"Said"}', 'g', 'h', NULL, NULL)`
]

/** Makes the tables in the database at hand. */
export const create = Migrator.make({})({
  table: "choir_migrations",
  loader: Migrator.fromRecord({
    "3_outcomes": Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      for (const statement of statements) yield* sql.unsafe(statement)
    })
  })
})
