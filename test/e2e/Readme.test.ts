/** Runs every command and every code block of the README exactly as it is written there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { accessSync, constants, readFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { env as inherited } from "node:process"
import { environmentWithoutChoir, repositoryRoot, startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Snippets from "../support/Snippets.ts"

const readme = readFileSync(join(repositoryRoot, "README.md"), "utf8")

const searchPath = [dirname(process.execPath), inherited["PATH"]].join(delimiter)

/** Starts a server command, sends SIGTERM once it is listening; its output and exit code. */
const serveUntilReady = (line: string, env: Readonly<Record<string, string>>) =>
  Effect.callback<{ readonly printed: string; readonly code: number | null }>((resume) => {
    // A process group of its own, because npm starts children.
    const child = spawn("bash", ["-c", line], {
      cwd: repositoryRoot,
      env: { ...environmentWithoutChoir(), PATH: searchPath, ...env },
      detached: true
    })
    let printed = ""
    let signalled = false
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString()
      // Only once: a second signal forces an immediate exit.
      if (signalled || !/http:\/\/127\.0\.0\.1:\d+\n/.test(printed)) return
      signalled = true
      process.kill(-child.pid!, "SIGTERM")
    })
    child.on("exit", (code) => resume(Effect.succeed({ printed, code })))
  })

const lines = Snippets.codeBlocks(readme, "sh").flatMap((block) => block.trim().split("\n"))
/** `npm ci` cannot run inside the tests, which it installed. */
const withoutInstall = (line: string) => line.replace(/^npm ci && /, "")
const serverCommands = lines.map(withoutInstall).filter((line) => line === "npm start" || line === "node dist/main.js")
const cliCommands = lines.filter((line) => /^npm run (?:choir|ask) /.test(line))

describe("README.md", () => {
  it("contains only commands that these tests run or were started by", () => {
    const known = new Set([...serverCommands, ...cliCommands, "npm test", "npm run build"])
    assert.deepStrictEqual(lines.map(withoutInstall).filter((line) => !known.has(line)), [])
    assert.deepStrictEqual(serverCommands, ["npm start", "node dist/main.js"])
    assert.include(lines, "npm ci && npm start")
    assert.include(lines, "npm ci && npm test")
  })

  it.live.each(serverCommands)("[OPS1] starts the server with %s", (line) =>
    Effect.gen(function*() {
      const { code, printed } = yield* serveUntilReady(line, { CHOIR_DATA: yield* temporaryFolder, CHOIR_PORT: "0" })
      assert.match(printed, /Choir is listening on http:\/\/127\.0\.0\.1:\d+\n/)
      // The signal also goes to the shell between npm and the server, whose code npm reports.
      assert.include(line === "npm start" ? [0, 143, null] : [0], code)
    }).pipe(Effect.scoped))

  it("finds the built command executable, which npx only ensures when it links it first", () =>
    accessSync(join(repositoryRoot, "dist/cli/main.js"), constants.X_OK))

  it.live("[OPS1] runs the terminal commands one after another", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const server = yield* startServer({ data })
      const env = { CHOIR_URL: server.url, CHOIR_KEY_FILE: join(data, "key"), PATH: searchPath }
      for (const line of cliCommands) {
        const printed = yield* Snippets.run("bash", ["-c", line], env)
        if (line.includes(" import ")) continue
        const steps = ["Action", "Experience", "Intention", "Observation", "Update", "Yield"]
        assert.deepStrictEqual(printed.split("\n").filter((text) => steps.includes(text)), steps)
        assert.match(printed, /Citations\n/)
      }
    }).pipe(Effect.scoped))

  it.live("[OPS14] compiles and runs the code blocks", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      const files = Snippets.writeSnippets(
        "readme",
        Snippets.markdownExamples("README.md")
      )
      yield* Snippets.typeCheck(files)
      const printed = yield* Effect.forEach(
        files,
        (file) => Snippets.run(process.execPath, [file], { CHOIR_URL: server.url })
      )
      assert.include(printed[0], "Steep green tea at 80 degrees.")
      assert.include(printed[2], "{ count: 6 }")
    }).pipe(Effect.scoped))
})
