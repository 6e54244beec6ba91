import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runChoir } from "../support/CliProcess.ts"
import { findThreadId, startCliServer } from "./CliServer.ts"

describe("choir chat", () => {
  it.live("[OPS6] a pipe receives the answers to its questions, always in the same private thread", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* startCliServer
      const first = yield* runChoir(["chat"], env, "The tea is hot.\n/ask How hot is it?\n/ask And now?\n")
      assert.deepStrictEqual([first.code, first.stderr], [0, ""])
      assert.isDefined(findThreadId(first.stdout))
      assert.lengthOf(first.stdout.match(/^Yield$/gm) ?? [], 2)
      mkdirSync(join(home, "notes"))
      writeFileSync(join(home, "notes", "a.md"), "Steep green tea at 80 degrees.")
      const imported = yield* runChoir(["import", join(home, "notes")], env)
      const second = yield* runChoir(["chat"], env, "/quit\n")
      assert.strictEqual(findThreadId(second.stdout), findThreadId(first.stdout))
      assert.notStrictEqual(findThreadId(second.stdout), findThreadId(imported.stdout))
    })))
})
