import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem, Path, Result, Stream } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import { DatabaseSync } from "node:sqlite"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"

const memoryLayer = Sqlite.layer({ filename: ":memory:" })

/** A path in a temporary directory of the test. */
const temporaryFile = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return path.join(yield* fs.makeTempDirectoryScoped(), "choir.db")
})

describe("Sqlite", () => {
  it.effect("[FLT23] a second server on the same file fails to start until the first has stopped", () =>
    Effect.gen(function*() {
      const filename = yield* temporaryFile
      const open = Effect.asVoid(Effect.provide(SqlClient.SqlClient, Sqlite.layer({ filename })))
      const second = yield* Effect.provide(Effect.result(open), Sqlite.layer({ filename }))
      assert.isTrue(Result.isFailure(second))
      if (Result.isFailure(second)) {
        assert.instanceOf(second.failure, Sqlite.SqliteInUse)
        assert.include(second.failure.message, filename)
      }
      yield* open
    }).pipe(Effect.provide(NodeServices.layer)))

  it.live("a write waits for the lock of another process without stopping the thread", () =>
    Effect.gen(function*() {
      const filename = yield* temporaryFile
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE t (a INTEGER)`
        const other = new DatabaseSync(filename)
        other.exec("BEGIN IMMEDIATE")
        const single = yield* Effect.forkChild(sql`INSERT INTO t VALUES (1)`, { startImmediately: true })
        const transaction = yield* Effect.forkChild(sql.withTransaction(sql`INSERT INTO t VALUES (2)`))
        yield* Effect.yieldNow
        // This thread releases the lock: a synchronous wait for it would end in an error.
        other.exec("COMMIT")
        other.close()
        yield* Fiber.join(single)
        yield* Fiber.join(transaction)
        assert.deepStrictEqual(yield* sql`SELECT a FROM t ORDER BY a`.values, [[1], [2]])
      }).pipe(Effect.provide(Sqlite.layer({ filename })))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("the file is opened in WAL mode with foreign keys, and commits are synced by the connection", () =>
    Effect.gen(function*() {
      const filename = yield* temporaryFile
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        assert.deepStrictEqual(yield* sql`PRAGMA journal_mode`.values, [["wal"]])
        assert.deepStrictEqual(yield* sql`PRAGMA synchronous`.values, [[1]])
        assert.deepStrictEqual(yield* sql`PRAGMA foreign_keys`.values, [[1]])
      }).pipe(Effect.provide(Sqlite.layer({ filename })))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("[FLT2] [TOP4] a write returns after its fsync, in a transaction or alone; a read does not wait", () =>
    Effect.gen(function*() {
      const filename = yield* temporaryFile
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE t (a INTEGER)`
        /** Whether it is over on the turn it was begun. */
        const atOnce = Effect.fnUntraced(function*(effect: Effect.Effect<unknown, SqlError.SqlError>) {
          const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
          const over = fiber.pollUnsafe() !== undefined
          yield* Fiber.join(fiber)
          return over
        })
        assert.isFalse(yield* atOnce(sql`INSERT INTO t VALUES (1)`))
        assert.isTrue(yield* atOnce(sql`SELECT * FROM t`))
        assert.isFalse(yield* atOnce(sql`INSERT INTO t VALUES (2) RETURNING a`))
        assert.isFalse(yield* atOnce(sql.withTransaction(sql`INSERT INTO t VALUES (3)`)))
        assert.isTrue(yield* atOnce(sql.withTransaction(sql`SELECT * FROM t`)))
        // A write with relaxed durability returns at once, and a read after it does too.
        assert.isTrue(
          yield* atOnce(Effect.provideService(sql`INSERT INTO t VALUES (4)`, Sqlite.RelaxedDurability, true))
        )
        assert.isTrue(yield* atOnce(sql`SELECT * FROM t`))
        assert.isFalse(yield* atOnce(sql`INSERT INTO t VALUES (5)`))
      }).pipe(Effect.provide(Sqlite.layer({ filename })))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("[FLT4] a transaction that fails is rolled back, and the error names the violated constraint", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE t (a INTEGER UNIQUE)`
      const twice = sql.withTransaction(Effect.andThen(sql`INSERT INTO t VALUES (1)`, sql`INSERT INTO t VALUES (1)`))
      const outcome: Result.Result<unknown, SqlError.SqlError> = yield* Effect.result(twice)
      assert.strictEqual(Result.isFailure(outcome) && outcome.failure.reason._tag, "UniqueViolation")
      assert.deepStrictEqual(yield* sql`SELECT * FROM t`, [])
    }).pipe(Effect.provide(memoryLayer)))

  it.effect("[FLT4] after a fatal error the connection is reopened before anything else runs on it", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const filename = yield* temporaryFile
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE t (a INTEGER)`
        yield* sql`INSERT INTO t VALUES (1)`
        yield* sql`PRAGMA wal_checkpoint(TRUNCATE)`
        const sound = yield* fs.readFile(filename)
        yield* fs.writeFile(filename, sound.map((byte, i) => i < 100 ? 0xff : byte))
        // What this connection has cached would hide the damage.
        yield* sql`PRAGMA shrink_memory`
        const outcome = yield* Effect.result(sql`SELECT * FROM t`)
        assert.isTrue(Result.isFailure(outcome) && Sqlite.resultCode(outcome.failure) === 26)
        yield* fs.writeFile(filename, sound)
        assert.deepStrictEqual(yield* sql`SELECT a FROM t`.values, [[1]])
      }).pipe(Effect.provide(Sqlite.layer({ filename })))
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("the files can be read by their owner only, those that an earlier version left as well", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const filename = yield* temporaryFile
      const modes = Effect.forEach(
        ["", "-wal", "-shm", "-lock"],
        (suffix) => Effect.map(fs.stat(`${filename}${suffix}`), ({ mode }) => mode & 0o777)
      )
      const open = Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE TABLE IF NOT EXISTS t (a INTEGER)`
        yield* sql`INSERT INTO t VALUES (1)`
        return yield* modes
      }).pipe(Effect.provide(Sqlite.layer({ filename })))
      assert.deepStrictEqual(yield* open, [0o600, 0o600, 0o600, 0o600])
      for (const suffix of ["", "-wal", "-shm", "-lock"]) {
        yield* fs.writeFile(`${filename}${suffix}`, new Uint8Array(), { flag: "a" })
        yield* fs.chmod(`${filename}${suffix}`, 0o664)
      }
      assert.deepStrictEqual(yield* open, [0o600, 0o600, 0o600, 0o600])
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect.each([
    { what: "the folder is moved", from: "", to: "moved" },
    { what: "the log is renamed", from: "choir.db-wal", to: "old.db-wal" },
    { what: "the data file is renamed", from: "choir.db", to: "old.db" },
    { what: "the data file is moved elsewhere", from: "choir.db", to: "../choir.db" },
    { what: "the lock is renamed", from: "choir.db-lock", to: "old.db-lock" }
  ])(
    "[TOP4] [FLT23] while $what nothing runs, and afterwards everything does",
    ({ from, to }) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const root = yield* fs.makeTempDirectoryScoped()
        const folder = path.join(root, "data")
        const filename = path.join(folder, "choir.db")
        yield* fs.makeDirectory(folder)
        const [here, there] = from === ""
          ? [folder, path.join(root, to)]
          : [path.join(folder, from), path.join(folder, to)]
        yield* Effect.gen(function*() {
          const sql = yield* SqlClient.SqlClient
          const { inPlace } = yield* Sqlite.DataFiles
          yield* sql`CREATE TABLE t (a INTEGER)`
          assert.isTrue(yield* inPlace)
          yield* fs.rename(here, there)
          for (const statement of [sql`INSERT INTO t VALUES (1)`, sql`SELECT * FROM t`]) {
            const error = yield* Effect.flip(statement)
            assert.strictEqual(Sqlite.storageFault(error), "moved")
          }
          assert.isFalse(yield* inPlace)
          // Another folder at the path is not taken for it.
          if (from === "") yield* fs.makeDirectory(folder)
          assert.strictEqual(Sqlite.storageFault(yield* Effect.flip(sql`SELECT * FROM t`)), "moved")
          if (from === "") yield* fs.remove(folder, { recursive: true })
          yield* fs.rename(there, here)
          assert.isTrue(yield* inPlace)
          // The refused write is there, as after any failed fsync (FLT4).
          assert.deepStrictEqual(yield* sql`SELECT a FROM t`.values, [[1]])
          yield* sql`INSERT INTO t VALUES (2)`
        }).pipe(Effect.provide(Sqlite.layer({ filename })))
      }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("streams rows in batches, with typed failures", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const numbers = sql<
        { n: number }
      >`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000) SELECT n FROM c`
      const sum = yield* Stream.runFold(numbers.stream, () => 0, (sum, { n }) => sum + n)
      assert.strictEqual(sum, 500_500)
      assert.strictEqual((yield* Stream.runCollect(Stream.take(numbers.stream, 3))).length, 3)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Stream.runDrain(sql`SELECT nothing`.stream))))
    }).pipe(Effect.provide(memoryLayer)))
})
