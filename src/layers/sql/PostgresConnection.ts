/**
 * A connection of `@effect/sql-pg`'s pool for `effect/sql`: each statement is bounded in time, and a connection that is of no
 * use any more leaves the pool (FLT6).
 */
import type { PgConnection, PgPool } from "@effect/sql-pg"
import { Effect, Fiber, Stream } from "effect"
import { type SqlConnection, SqlError } from "effect/sql"

/** The SQLSTATE that the server answered with, such as `40001`; undefined for other errors. */
export const sqlState = ({ reason: { cause } }: SqlError.SqlError): string | undefined =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined

/**
 * Whether the connection is of no use any more: it was lost, its server shuts down or starts (class 57P), or takes no writes,
 * as a primary that has become a standby (25006).
 */
const isUnusable = (error: SqlError.SqlError): boolean =>
  error.reason._tag === "ConnectionError" || /^(?:57P|25006)/.test(sqlState(error) ?? "")

const timedOut = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({
    cause: new Error("the server did not answer in time"),
    message: "Postgres did not answer in time",
    operation: "execute"
  })
})

/** The statement that ends a transaction without effect. It never fails: a server rolls back what it loses. */
export const rollback = "ROLLBACK"

/** A connection of `pool`; `timeout` are the milliseconds that a statement may take. */
export class PostgresConnection implements SqlConnection.Connection {
  private readonly pool: PgPool.PgPool
  private readonly connection: PgConnection.PgConnection
  private readonly timeout: number

  constructor(pool: PgPool.PgPool, connection: PgConnection.PgConnection, timeout: number) {
    this.pool = pool
    this.connection = connection
    this.timeout = timeout
  }

  /** Does not wait for the cancellation after a timeout: who answers nothing does not answer that either. */
  private run<A>(statement: Effect.Effect<A, SqlError.SqlError>): Effect.Effect<A, SqlError.SqlError> {
    return Effect.callback<A, SqlError.SqlError>((resume) => {
      const fiber = Effect.runFork(statement)
      const giveUp = Effect.sync(() => {
        resume(Effect.fail(timedOut))
        fiber.interruptUnsafe()
      })
      const timer = Effect.runFork(Effect.delay(giveUp, this.timeout))
      fiber.addObserver((exit) => {
        timer.interruptUnsafe()
        resume(exit)
      })
      return Fiber.interrupt(fiber)
    }).pipe(Effect.tapError((error) => isUnusable(error) ? this.pool.invalidate(this.connection) : Effect.void))
  }

  private rows(sql: string, params: ReadonlyArray<unknown>, prepare: boolean) {
    const rows = Effect.map(this.run(this.connection.query(sql, params, prepare)), ({ rows }) => rows)
    return sql === rollback ? Effect.catch(rows, () => Effect.as(this.pool.invalidate(this.connection), [])) : rows
  }

  readonly execute: SqlConnection.Connection["execute"] = (sql, params, transform) =>
    transform === undefined ? this.rows(sql, params, true) : Effect.map(this.rows(sql, params, true), transform)

  readonly executeUnprepared: SqlConnection.Connection["executeUnprepared"] = (sql, params, transform) =>
    transform === undefined ? this.rows(sql, params, false) : Effect.map(this.rows(sql, params, false), transform)

  readonly executeRaw: (
    sql: string,
    params: ReadonlyArray<unknown>
  ) => Effect.Effect<PgConnection.Result, SqlError.SqlError> = (sql, params) =>
    this.run(this.connection.query(sql, params))

  readonly executeValues: SqlConnection.Connection["executeValues"] = (sql, params) =>
    this.run(this.connection.queryValues(sql, params))

  readonly executeValuesUnprepared: SqlConnection.Connection["executeValuesUnprepared"] = (sql, params) =>
    this.run(this.connection.queryValues(sql, params, false))

  readonly executeStream: SqlConnection.Connection["executeStream"] = (sql, params, transform) => {
    const stream = this.connection.stream(sql, params)
    return transform === undefined ? stream : Stream.mapArray(stream, (rows) => transform(rows) as typeof rows)
  }
}

/** Postgres answers `ROLLBACK` to the `COMMIT` of a transaction that a failed statement has ended. */
export const commit = (connection: SqlConnection.Connection): Effect.Effect<void, SqlError.SqlError> =>
  Effect.flatMap(
    (connection as PostgresConnection).executeRaw("COMMIT", []),
    ({ command }) => command === "COMMIT" ? Effect.void : Effect.fail(rolledBack)
  )

const rolledBack = new SqlError.SqlError({
  reason: new SqlError.UnknownError({
    cause: new Error("the transaction was rolled back"),
    message: "Postgres rolled the transaction back",
    operation: "commit"
  })
})
