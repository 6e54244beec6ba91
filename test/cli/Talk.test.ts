/** The command line as a process, with a server to talk to. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { choir } from "../support/ChoirProcess.ts"
import { folder, root } from "../support/ServerProcess.ts"
import { whole } from "../support/Whole.ts"

/** A server, somebody's key, and a folder for their files. */
const stage = Effect.gen(function*() {
  const home = yield* folder
  return { home, env: { CHOIR_URL: yield* whole(), CHOIR_KEY_FILE: join(home, "key") } }
})

const threadIn = (printed: string) => /thread:[\w-]+/.exec(printed)?.[0]

describe("choir, with a server", () => {
  it.live("a pipe into chat gets the answers it asks for, in one thread of one's own, whatever was imported", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* stage
      const first = yield* choir(["chat"], env, "The tea is hot.\n/ask How hot is it?\n/ask And now?\n")
      assert.deepStrictEqual([first.code, first.stderr], [0, ""])
      assert.isDefined(threadIn(first.stdout))
      assert.lengthOf(first.stdout.match(/^Yield$/gm) ?? [], 2)
      mkdirSync(join(home, "notes"))
      writeFileSync(join(home, "notes", "a.md"), "Steep green tea at 80 degrees.")
      const imported = yield* choir(["import", join(home, "notes")], env)
      const second = yield* choir(["chat"], env, "/quit\n")
      assert.strictEqual(threadIn(second.stdout), threadIn(first.stdout))
      assert.notStrictEqual(threadIn(second.stdout), threadIn(imported.stdout))
    })))

  it.live("a reader that has enough ends it quietly", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env } = yield* stage
      const ended = yield* Effect.callback<{ readonly code: number | null; readonly stderr: string }>((resume) => {
        const child = spawn(process.execPath, ["src/cli/main.ts", "ask", "Why?"], { cwd: root, env })
        let stderr = ""
        child.stderr.on("data", (chunk: Buffer) => {
          stderr += chunk.toString()
        })
        child.stdout.destroy()
        child.once("close", (code) => resume(Effect.succeed({ code, stderr })))
      })
      assert.deepStrictEqual(ended, { code: 0, stderr: "" })
    })))

  it.live("import leaves out what cannot be read, and makes no thread for nothing", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* stage
      const [none, some] = [join(home, "none"), join(home, "some")]
      for (const one of [none, some]) mkdirSync(one)
      writeFileSync(join(none, "b.txt"), Buffer.of(0xff, 0xfe, 0x00))
      assert.deepStrictEqual(yield* choir(["import", none], env), {
        code: 1,
        stdout: "b.txt is not UTF-8 text; it is left out.\n",
        stderr: `There is no text in ${none}: no .md, .markdown or .txt file with words.\n`
      })
      assert.deepStrictEqual(yield* choir(["import", join(home, "gone")], env), {
        code: 1,
        stdout: "",
        stderr: `There is no folder ${join(home, "gone")}.\n`
      })
      writeFileSync(join(some, "a.md"), "Steep green tea at 80 degrees.")
      symlinkSync(join(home, "gone"), join(some, "link.md"))
      const { code, stdout } = yield* choir(["import", some], env)
      assert.strictEqual(code, 0)
      assert.match(stdout, /^link\.md cannot be read; it is left out\.\n/)
      assert.include(stdout, "1 of 1 pieces from 1 files were new")
    })))
})
