/** Sessions in a table, so that they survive a restart of the server (AUT2). */
import { Cache, Clock, Duration, Effect, Exit, Layer, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { UserId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { type Session, SessionError, Sessions, SessionsUnavailable } from "../../services/Sessions.ts"
import { Integer } from "../eventlog/Rows.ts"
import { Hasty } from "../sql/Sqlite.ts"
import * as Store from "./Store.ts"

const Row = Schema.Struct({ token_hash: Schema.String, user_key: UserId, expires_at: Integer })
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

/** Sessions kept in memory: whoever comes back soon is not looked up. Some 200 bytes each. */
const remembered = 10_000

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

  // No other process writes to the file (FLT23), so what was read holds until it is changed here.
  const known = yield* Cache.makeWith(find, {
    capacity: remembered,
    timeToLive: (exit) => Exit.isSuccess(exit) && exit.value !== undefined ? Duration.infinity : Duration.zero
  })
  const change = (id: string, operation: string) => (effect: Effect.Effect<unknown, SqlError.SqlError>) =>
    effect.pipe(unavailable(operation), Effect.ensuring(Cache.invalidate(known, id)), Effect.asVoid)

  return yield* Store.make({
    insert: (session) =>
      sql`INSERT INTO sessions (token_hash, user_key, expires_at)
        VALUES (${session.id}, ${session.user}, ${session.expiresAt})`.pipe(
        // Whose session the power took signs in again; nobody waits for the disk to come in.
        Effect.provideService(Hasty, true),
        Effect.asVoid,
        unavailable("open")
      ),
    find: (id) => Cache.get(known, id),
    setEnd: (id, expiresAt) =>
      sql`UPDATE sessions SET expires_at = ${expiresAt} WHERE token_hash = ${id}`.pipe(change(id, "extend")),
    remove: (id) => sql`DELETE FROM sessions WHERE token_hash = ${id}`.pipe(change(id, "revoke"))
  }, limits)
})

/** Opens its table in the server's database; sessions that are over are dropped at start. */
export const layer = (
  limits: Pick<Limits, "sessionTtl" | "sessionGrace">
): Layer.Layer<Sessions, SessionError, SqlClient.SqlClient> => Layer.effect(Sessions, make(limits))
