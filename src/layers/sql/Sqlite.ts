/**
 * `effect/sql` over `node:sqlite`: one connection in WAL mode. Every commit is synced to the disk before it is reported, on a
 * thread of the pool, so that a slow disk delays only the callers that wait for it (TOP4).
 *
 * **When to use**
 *
 * Provide it as the `SqlClient` of `EventLogSql` and `SessionsSql` on one server. Two servers need Postgres.
 *
 * **Details**
 *
 * One process per data file: a second one fails with `SqliteInUse` (FLT23), by a lock that the operating system releases with
 * the process. After an I/O error the connection is closed and reopened before anything else runs on it (FLT4). Only their
 * owner may read the files. A write fails once they were moved or deleted, which `DataFiles` tells as well.
 *
 * **Gotchas**
 *
 * - A statement runs synchronously on the event loop: keep it short.
 * - Writes under `RelaxedDurability` survive a crash of the process, not of the machine. Never acknowledge them.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { Effect } from "effect"
 * import { SqlClient } from "effect/sql"
 *
 * const program = Effect.gen(function*() {
 *   const sql = yield* SqlClient.SqlClient
 *   yield* sql`CREATE TABLE notes (text TEXT NOT NULL)`
 *   yield* sql`INSERT INTO notes ${sql.insert({ text: "Steep green tea at 80 degrees." })}`
 *   return yield* sql`SELECT text FROM notes`
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.Sqlite.layer({ filename: ":memory:" }))))
 * // => [ { text: "Steep green tea at 80 degrees." } ]
 * ```
 */
import { Context, Effect, Layer, Option, Schema, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, type SqlError, Statement } from "effect/sql"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { ensurePrivate, OpenFile } from "./OpenFile.ts"
import { isMoved, prepare, primaryResultCode, SqliteConnection, toSqlError } from "./SqliteConnection.ts"

/** Another server has the data file open (FLT23). */
export class SqliteInUse extends Schema.TaggedError<SqliteInUse>()("SqliteInUse", { filename: Schema.String }) {
  override get message() {
    return `${this.filename} is in use by another server: stop it, or give this one a data file of its own`
  }
}

/** The layer's settings. */
export interface Options {
  /** A path, or `:memory:`. */
  readonly filename: string
}

/**
 * Relaxed durability: set for writes that return before they are synced. They survive a crash of the process, and a power
 * loss only once a later synced write has been reported. Never acknowledge such a write.
 */
export const RelaxedDurability = Context.Reference<boolean>("choir/layers/sql/RelaxedDurability", {
  defaultValue: () => false
})

/** The files of the database that this process has open. */
export class DataFiles extends Context.Service<DataFiles, {
  /**
   * Whether their paths still lead to them. If not, all statements fail until they do again (FLT23). Each write looks
   * itself; look now and then for a server that only reads.
   */
  readonly inPlace: Effect.Effect<boolean>
}>()("choir/layers/sql/Sqlite/DataFiles") {}

/** Rows that a stream reads at a time. */
const streamBatchSize = 128

/** The primary SQLite result code behind an error, if there is one: 13 is "disk full", 11 "corrupt". */
export const resultCode = (error: SqlError.SqlError): number | undefined => primaryResultCode(error.reason.cause)

/** What a person must act on in an error, if it is more than a failed statement. */
export const storageFault = (error: SqlError.SqlError): "full" | "moved" | "other" =>
  isMoved(error.reason.cause) ? "moved" : resultCode(error) === 13 ? "full" : "other"

/** Held until the scope closes or the process dies, whichever comes first. */
const acquireFileLock = (filename: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const path = `${filename}-lock`
        ensurePrivate(path)
        const db = new DatabaseSync(path, { timeout: 0 })
        db.exec("BEGIN EXCLUSIVE")
        return { db, file: new OpenFile(path) }
      },
      catch: (cause) =>
        primaryResultCode(cause) === 5 ? new SqliteInUse({ filename }) : toSqlError(cause, "lock its file")
    }),
    ({ db }) => Effect.sync(() => db.close())
  )

/** Milliseconds between attempts while another process, such as a backup, holds the file's lock. */
const busyRetryMillis = 25
/** Attempts after the first: five seconds in all, in which the thread serves others. */
const busyRetries = 200

type ResultMode = "rows" | "raw" | "values"

