import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { closeSync, openSync, readdirSync, readlinkSync, statSync } from "node:fs"
import { SqliteConnection } from "../../../src/layers/sql/SqliteConnection.ts"

/** The descriptors of a file, oldest first: the write-ahead log is opened by SQLite, and then for the fsyncs. */
const descriptorsOf = (path: string): ReadonlyArray<number> =>
  readdirSync("/proc/self/fd").map(Number).sort((a, b) => a - b).filter((descriptor) =>
    Result.getOrUndefined(Result.try(() => readlinkSync(`/proc/self/fd/${descriptor}`))) === path
  )

/** Lets a descriptor refer to a device that cannot be synced: every `fdatasync` fails from now on. */
const breakSync = (descriptor: number): void => {
  closeSync(descriptor)
  assert.strictEqual(openSync("/dev/null", "r+"), descriptor, "the lowest free descriptor is used again")
}

describe("SqliteConnection", () => {
  it.effect("[FLT4] after a failed fsync the file is reopened, and its log synced, before the next write", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const filename = `${yield* fs.makeTempDirectoryScoped()}/choir.db`
      const connection = new SqliteConnection(filename)
      yield* Effect.addFinalizer(() => Effect.sync(() => connection.close()))
      connection.db.exec("CREATE TABLE t (a INTEGER)")
      connection.db.exec("INSERT INTO t VALUES (1)")
      yield* connection.sync
      const before = connection.db
      assert.strictEqual(connection.reopenIfFailed().db, before)

      connection.db.exec("INSERT INTO t VALUES (2)")
      breakSync(descriptorsOf(`${filename}-wal`).at(-1) ?? assert.fail("the log is not open"))
      assert.isTrue(Result.isFailure(yield* Effect.result(connection.sync)))
      assert.isAbove(statSync(`${filename}-wal`).size, 0)

      const reopened = connection.reopenIfFailed()
      assert.notStrictEqual(reopened.db, before)
      assert.isFalse(before.isOpen)
      // What was written before the failure was copied and synced by a checkpoint, which empties the log.
      assert.strictEqual(statSync(`${filename}-wal`).size, 0)
      assert.deepStrictEqual(reopened.prepare("SELECT a FROM t").statement.all().map((row) => row["a"]), [1, 2])
      yield* reopened.sync
    }).pipe(Effect.provide(NodeServices.layer)))
})
