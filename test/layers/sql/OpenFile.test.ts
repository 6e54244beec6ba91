import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { FolderWatch } from "../../../src/layers/sql/OpenFile.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"

describe("FolderWatch", () => {
  it.live("[FLT23] tells when a file was created, renamed, replaced or deleted, or the folder moved, and else nothing", () =>
    Effect.gen(function*() {
      const root = yield* temporaryFolder
      const folder = join(root, "data")
      const [file, other] = [join(folder, "a"), join(folder, "b")]
      mkdirSync(folder)
      writeFileSync(file, "a")
      const watch = new FolderWatch(folder, 100)
      assert.isTrue(watch.mayHaveChanged())
      // A change just now is told again and again: another one may have got the same time.
      const settle = Effect.sync(() => watch.mayHaveChanged()).pipe(
        Effect.repeat({ until: (hasChanged) => !hasChanged, schedule: Schedule.spaced("10 millis") }),
        Effect.timeout("10 seconds")
      )
      const changes = [
        () => renameSync(file, other),
        () => renameSync(other, file),
        () => writeFileSync(other, "b"),
        () => renameSync(other, file),
        () => rmSync(file)
      ]
      for (const change of changes) {
        yield* settle
        change()
        assert.isTrue(watch.mayHaveChanged(), String(change))
      }
      writeFileSync(file, "a")
      yield* settle
      appendFileSync(file, "more")
      assert.isFalse(watch.mayHaveChanged())
      renameSync(folder, join(root, "away"))
      for (let look = 0; look < 2; look++) assert.isTrue(watch.mayHaveChanged())
      mkdirSync(folder)
      assert.isTrue(watch.mayHaveChanged())
    }))
})
