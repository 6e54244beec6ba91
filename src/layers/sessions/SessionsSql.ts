/**
 * Sessions in a table, so that they survive a restart of the server (AUT2).
 *
 * **When to use**
 *
 * In every server that keeps its logs. It takes the `SqlClient` of `Sqlite.layer` or `Postgres.layer`.
 *
 * **Details**
 *
 * Creates or migrates its table when the layer is built, and deletes expired sessions in small batches while it runs. In
 * SQLite, whose file no other process writes, reads go through a cache of 10,000 sessions; Postgres is asked each time.
 *
 * **Gotchas**
 *
 * In SQLite, inserts do not wait for fsync: after a power failure the most recent users sign in again. Rotations and
 * revocations do.
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
 *   return (yield* resume(token, null)).user
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, sessions)))
 * // => 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo
 * ```
 */
import { Cache, Duration, Effect, Exit, Layer, Schema, type Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { UserId } from "../../domain/protocol/Ids.ts"
import type { SessionFamily } from "../../domain/session/SessionFamily.ts"
import { SessionError, Sessions, SessionsUnavailable } from "../../services/Sessions.ts"
import { SafeInteger } from "../sql/SafeInteger.ts"
import { RelaxedDurability } from "../sql/Sqlite.ts"
import * as SessionsMigrations from "./SessionsMigrations.ts"
import * as SessionStore from "./SessionStore.ts"

const Row = Schema.Struct({
  id: Schema.String,
  user_key: UserId,
  token_hash: Schema.String,
  expires_at: SafeInteger,
  previous_hash: Schema.NullOr(Schema.String),
  successor_key: Schema.NullOr(Schema.String),
  rotated_by: Schema.NullOr(Schema.String),
  rotated_at: Schema.NullOr(SafeInteger)
})
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(Row))

const toFamily = (row: typeof Row.Type): SessionFamily => ({
  id: row.id,
  user: row.user_key,
  tokenHash: row.token_hash,
  expiresAt: row.expires_at,
  rotation: row.previous_hash === null || row.successor_key === null || row.rotated_at === null ? null : {
    tokenHash: row.previous_hash,
    successorKey: row.successor_key,
    instance: row.rotated_by,
    at: row.rotated_at
  }
})

/** Cached sessions, of about 400 bytes each. */
const cacheCapacity = 10_000

/** Hides the error of the database from callers: they get the operation that failed. */
const mapToUnavailable = (operation: string) =>
  Effect.mapError((cause: SqlError.SqlError | Schema.SchemaError) =>
    new SessionError({ reason: new SessionsUnavailable({ operation, cause }) })
  )

const makeRows = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const find = (id: string) =>
    sql`SELECT * FROM sessions WHERE id = ${id}`.pipe(
      Effect.flatMap(decodeRows),
      Effect.map(([row]): SessionFamily | undefined => row === undefined ? undefined : toFamily(row)),
      mapToUnavailable("find a session")
    )
  // No other process writes SQLite's file (FLT23), so that a cached row is valid until this process changes it. Another
  // server may revoke a session in Postgres (SEC7).
  const isOnlyWriter = sql.onDialectOrElse({ pg: () => false, orElse: () => true })
  const cache = yield* Cache.makeWith(find, {
    capacity: cacheCapacity,
    timeToLive: (exit) =>
      isOnlyWriter && Exit.isSuccess(exit) && exit.value !== undefined ? Duration.infinity : Duration.zero
  })
  const withInvalidation = (id: string, operation: string) => <A>(effect: Effect.Effect<A, SqlError.SqlError>) =>
    effect.pipe(mapToUnavailable(operation), Effect.ensuring(Cache.invalidate(cache, id)))

  return {
    insert: ({ expiresAt, id, tokenHash, user }) =>
      sql`INSERT INTO sessions (id, user_key, token_hash, expires_at)
        VALUES (${id}, ${user}, ${tokenHash}, ${expiresAt})`.pipe(
        // Losing a session costs a sign-in; waiting for fsync would delay every one.
        Effect.provideService(RelaxedDurability, true),
        Effect.asVoid,
        mapToUnavailable("open a session")
      ),
    find: (id) => Cache.get(cache, id),
    replace: (current, { expiresAt, id, rotation, tokenHash }) =>
      sql`UPDATE sessions SET token_hash = ${tokenHash}, expires_at = ${expiresAt},
          previous_hash = ${rotation?.tokenHash ?? null}, successor_key = ${rotation?.successorKey ?? null},
          rotated_by = ${rotation?.instance ?? null}, rotated_at = ${rotation?.at ?? null}
        WHERE id = ${id} AND token_hash = ${current.tokenHash} AND expires_at = ${current.expiresAt}
        RETURNING id`.pipe(Effect.map((rows) => rows.length > 0), withInvalidation(id, "change a session")),
    remove: (id) =>
      sql`DELETE FROM sessions WHERE id = ${id}`.pipe(Effect.asVoid, withInvalidation(id, "revoke a session")),
    removeExpired: (instant, count) =>
      sql`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ${instant} LIMIT ${count})
        RETURNING id`.pipe(
        Effect.provideService(RelaxedDurability, true),
        Effect.map((rows) => rows.length),
        mapToUnavailable("remove expired sessions")
      )
  } satisfies SessionStore.SessionRows
})

const make = Effect.fnUntraced(function*(
  limits: SessionStore.SessionLimits
): Effect.fn.Return<Sessions["Service"], SessionError, SqlClient.SqlClient | Scope.Scope> {
  yield* Effect.mapError(
    SessionsMigrations.run,
    (cause) => new SessionError({ reason: new SessionsUnavailable({ operation: "prepare the table", cause }) })
  )
  return yield* SessionStore.make(yield* makeRows, limits)
})

/** `Sessions` in the table `sessions`; `limits` set the lifetime of a token and its grace period, in milliseconds. */
export const layer = (
  limits: SessionStore.SessionLimits
): Layer.Layer<Sessions, SessionError, SqlClient.SqlClient> => Layer.effect(Sessions, make(limits))
