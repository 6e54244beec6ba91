/** The table of the sessions, for SQLite and Postgres alike: one row for each family of tokens (AUT2). */
import { Effect } from "effect"
import { Migrator, SqlClient } from "effect/sql"

/** Brings the table up to date. */
export const run = Migrator.make({})({
  table: "choir_session_migrations",
  loader: Migrator.fromRecord({
    // Databases that are older than this migration have the table, with a row for each token.
    "1_sessions": Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE IF NOT EXISTS sessions (
        token_hash TEXT PRIMARY KEY, user_key TEXT NOT NULL, expires_at BIGINT NOT NULL
      )`
    }),
    // The tokens of the older table go on as the first of a family each.
    "2_families": Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`ALTER TABLE sessions RENAME TO session_tokens`
      yield* sql`CREATE TABLE sessions (
        id TEXT NOT NULL PRIMARY KEY, user_key TEXT NOT NULL, token_hash TEXT NOT NULL, expires_at BIGINT NOT NULL,
        previous_hash TEXT, successor_key TEXT, rotated_by TEXT, rotated_at BIGINT
      )`
      yield* sql`CREATE INDEX sessions_expiry ON sessions (expires_at)`
      yield* sql`INSERT INTO sessions (id, user_key, token_hash, expires_at)
        SELECT token_hash, user_key, token_hash, expires_at FROM session_tokens`
      yield* sql`DROP TABLE session_tokens`
    })
  })
})