const toSqlConnection = (sqlite: SqliteConnection): SqlConnection.Connection => {
  const runStatement = (
    sql: string,
    params: ReadonlyArray<unknown>,
    mode: ResultMode,
    prepared: boolean,
    attempt = 0
  ): Effect.Effect<ReadonlyArray<never>, SqlError.SqlError> =>
    Effect.withFiber((fiber) => {
      try {
        const { returnsRows, statement } = prepared ? sqlite.prepare(sql) : prepare(sqlite.db, sql)
        const values = params as ReadonlyArray<SQLInputValue>
        statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
        statement.setReturnArrays(mode === "values")
        const result = returnsRows
          ? statement.all(...values)
          : mode === "raw"
          ? statement.run(...values)
          : (statement.run(...values), [])
        const rows = Effect.succeed(result as unknown as ReadonlyArray<never>)
        if (!sqlite.needsSync) return rows
        return Context.get(fiber.context, RelaxedDurability)
          ? (sqlite.deferSync(), rows)
          : Effect.andThen(sqlite.sync, rows)
      } catch (cause) {
        // Nothing was done. Within a transaction the lock is held already, and waiting would not help.
        const mayRetry = primaryResultCode(cause) === 5 && !sqlite.db.isTransaction && attempt < busyRetries
        return mayRetry
          ? Effect.delay(runStatement(sql, params, mode, prepared, attempt + 1), busyRetryMillis)
          : Effect.fail(sqlite.recordFailure(cause, "execute a statement"))
      }
    })
  const rows: (prepared: boolean) => SqlConnection.Connection["execute"] = (prepared) => (sql, params, transform) =>
    transform === undefined
      ? runStatement(sql, params, "rows", prepared)
      : Effect.map(runStatement(sql, params, "rows", prepared), transform)
  return {
    execute: rows(true),
    executeUnprepared: rows(false),
    executeRaw: (sql, params) => runStatement(sql, params, "raw", true),
    executeValues: (sql, params) => runStatement(sql, params, "values", true),
    executeValuesUnprepared: (sql, params) => runStatement(sql, params, "values", false),
    executeStream: (sql, params, transform) => streamRows(sqlite, sql, params, transform)
  }
}

const streamRows: (
  handle: SqliteConnection,
  ...args: Parameters<SqlConnection.Connection["executeStream"]>
) => Stream.Stream<
  object,
  SqlError.SqlError
> = (handle, sql, params, transform) => {
  const attempt = <A>(operation: () => A) =>
    Effect.try({ try: operation, catch: (cause) => handle.recordFailure(cause, "stream the rows of a statement") })
  return Stream.unwrap(Effect.map(
    attempt(() => handle.db.prepare(sql).iterate(...params as ReadonlyArray<SQLInputValue>)),
    (iterator) =>
      Stream.paginate(iterator, () =>
        attempt(() => {
          const rows: Array<object> = []
          for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
            rows.push(next.value)
            if (rows.length === streamBatchSize) break
          }
          return [
            transform === undefined ? rows : transform(rows),
            rows.length < streamBatchSize ? Option.none() : Option.some(iterator)
          ]
        }))
  ))
}

/** Opens the file and takes its lock, for as long as the scope lasts. */
export const make = Effect.fnUntraced(function*(options: Options) {
  const lock = options.filename === ":memory:" ? undefined : (yield* acquireFileLock(options.filename)).file
  const sqlite = yield* Effect.acquireRelease(
    Effect.try({
      try: () => new SqliteConnection(options.filename, lock),
      catch: (cause) => toSqlError(cause, "open its file")
    }),
    (handle) => Effect.sync(() => handle.close())
  )
  const connection = toSqlConnection(sqlite)
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.try({
      try: () => (sqlite.reopenIfFailed(), connection),
      catch: (cause) => sqlite.recordFailure(cause, "open its file again")
    }),
    semaphore: yield* Semaphore.make(1),
    isTransaction: () => sqlite.db.isOpen && sqlite.db.isTransaction
  })
  const client = yield* SqlClient.make({
    ...acquirers,
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-node",
    prepareTransactionControls: true,
    beginTransaction: "BEGIN IMMEDIATE",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "sqlite"]]
  })
  return Context.make(SqlClient.SqlClient, client).pipe(
    Context.add(DataFiles, { inPlace: Effect.sync(() => sqlite.isInPlace()) })
  )
})

/** SQL on a file, or in memory. Fails with `SqliteInUse` when another process has the file open. */
export const layer = (
  options: Options
): Layer.Layer<SqlClient.SqlClient | DataFiles, SqliteInUse | SqlError.SqlError> =>
  Layer.effectContext(make(options)).pipe(Layer.provide(Reactivity.layer))
