import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runChoir } from "../support/CliProcess.ts"
import { startCliServer } from "./CliServer.ts"

describe("choir import", () => {
  it.live("skips files that cannot be read or decoded, and creates no thread without a text", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* startCliServer
      const [emptyFolder, textFolder] = [join(home, "none"), join(home, "some")]
      for (const path of [emptyFolder, textFolder]) mkdirSync(path)
      writeFileSync(join(emptyFolder, "b.txt"), Buffer.of(0xff, 0xfe, 0x00))
      assert.deepStrictEqual(yield* runChoir(["import", emptyFolder], env), {
        code: 1,
        stdout: "Skipped b.txt: it is not UTF-8 text.\n",
        stderr: `The folder ${emptyFolder} contains no text: no .md, .markdown or .txt file that is not empty.\n`
      })
      assert.deepStrictEqual(yield* runChoir(["import", join(home, "gone")], env), {
        code: 1,
        stdout: "",
        stderr: `The folder ${join(home, "gone")} does not exist.\n`
      })
      writeFileSync(join(textFolder, "a.md"), "Steep green tea at 80 degrees.")
      symlinkSync(join(home, "gone"), join(textFolder, "link.md"))
      const { code, stdout } = yield* runChoir(["import", textFolder], env)
      assert.strictEqual(code, 0)
      assert.match(stdout, /^Skipped link\.md: it cannot be read\.\n/)
      assert.match(stdout, /^Imported 1 of 1 chunks from 1 files into thread:/m)
      const { stdout: repeated } = yield* runChoir(["import", textFolder], env)
      assert.match(repeated, /^Imported 0 of 1 chunks from 1 files into thread:/m)
    })))
})
