/**
 * `effect/sql` over `node:sqlite`: one connection, WAL, every commit synced to
 * the disk before it is reported, on a thread of the pool: the disk holds up
 * whoever waits for it, and nobody else.
 *
 * One process per data file: a second one is turned away by a lock that the
 * operating system drops with the process, so nothing stale survives a crash.
 */
import { Context, Effect, Layer, Option, Schema, type Scope, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, type SqlError, Statement } from "effect/sql"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { prepare, primaryResultCode, SqliteConnection, toSqlError } from "./SqliteConnection.ts"

/** Another server has the data file open (FLT23). */
export class SqliteInUse extends Schema.TaggedError<SqliteInUse>()("SqliteInUse", { filename: Schema.String }) {
  override get message() {
    return `${this.filename} is in use by another server: stop it, or give this one a data file of its own`
  }
}

export interface Options {
  /** A path, or `:memory:`. */
  readonly filename: string
}

/**
 * Set for writes that need not wait for the disk: they survive the process, and the power once the next write that does
 * wait has been reported. Nobody may be promised what they say.
 */
export const RelaxedDurability = Context.Reference<boolean>("choir/layers/sql/RelaxedDurability", {
  defaultValue: () => false
})

/** Rows that a stream takes at a time. */
const streamBatchSize = 128

/** The primary SQLite result code behind an error, if there is one: 13 is "disk full", 11 "corrupt". */
export const resultCode = (error: SqlError.SqlError): number | undefined => primaryResultCode(error.reason.cause)

/** Held until the scope closes or the process dies, whichever comes first. */
const acquireFileLock = (filename: string): Effect.Effect<void, SqliteInUse | SqlError.SqlError, Scope.Scope> =>
  filename === ":memory:" ? Effect.void : Effect.acquireRelease(
    Effect.try({
      try: () => {
        const db = new DatabaseSync(`${filename}-lock`, { timeout: 0 })
        db.exec("BEGIN EXCLUSIVE")
        return db
      },
      catch: (cause) =>
        primaryResultCode(cause) === 5 ? new SqliteInUse({ filename }) : toSqlError(cause, "lock its file")
    }),
    (db) => Effect.sync(() => db.close())
  )

type ResultMode = "rows" | "raw" | "values"

const toSqlConnection = (sqlite: SqliteConnection): SqlConnection.Connection => {
  const runStatement = (sql: string, params: ReadonlyArray<unknown>, mode: ResultMode, prepared: boolean) =>
    Effect.withFiber<ReadonlyArray<never>, SqlError.SqlError>((fiber) => {
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
        return Effect.fail(sqlite.recordFailure(cause, "execute a statement"))
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
  yield* acquireFileLock(options.filename)
  const sqlite = yield* Effect.acquireRelease(
    Effect.try({
      try: () => new SqliteConnection(options.filename),
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
  return yield* SqlClient.make({
    ...acquirers,
    compiler: Statement.makeCompilerSqlite(),
    driver: "sqlite-node",
    prepareTransactionControls: true,
    beginTransaction: "BEGIN IMMEDIATE",
    releaseSavepoint: (name) => `RELEASE SAVEPOINT ${name}`,
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

/** SQL on a file, or in memory. Fails when another server has the file, or when it cannot be opened. */
export const layer = (options: Options): Layer.Layer<SqlClient.SqlClient, SqliteInUse | SqlError.SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))
