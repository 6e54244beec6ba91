/** Sessions in a table, so that they survive a restart of the server (AUT2). */
import { Clock, Effect, Layer, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { UserId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Session, SessionError, Sessions, SessionsUnavailable } from "../../services/Sessions.ts"
import { Integer } from "../eventlog/Rows.ts"
import * as Store from "./Store.ts"

const Row = Schema.Struct({ token_hash: Schema.String, user_key: UserId, expires_at: Integer })
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

/** Whatever the database said stays here; callers hear that sessions are unavailable, and for what. */
const unavailable = (operation: string) =>
  Effect.mapError((cause: SqlError.SqlError | Schema.SchemaError) =>
    new SessionError({ reason: new SessionsUnavailable({ operation, cause }) })
  )

const make = Effect.fnUntraced(function*(limits: Pick<Limits, "sessionTtl" | "sessionGrace">) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY,
    user_key TEXT NOT NULL,
    expires_at BIGINT NOT NULL
  )`.pipe(unavailable("open the table"))
  const now = yield* Clock.currentTimeMillis
  yield* sql`DELETE FROM sessions WHERE expires_at < ${now - limits.sessionGrace}`.pipe(unavailable("tidy up"))

  const find = (id: string) =>
    sql`SELECT token_hash, user_key, expires_at FROM sessions WHERE token_hash = ${id}`.pipe(
      Effect.flatMap(decodeRows),
      Effect.map(([row]): Session | undefined =>
        row === undefined ? undefined : { id: row.token_hash, user: row.user_key, expiresAt: row.expires_at }
      ),
      unavailable("look up")
    )

  return yield* Store.make({
    insert: (session) =>
      sql`INSERT INTO sessions (token_hash, user_key, expires_at)
        VALUES (${session.id}, ${session.user}, ${session.expiresAt})`.pipe(Effect.asVoid, unavailable("open")),
    find,
    setEnd: (id, expiresAt) =>
      sql`UPDATE sessions SET expires_at = ${expiresAt} WHERE token_hash = ${id}`.pipe(
        Effect.asVoid,
        unavailable("extend")
      ),
    remove: (id) => sql`DELETE FROM sessions WHERE token_hash = ${id}`.pipe(Effect.asVoid, unavailable("revoke"))
  }, limits)
})

/** Opens its table in the server's database; sessions that are over are dropped at start. */
export const layer = (
  limits: Pick<Limits, "sessionTtl" | "sessionGrace">
): Layer.Layer<Sessions, SessionError, SqlClient.SqlClient> => Layer.effect(Sessions, make(limits))
