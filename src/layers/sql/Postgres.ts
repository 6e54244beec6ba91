/**
 * `effect/sql` over a Postgres server, 15 or later, through `@effect/sql-pg`: a pool of connections.
 *
 * **When to use**
 *
 * As the `SqlClient` of `EventLogSql` and `SessionsSql` when the data must not live on the server's own disk. For one server
 * on one machine `Sqlite` is simpler and faster.
 *
 * **Details**
 *
 * The URL is the one of Postgres' own tools: `postgres://user:password@host:5432/database`. `sslmode=require` encrypts and
 * verifies the server's certificate and name; without `sslmode` nothing is encrypted. A failed statement is a typed
 * `SqlError`: a connection that was lost, is too slow, or leads to a server that takes no writes any more is closed, and the
 * next statement opens another (FLT6). Building the layer connects and checks the server, and fails with `PostgresUnusable`.
 *
 * **Gotchas**
 *
 * - A commit whose connection is lost may have happened: read before you repeat it.
 * - A pooler in front must keep sessions, and accept the startup parameters `statement_timeout` and
 *   `idle_in_transaction_session_timeout`.
 * - After a failover, what the standby had not received is lost: replicate synchronously to keep every acknowledged append.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { Effect, Redacted } from "effect"
 * import { SqlClient } from "effect/sql"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   return yield* sql`SELECT 1 AS one`
 * }).pipe(
 *   Effect.provide(Layers.Postgres.layer({ url: Redacted.make("postgres://me:secret@127.0.0.1:1/choir") })),
 *   Effect.catchTag("PostgresUnusable", (error) => Effect.succeed(error.message))
 * )
 *
 * console.log(await Effect.runPromise(program))
 * // => the Postgres server 127.0.0.1:1 cannot be used: connect ECONNREFUSED 127.0.0.1:1
 * ```
 */
import type { PgConnection } from "@effect/sql-pg"
import { Effect, Layer, Redacted, Schema, type Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlError } from "effect/sql"
import * as OptionalPackage from "../runtime/OptionalPackage.ts"
import { commit, PostgresConnection, rollback } from "./PostgresConnection.ts"

/** The server cannot be reached, or not be used; `reason` is its own message, or what must change. */
export class PostgresUnusable extends Schema.TaggedError<PostgresUnusable>()("PostgresUnusable", {
  server: Schema.String,
  reason: Schema.String
}) {
  override get message() {
    return `the Postgres server ${this.server} cannot be used: ${this.reason}`
  }
}

/** The layer's settings. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=require`; it is never logged. */
  readonly url: Redacted.Redacted
  /** How many connections are open at most (default: 8). One at a time appends; the others read. */
  readonly connections?: number | undefined
  /** Milliseconds that connecting and one statement may take each (default: 5,000). */
  readonly timeout?: number | undefined
  /** The name of these connections in the server's views and logs (default: `choir`). */
  readonly applicationName?: string | undefined
}

const loadPackage = OptionalPackage.load(
  "Layers.Postgres",
  "npm install @effect/sql-pg@4",
  () => import("@effect/sql-pg")
)

/** What must be true of the server (FLT6, TOP4). */
const ServerProperties = Schema.Struct({
  version: Schema.Int,
  encoding: Schema.String,
  standby: Schema.Boolean,
  fsync: Schema.String,
  commit: Schema.String,
  schema: Schema.NullOr(Schema.String),
  creates: Schema.NullOr(Schema.Boolean)
})

/** What must change before the server can be used; undefined for nothing. */
const faultOf = (server: typeof ServerProperties.Type): string | undefined =>
  server.version < 150_000
    ? "it is older than version 15"
    : server.standby
    ? "it is a standby, which takes no writes"
    : server.encoding !== "UTF8"
    ? `its database has the encoding ${server.encoding}: create one with UTF8`
    : server.commit === "off"
    ? "synchronous_commit is off, so that a crash would lose what was acknowledged: set it to on"
    : server.creates !== true
    ? `its user may not create tables in the schema ${server.schema ?? "of its search_path"}: grant CREATE on it`
    : undefined

const inspectServer = (sql: SqlClient.SqlClient) =>
  sql`SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
    current_schema() AS schema, has_schema_privilege(current_schema(), 'CREATE') AS creates`.pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Schema.Tuple([ServerProperties]))),
    Effect.map(([properties]) => properties)
  )

/** Where a URL leads, for people: without user, password and parameters. */
const serverOf = (url: Redacted.Redacted): string => {
  const { host, searchParams } = URL.parse(Redacted.value(url)) ?? { host: "", searchParams: new URLSearchParams() }
  return [searchParams.get("host"), host].find((name) => name !== "" && name !== null) ?? "localhost"
}

/** The server's or the system's own words for a failed connection. */
const reasonOf = ({ message, reason: { cause } }: SqlError.SqlError): string =>
  cause instanceof Error
    ? cause.message !== "" ? cause.message : "code" in cause ? String(cause.code) : message
    : message

/** A client over a pool of its own, for as long as the scope lasts. Checks the server first. */
const make = Effect.fnUntraced(function*(
  { applicationName = "choir", connections = 8, timeout = 5_000, url }: PostgresOptions
): Effect.fn.Return<
  SqlClient.SqlClient,
  PostgresUnusable | OptionalPackage.PackageNotInstalled,
  Scope.Scope | Reactivity.Reactivity
> {
  const { PgClient, PgPool } = yield* loadPackage
  const unusable = (reason: string) => new PostgresUnusable({ server: serverOf(url), reason })
  const pool = yield* PgPool.make({
    url,
    applicationName,
    maxConnections: connections,
    connectTimeout: timeout,
    startupParameters: {
      statement_timeout: String(timeout),
      // A server that has lost its network in a transaction holds its locks no longer.
      idle_in_transaction_session_timeout: String(2 * timeout)
    }
  }).pipe(Effect.mapError((error) => unusable(reasonOf(error))))
  // The server itself ends a slow statement first, and keeps the connection; this is for one that does not answer at all.
  const toConnection = (connection: PgConnection.PgConnection) =>
    new PostgresConnection(pool, connection, timeout * 1.1)
  const sql = yield* SqlClient.make({
    acquirer: Effect.map(pool.get, toConnection),
    borrower: (use) => pool.use((connection) => use(toConnection(connection))),
    transactionAcquirer: Effect.map(pool.reserve, toConnection),
    compiler: PgClient.makeCompiler(),
    driver: "pg",
    prepareTransactionControls: true,
    beginTransaction: "BEGIN ISOLATION LEVEL READ COMMITTED",
    commit,
    rollback,
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "postgresql"]]
  })
  const server = yield* Effect.catchTags(inspectServer(sql), {
    SqlError: (error) => Effect.fail(unusable(reasonOf(error))),
    SchemaError: () => Effect.fail(unusable("it does not answer as Postgres does"))
  })
  const fault = faultOf(server)
  if (fault !== undefined) return yield* unusable(fault)
  if (server.fsync === "off") {
    yield* Effect.logWarning(
      `the Postgres server ${serverOf(url)} has fsync off: a power failure loses or damages data`
    )
  }
  return sql
})

/** SQL on a Postgres server, once that can be used. */
export const layer = (
  options: PostgresOptions
): Layer.Layer<SqlClient.SqlClient, PostgresUnusable | OptionalPackage.PackageNotInstalled> =>
  Layer.effect(SqlClient.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))
