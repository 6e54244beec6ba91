/**
 * `effect/sql` over `node:sqlite`: one connection, WAL, every commit synced to
 * the disk before it is reported.
 *
 * One process per data file: a second one is turned away by a lock that the
 * operating system drops with the process, so nothing stale survives a crash.
 */
import { Context, Effect, Layer, Option, Schema, type Scope, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite"

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

/** SQLite's primary result codes after which a connection is not to be trusted: I/O error, corruption, no database. */
const fatal: ReadonlySet<number> = new Set([10, 11, 14, 26])
/** How many statements stay prepared. */
const preparedMax = 256
/** Rows that a stream takes at a time. */
const streamRows = 128

/** The primary SQLite result code behind an error, if there is one: 13 is "disk full", 11 "corrupt". */
export const resultCode = (error: SqlError.SqlError): number | undefined => errcode(error.reason.cause)

const errcode = (cause: unknown): number | undefined =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode & 0xff
    : undefined

// `node:sqlite` reports the extended result code as `errcode`; the classifier reads `errno`.
const sqlError = (cause: unknown, operation: string) =>
  new SqlError.SqlError({
    reason: SqlError.classifySqliteError(
      typeof cause === "object" && cause !== null && "errcode" in cause
        ? Object.assign(cause, { errno: cause.errcode })
        : cause,
      { message: `SQLite failed to ${operation}: ${cause instanceof Error ? cause.message : String(cause)}`, operation }
    )
  })

/** Held until the scope closes or the process dies, whichever comes first. */
const lock = (filename: string): Effect.Effect<void, SqliteInUse | SqlError.SqlError, Scope.Scope> =>
  filename === ":memory:" ? Effect.void : Effect.acquireRelease(
    Effect.try({
      try: () => {
        const db = new DatabaseSync(`${filename}-lock`, { timeout: 0 })
        db.exec("BEGIN EXCLUSIVE")
        return db
      },
      catch: (cause) => errcode(cause) === 5 ? new SqliteInUse({ filename }) : sqlError(cause, "lock its file")
    }),
    (db) => Effect.sync(() => db.close())
  )

const open = (filename: string): DatabaseSync => {
  const db = new DatabaseSync(filename, { timeout: 5000 })
  try {
    db.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;" +
        "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY"
    )
    settle(db)
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

/**
 * What was written when a sync failed, or when the process died before it, is found again as if it were there to stay,
 * and a command that is sent once more would be acknowledged for it: all of it has to be on the disk first (FLT4).
 */
const settle = (db: DatabaseSync): void => {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch (cause) {
    // No space to move it to the main file: the log itself was synced before that was tried (FLT3).
    if (errcode(cause) !== 13) throw cause
  }
}

/** The one connection. After a fatal error it is closed and opened again before anything else runs on it (FLT4). */
class Handle {
  readonly filename: string
  db: DatabaseSync
  private failed = false
  private readonly prepared = new Map<string, StatementSync>()

  constructor(filename: string) {
    this.filename = filename
    this.db = open(filename)
  }

  renewed(): this {
    if (!this.failed) return this
    this.prepared.clear()
    if (this.db.isOpen) this.db.close()
    this.db = open(this.filename)
    this.failed = false
    return this
  }

  prepare(sql: string): StatementSync {
    let statement = this.prepared.get(sql)
    if (statement === undefined) {
      if (this.prepared.size >= preparedMax) this.prepared.clear()
      statement = this.db.prepare(sql)
      this.prepared.set(sql, statement)
    }
    return statement
  }

  fail(cause: unknown, operation: string): SqlError.SqlError {
    this.failed ||= fatal.has(errcode(cause) ?? 0)
    return sqlError(cause, operation)
  }
}

type Mode = "rows" | "raw" | "values"

const connect = (handle: Handle): SqlConnection.Connection => {
  const run = (sql: string, params: ReadonlyArray<unknown>, mode: Mode, prepared: boolean) =>
    Effect.withFiber<ReadonlyArray<never>, SqlError.SqlError>((fiber) => {
      try {
        const statement = prepared ? handle.prepare(sql) : handle.db.prepare(sql)
        const values = params as ReadonlyArray<SQLInputValue>
        statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
        statement.setReturnArrays(mode === "values")
        const result = statement.columns().length > 0
          ? statement.all(...values)
          : mode === "raw"
          ? statement.run(...values)
          : (statement.run(...values), [])
        return Effect.succeed(result as unknown as ReadonlyArray<never>)
      } catch (cause) {
        return Effect.fail(handle.fail(cause, "execute a statement"))
      }
    })
  const rows: (prepared: boolean) => SqlConnection.Connection["execute"] = (prepared) => (sql, params, transform) =>
    transform === undefined
      ? run(sql, params, "rows", prepared)
      : Effect.map(run(sql, params, "rows", prepared), transform)
  return {
    execute: rows(true),
    executeUnprepared: rows(false),
    executeRaw: (sql, params) => run(sql, params, "raw", true),
    executeValues: (sql, params) => run(sql, params, "values", true),
    executeValuesUnprepared: (sql, params) => run(sql, params, "values", false),
    executeStream: (sql, params, transform) => stream(handle, sql, params, transform)
  }
}

const stream: (handle: Handle, ...args: Parameters<SqlConnection.Connection["executeStream"]>) => Stream.Stream<
  object,
  SqlError.SqlError
> = (handle, sql, params, transform) => {
  const attempt = <A>(run: () => A) =>
    Effect.try({ try: run, catch: (cause) => handle.fail(cause, "stream the rows of a statement") })
  return Stream.unwrap(Effect.map(
    attempt(() => handle.db.prepare(sql).iterate(...params as ReadonlyArray<SQLInputValue>)),
    (iterator) =>
      Stream.paginate(iterator, () =>
        attempt(() => {
          const rows: Array<object> = []
          for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
            rows.push(next.value)
            if (rows.length === streamRows) break
          }
          return [
            transform === undefined ? rows : transform(rows),
            rows.length < streamRows ? Option.none() : Option.some(iterator)
          ]
        }))
  ))
}

/** Opens the file and takes its lock, for as long as the scope lasts. */
export const make = Effect.fnUntraced(function*(options: Options) {
  yield* lock(options.filename)
  const handle = yield* Effect.acquireRelease(
    Effect.try({ try: () => new Handle(options.filename), catch: (cause) => sqlError(cause, "open its file") }),
    (handle) => Effect.sync(() => handle.db.isOpen && handle.db.close())
  )
  const connection = connect(handle)
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.try({
      try: () => (handle.renewed(), connection),
      catch: (cause) => handle.fail(cause, "open its file again")
    }),
    semaphore: yield* Semaphore.make(1),
    isTransaction: () => handle.db.isOpen && handle.db.isTransaction
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
