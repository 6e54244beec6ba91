/**
 * One open SQLite file: its prepared statements, its fsyncs, its recovery after an I/O error (FLT4), and its refusal to
 * work once its files were moved or deleted (FLT23).
 */
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import { closeSync, constants, fdatasync, openSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { ensurePrivate, ensurePrivateMode, FolderWatch, OpenFile, privateMode } from "./OpenFile.ts"

/** Primary result codes after which the connection is reopened: I/O error, corruption, cannot open, no database. */
const fatalResultCodes: ReadonlySet<number> = new Set([10, 11, 14, 26])
/** SQLITE_READONLY_DBMOVED: SQLite's own code for a file that its path does not lead to any more. */
const movedCode = 1032
/** How many statements stay prepared. */
const preparedStatementsMax = 256

/** The primary SQLite result code of an error, if it has one. */
export const primaryResultCode = (cause: unknown): number | undefined =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode & 0xff
    : undefined

/** Whether the files were moved or deleted (FLT23). */
export const isMoved = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "errcode" in cause && cause.errcode === movedCode

const movedError = () =>
  Object.assign(new Error("its files were moved or deleted while they are open"), { errcode: movedCode })

/** An error as `SqlError`. `node:sqlite` reports the extended result code as `errcode`; Effect's classifier reads `errno`. */
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
  if (filename !== ":memory:") {
    ensurePrivate(filename)
    // SQLite gives new ones the mode of the data file; a crash of an earlier version may have left these.
    ensurePrivateMode(`${filename}-wal`)
    ensurePrivateMode(`${filename}-shm`)
  }
  const db = new DatabaseSync(filename, { timeout: 5000 })
  try {
    db.exec(
      // NORMAL: a commit is written to the WAL and synced by `sync` below; checkpoints sync both files themselves.
      // What is deleted is overwritten (TOP10).
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;" +
        // 16 MB of WAL: a checkpoint holds up this thread, and pages that were written often meanwhile are copied once.
        "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY"
    )
    flushWal(db)
    // From now on a wait for another process's lock would stop the thread that serves: `Sqlite` waits asynchronously.
    db.exec("PRAGMA busy_timeout = 0")
    return db
  } catch (cause) {
    db.close()
    throw cause
  }
}

/**
 * Syncs the WAL. Entries written before a failed fsync, or before a crash, are visible again when the file is opened, and a
 * repeated command would be acknowledged for them: they must be on stable storage first (FLT4).
 */
const flushWal = (db: DatabaseSync): void => {
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  } catch (cause) {
    // No space to copy the WAL to the main file: the WAL itself was synced before that was tried (FLT3).
    if (primaryResultCode(cause) !== 13) throw cause
  }
}

const openWalFile = (filename: string): number | undefined =>
  filename === ":memory:" ? undefined : openSync(`${filename}-wal`, constants.O_RDWR | constants.O_CREAT, privateMode)

/** A statement, and whether it returns rows: asking SQLite costs more than most statements take. */
export interface PreparedStatement {
  readonly statement: StatementSync
  readonly returnsRows: boolean
}

/** Compiles a statement. Throws SQLite's error. */
export const prepare = (db: DatabaseSync, sql: string): PreparedStatement => {
  const statement = db.prepare(sql)
  return { statement, returnsRows: statement.columns().length > 0 }
}

/**
 * The one connection. After a fatal error it is closed and reopened before anything else runs on it (FLT4). While its files
 * are not in their place it refuses to run anything, and keeps them open: what they hold can still be copied (FLT23).
 */
export class SqliteConnection {
  readonly filename: string
  db: DatabaseSync
  /** The write-ahead log; SQLite takes no locks on it that closing this would drop. */
  private walFile: number | undefined
  private failed = false
  /** The data file, and the file that locks it, are the same ones for as long as this exists. */
  private readonly lasting: ReadonlyArray<OpenFile>
  private wal: OpenFile | undefined
  private readonly folder: FolderWatch
  /** `total_changes()` at the last fsync, or when it was deferred. */
  private syncedChanges = 0
  private readonly statements = new Map<string, PreparedStatement>()

  /** Opens the file; `lock` is the one that keeps other servers off it. Throws SQLite's or the system's error. */
  constructor(filename: string, lock?: OpenFile) {
    this.filename = filename
    this.db = openDatabase(filename)
    this.lasting = filename === ":memory:" ? [] : [new OpenFile(filename), ...lock === undefined ? [] : [lock]]
    this.folder = new FolderWatch(dirname(filename))
    this.openWal()
  }

  private openWal(): void {
    this.walFile = openWalFile(this.filename)
    this.wal = this.walFile === undefined ? undefined : new OpenFile(`${this.filename}-wal`)
  }

  /** Whether the paths still lead to the open files. If not, nothing runs until they do again (FLT23). */
  isInPlace(): boolean {
    if (this.wal?.isInPlace !== false && this.lasting.every((file) => file.isInPlace)) return true
    this.failed = true
    return false
  }

  /** Reopens the file after a failure; throws when that fails as well, and while the files are not in their place. */
  reopenIfFailed(): this {
    if (!this.failed) return this
    if (!this.isInPlace()) throw movedError()
    this.statements.clear()
    this.close()
    this.db = openDatabase(this.filename)
    this.openWal()
    this.syncedChanges = 0
    this.failed = false
    return this
  }

  close(): void {
    if (this.walFile !== undefined) closeSync(this.walFile)
    this.walFile = undefined
    this.wal = undefined
    if (this.db.isOpen) this.db.close()
  }

  /** Whether something was committed that was not synced. */
  get needsSync(): boolean {
    return this.walFile !== undefined && !this.db.isTransaction && this.totalChanges > this.syncedChanges
  }

  /** Leaves what was committed to the next fsync. */
  deferSync(): void {
    this.syncedChanges = this.totalChanges
  }

  private get totalChanges(): number {
    return this.prepare("SELECT total_changes() AS n").statement.get()?.["n"] as number
  }

  /**
   * Forces committed writes to stable storage (TOP4) under the files' own paths (FLT23). One at a time, by the connection's semaphore: of two concurrent
   * fsyncs the kernel reports an error to one only. After an error the file is reopened before the next fsync (FLT4).
   */
  readonly sync: Effect.Effect<void, SqlError.SqlError> = Effect.uninterruptible(Effect.callback((resume) => {
    const { totalChanges, walFile } = this
    if (walFile === undefined) return resume(Effect.void)
    fdatasync(walFile, (cause) => {
      if (cause === null) {
        // One look for all files, for its cost, unless something in their folder has changed.
        if (this.folder.mayHaveChanged() && !this.isInPlace()) {
          return resume(Effect.fail(toSqlError(movedError(), "sync its file")))
        }
        this.syncedChanges = totalChanges
        return resume(Effect.void)
      }
      this.failed = true
      resume(
        Effect.fail(toSqlError(Object.assign(cause, { errcode: cause.code === "ENOSPC" ? 13 : 10 }), "sync its file"))
      )
    })
  }))

  /** Prepared once and cached, up to a limit. Throws SQLite's error. */
  prepare(sql: string): PreparedStatement {
    let cached = this.statements.get(sql)
    if (cached === undefined) {
      if (this.statements.size >= preparedStatementsMax) this.statements.clear()
      cached = prepare(this.db, sql)
      this.statements.set(sql, cached)
    }
    return cached
  }

  /** The error for the caller; marks the connection as failed after a fatal one. */
  recordFailure(cause: unknown, operation: string): SqlError.SqlError {
    this.failed ||= fatalResultCodes.has(primaryResultCode(cause) ?? 0)
    return toSqlError(cause, operation)
  }
}
