/**
 * Sessions in a table, so that they survive a restart of the server (AUT2).
 *
 * **When to use**
 *
 * In every server that keeps its logs. It takes the `SqlClient` of `Sqlite.layer`, or any other.
 *
 * **Details**
 *
 * Creates its table, and deletes expired sessions, when the layer is built. Reads go through a cache of
 * 10,000 sessions.
 *
 * **Gotchas**
 *
 * The cache assumes that this process alone writes the table. Inserts do not wait for fsync: after a power
 * failure the most recent users sign in again.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer } from "effect"
 *
 * const sessions = Layers.SessionsSql.layer(Domain.Limits.defaults).pipe(
 *   Layer.provide(Layers.Sqlite.layer({ filename: ":memory:" }))
 * )
 *
 * const program = Effect.gen(function*() {
 *   const { open, resume } = yield* Services.Sessions.Sessions
 *   const { token } = yield* open(Domain.Ids.UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
 *   return (yield* resume(token)).user
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, sessions)))
 * // => 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo
 * ```
 */
import { Cache, Clock, Duration, Effect, Exit, Layer, Schema } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { type Session, SessionError, Sessions, SessionsUnavailable } from "../../services/Sessions.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { RelaxedDurability } from "../sql/Sqlite.ts"
import * as SessionStore from "./SessionStore.ts"

const Row = Schema.Struct({ token_hash: Schema.String, user_key: UserId, expires_at: SafeInteger })
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

/** Cached sessions, of about 200 bytes each. */
const cacheCapacity = 10_000

/** Hides the error of the database from callers: they get the operation that failed. */
const mapToUnavailable = (operation: string) =>
  Effect.mapError((cause: SqlError.SqlError | Schema.SchemaError) =>
    new SessionError({ reason: new SessionsUnavailable({ operation, cause }) })
  )

const make = Effect.fnUntraced(function*(limits: Pick<Limits, "sessionTtl" | "sessionGrace">) {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE IF NOT EXISTS sessions (
    token_hash TEXT PRIMARY KEY,
    user_key TEXT NOT NULL,
    expires_at BIGINT NOT NULL
  )`.pipe(mapToUnavailable("create the table"))
  const now = yield* Clock.currentTimeMillis
  yield* sql`DELETE FROM sessions WHERE expires_at < ${now - limits.sessionGrace}`.pipe(
    mapToUnavailable("delete expired sessions")
  )

  const find = (id: string) =>
    sql`SELECT token_hash, user_key, expires_at FROM sessions WHERE token_hash = ${id}`.pipe(
      Effect.flatMap(decodeRows),
      Effect.map(([row]): Session | undefined =>
        row === undefined ? undefined : { id: row.token_hash, user: row.user_key, expiresAt: row.expires_at }
      ),
      mapToUnavailable("find a session")
    )

  // No other process writes the file (FLT23), so that a cached row is valid until this process changes it.
  const cache = yield* Cache.makeWith(find, {
    capacity: cacheCapacity,
    timeToLive: (exit) => Exit.isSuccess(exit) && exit.value !== undefined ? Duration.infinity : Duration.zero
  })
  const withInvalidation = (id: string, operation: string) => (effect: Effect.Effect<unknown, SqlError.SqlError>) =>
    effect.pipe(mapToUnavailable(operation), Effect.ensuring(Cache.invalidate(cache, id)), Effect.asVoid)

  return yield* SessionStore.make({
    insert: (session) =>
      sql`INSERT INTO sessions (token_hash, user_key, expires_at)
        VALUES (${session.id}, ${session.user}, ${session.expiresAt})`.pipe(
        // Losing a session costs a sign-in; waiting for fsync would delay every one.
        Effect.provideService(RelaxedDurability, true),
        Effect.asVoid,
        mapToUnavailable("open a session")
      ),
    find: (id) => Cache.get(cache, id),
    setExpiry: (id, expiresAt) =>
      sql`UPDATE sessions SET expires_at = ${expiresAt} WHERE token_hash = ${id}`.pipe(
        withInvalidation(id, "extend a session")
      ),
    remove: (id) => sql`DELETE FROM sessions WHERE token_hash = ${id}`.pipe(withInvalidation(id, "revoke a session"))
  }, limits)
})

/** `Sessions` in the table `sessions`; `limits` set the lifetime of a token and its grace period, in milliseconds. */
export const layer = (
  limits: Pick<Limits, "sessionTtl" | "sessionGrace">
): Layer.Layer<Sessions, SessionError, SqlClient.SqlClient> => Layer.effect(Sessions, make(limits))
