/** The command line as a process, with a server to talk to. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { runChoir } from "../support/CliProcess.ts"
import { startInProcessServer } from "../support/InProcessServer.ts"
import { repositoryRoot, temporaryFolder } from "../support/ServerProcess.ts"

/** A server, somebody's key, and a folder for their files. */
const setUpServer = Effect.gen(function*() {
  const home = yield* temporaryFolder
  return { home, env: { CHOIR_URL: yield* startInProcessServer(), CHOIR_KEY_FILE: join(home, "key") } }
})

const findThreadId = (printed: string) => /thread:[\w-]+/.exec(printed)?.[0]

describe("choir, with a server", () => {
  it.live("a pipe into chat gets the answers it asks for, in one thread of one's own, whatever was imported", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env, home } = yield* setUpServer
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

  it.live("a reader that has enough ends it quietly", () =>
    Effect.scoped(Effect.gen(function*() {
      const { env } = yield* setUpServer
      const ended = yield* Effect.callback<{ readonly code: number | null; readonly stderr: string }>((resume) => {
        const child = spawn(process.execPath, ["src/cli/main.ts", "ask", "Why?"], { cwd: repositoryRoot, env })
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
      const { env, home } = yield* setUpServer
      const [emptyFolder, textFolder] = [join(home, "none"), join(home, "some")]
      for (const path of [emptyFolder, textFolder]) mkdirSync(path)
      writeFileSync(join(emptyFolder, "b.txt"), Buffer.of(0xff, 0xfe, 0x00))
      assert.deepStrictEqual(yield* runChoir(["import", emptyFolder], env), {
        code: 1,
        stdout: "b.txt is not UTF-8 text; it is left out.\n",
        stderr: `There is no text in ${emptyFolder}: no .md, .markdown or .txt file with words.\n`
      })
      assert.deepStrictEqual(yield* runChoir(["import", join(home, "gone")], env), {
        code: 1,
        stdout: "",
        stderr: `There is no folder ${join(home, "gone")}.\n`
      })
      writeFileSync(join(textFolder, "a.md"), "Steep green tea at 80 degrees.")
      symlinkSync(join(home, "gone"), join(textFolder, "link.md"))
      const { code, stdout } = yield* runChoir(["import", textFolder], env)
      assert.strictEqual(code, 0)
      assert.match(stdout, /^link\.md cannot be read; it is left out\.\n/)
      assert.include(stdout, "1 of 1 pieces from 1 files were new")
    })))
})
