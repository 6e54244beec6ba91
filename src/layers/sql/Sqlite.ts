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
import { errcode, Handle, prepare, sqlError } from "./Handle.ts"

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
export const Hasty = Context.Reference<boolean>("choir/layers/sql/Hasty", { defaultValue: () => false })

/** Rows that a stream takes at a time. */
const streamRows = 128

/** The primary SQLite result code behind an error, if there is one: 13 is "disk full", 11 "corrupt". */
export const resultCode = (error: SqlError.SqlError): number | undefined => errcode(error.reason.cause)

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

type Mode = "rows" | "raw" | "values"

const connect = (handle: Handle): SqlConnection.Connection => {
  const run = (sql: string, params: ReadonlyArray<unknown>, mode: Mode, prepared: boolean) =>
    Effect.withFiber<ReadonlyArray<never>, SqlError.SqlError>((fiber) => {
      try {
        const { hasRows, statement } = prepared ? handle.prepare(sql) : prepare(handle.db, sql)
        const values = params as ReadonlyArray<SQLInputValue>
        statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
        statement.setReturnArrays(mode === "values")
        const result = hasRows
          ? statement.all(...values)
          : mode === "raw"
          ? statement.run(...values)
          : (statement.run(...values), [])
        const rows = Effect.succeed(result as unknown as ReadonlyArray<never>)
        if (!handle.owes) return rows
        return Context.get(fiber.context, Hasty) ? (handle.defer(), rows) : Effect.andThen(handle.sync, rows)
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
    (handle) => Effect.sync(() => handle.close())
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
