/** One open SQLite file: its prepared statements, its syncs, and what is done when one of them fails. */
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import { closeSync, constants, fdatasync, openSync } from "node:fs"
import { DatabaseSync, type StatementSync } from "node:sqlite"

/** SQLite's primary result codes after which a connection is not to be trusted: I/O error, corruption, no database. */
const fatalResultCodes: ReadonlySet<number> = new Set([10, 11, 14, 26])
/** How many statements stay prepared. */
const preparedStatementsMax = 256

/** The primary SQLite result code of a fault, if it has one. */
export const primaryResultCode = (cause: unknown): number | undefined =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode & 0xff
    : undefined

/** A fault as Effect has it. `node:sqlite` reports the extended result code as `errcode`; the classifier reads `errno`. */
export const toSqlError = (cause: unknown, operation: string) =>
  new SqlError.SqlError({
    reason: SqlError.classifySqliteError(
      typeof cause === "object" && cause !== null && "errcode" in cause
        ? Object.assign(cause, { errno: cause.errcode })
        : cause,
      { message: `SQLite failed to ${operation}: ${cause instanceof Error ? cause.message : String(cause)}`, operation }
    )
  })

const openDatabase = (filename: string): DatabaseSync => {
  const db = new DatabaseSync(filename, { timeout: 5000 })
  try {
    db.exec(
      // A commit is written at once and synced by `Handle.sync`; checkpoints sync both files themselves.
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;" +
        "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY"
    )
    flushWal(db)
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
const flushWal = (db: DatabaseSync): void => {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch (cause) {
    // No space to move it to the main file: the log itself was synced before that was tried (FLT3).
    if (primaryResultCode(cause) !== 13) throw cause
  }
}

const openWalFile = (filename: string): number | undefined =>
  filename === ":memory:" ? undefined : openSync(`${filename}-wal`, constants.O_RDWR | constants.O_CREAT)

/** A statement, and whether it answers in rows: asking that costs more than most statements do. */
export interface PreparedStatement {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

/** Throws what SQLite has against the statement. */
export const prepare = (db: DatabaseSync, sql: string): PreparedStatement => {
  const statement = db.prepare(sql)
  return { statement, returnsRows: statement.columns().length > 0 }
}

/** The one connection. After a fatal error it is closed and opened again before anything else runs on it (FLT4). */
export class SqliteConnection {
  readonly filename: string
  db: DatabaseSync
  /** The write-ahead log; SQLite takes no locks on it that closing this would drop. */
  private walFile: number | undefined
  private failed = false
  /** How many rows the connection had changed when it was synced last, or when that was put off. */
  private syncedChanges = 0
  private readonly statements = new Map<string, PreparedStatement>()

  constructor(filename: string) {
    this.filename = filename
    this.db = openDatabase(filename)
    this.walFile = openWalFile(filename)
  }

  /** The handle, opened anew when it has failed; throws when that fails as well. */
  reopenIfFailed(): this {
    if (!this.failed) return this
    this.statements.clear()
    this.close()
    this.db = openDatabase(this.filename)
    this.walFile = openWalFile(this.filename)
    this.syncedChanges = 0
    this.failed = false
    return this
  }

  close(): void {
    if (this.walFile !== undefined) closeSync(this.walFile)
    this.walFile = undefined
    if (this.db.isOpen) this.db.close()
  }

  /** Whether something was committed that may not be on the disk yet. */
  get needsSync(): boolean {
    return this.walFile !== undefined && !this.db.isTransaction && this.totalChanges > this.syncedChanges
  }

  /** Leaves what was committed to the next sync. */
  deferSync(): void {
    this.syncedChanges = this.totalChanges
  }

  private get totalChanges(): number {
    return this.prepare("SELECT total_changes() AS n").statement.get()?.["n"] as number
  }

  /**
   * Has what was committed on the disk (TOP4). One at a time, by the connection's semaphore: of two that run together,
   * the kernel tells only one of an error. After an error nothing is synced before the file was opened again (FLT4).
   */
  readonly sync: Effect.Effect<void, SqlError.SqlError> = Effect.uninterruptible(Effect.callback((resume) => {
    const { totalChanges, walFile } = this
    if (walFile === undefined) return resume(Effect.void)
    fdatasync(walFile, (cause) => {
      if (cause === null) {
        this.syncedChanges = totalChanges
        return resume(Effect.void)
      }
      this.failed = true
      resume(
        Effect.fail(toSqlError(Object.assign(cause, { errcode: cause.code === "ENOSPC" ? 13 : 10 }), "sync its file"))
      )
    })
  }))

  /** Prepared once, and kept until too many are. Throws like the function. */
  prepare(sql: string): PreparedStatement {
    let cached = this.statements.get(sql)
    if (cached === undefined) {
      if (this.statements.size >= preparedStatementsMax) this.statements.clear()
      cached = prepare(this.db, sql)
      this.statements.set(sql, cached)
    }
    return cached
  }

  /** What a caller hears of a fault. */
  recordFailure(cause: unknown, operation: string): SqlError.SqlError {
    this.failed ||= fatalResultCodes.has(primaryResultCode(cause) ?? 0)
    return toSqlError(cause, operation)
  }
}
