/** Every command and every snippet of the README, run as it stands there. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile, spawn } from "node:child_process"
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { env as inherited } from "node:process"
import { environmentWithoutChoir, repositoryRoot, startServer, temporaryFolder } from "../support/ServerProcess.ts"

const readme = readFileSync(join(repositoryRoot, "README.md"), "utf8")

const codeBlocks = (language: string) =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text]) => text!)

const searchPath = [dirname(process.execPath), inherited["PATH"]].join(delimiter)

const run = (command: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.callback<string>((resume) => {
    execFile(
      command,
      args,
      { cwd: repositoryRoot, env: { ...environmentWithoutChoir(), PATH: searchPath, ...env } },
      (error, stdout, stderr) => resume(error === null ? Effect.succeed(stdout) : Effect.die({ error, stdout, stderr }))
    )
  })

/** Starts something that serves until it is told to end; gives what it printed first, and its exit code. */
const serveUntilReady = (line: string, env: Readonly<Record<string, string>>) =>
  Effect.callback<{ readonly printed: string; readonly code: number | null }>((resume) => {
    // A group of its own: npm has children.
    const child = spawn("bash", ["-c", line], {
      cwd: repositoryRoot,
      env: { ...environmentWithoutChoir(), PATH: searchPath, ...env },
      detached: true
    })
    let printed = ""
    let signalled = false
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString()
      // Once: a second signal would force the end.
      if (signalled || !/http:\/\/127\.0\.0\.1:\d+\n/.test(printed)) return
      signalled = true
      process.kill(-child.pid!, "SIGTERM")
    })
    child.on("exit", (code) => resume(Effect.succeed({ printed, code })))
  })

const lines = codeBlocks("sh").flatMap((block) => block.trim().split("\n"))
/** What cannot run inside the tests: they were started by these. */
const withoutInstall = (line: string) => line.replace(/^npm ci && /, "")
const serverCommands = lines.map(withoutInstall).filter((line) => line === "npm start" || line === "node dist/main.js")
const cliCommands = lines.filter((line) => /^(npx choir|npm run ask)/.test(line))

describe("README.md", () => {
  it("[OPS1] has no command that these tests do not know", () => {
    const known = new Set([...serverCommands, ...cliCommands, "npm test", "npm run build"])
    assert.deepStrictEqual(lines.map(withoutInstall).filter((line) => !known.has(line)), [])
    assert.deepStrictEqual(serverCommands, ["npm start", "node dist/main.js"])
    assert.include(lines, "npm ci && npm start")
    assert.include(lines, "npm ci && npm test")
  })

  it.live.each(serverCommands)("[OPS1] %s", (line) =>
    Effect.gen(function*() {
      const { code, printed } = yield* serveUntilReady(line, { CHOIR_DATA: yield* temporaryFolder, CHOIR_PORT: "0" })
      assert.match(printed, /Choir is listening on http:\/\/127\.0\.0\.1:\d+\n/)
      // A shell between npm and the server reports the signal that it was sent as well.
      assert.include(line === "npm start" ? [0, 143, null] : [0], code)
    }).pipe(Effect.scoped))

  it("[OPS1] the command may be executed as it was built: npx only sees to that where it links it first", () =>
    accessSync(join(repositoryRoot, "dist/cli/main.js"), constants.X_OK))

  it.live("[OPS1] the commands in the terminal, one after the other", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const server = yield* startServer({ data })
      const env = { CHOIR_URL: server.url, CHOIR_KEY_FILE: join(data, "key") }
      for (const line of cliCommands) {
        const printed = yield* run("bash", ["-c", line], env)
        if (line.includes(" import ")) continue
        const steps = ["Action", "Experience", "Intention", "Observation", "Update", "Yield"]
        assert.deepStrictEqual(printed.split("\n").filter((text) => steps.includes(text)), steps)
        assert.match(printed, /Citations\n/)
      }
    }).pipe(Effect.scoped))

  it.live("[OPS1] the snippets compile and run", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      const snippets = join(repositoryRoot, "dist/readme")
      mkdirSync(snippets, { recursive: true })
      const files = codeBlocks("ts").map((text, n) => ({ file: join(snippets, `snippet${n}.ts`), text }))
      for (const { file, text } of files) writeFileSync(file, text)
      const printed = yield* Effect.forEach(
        files,
        ({ file }) => run(process.execPath, [file], { CHOIR_URL: server.url })
      )
      assert.include(printed[0], "Steep green tea at 80 degrees.")
      assert.include(printed[1], "{ count: 6 }")
      yield* run(process.execPath, [
        join(repositoryRoot, "node_modules/typescript/bin/tsc"),
        "--noEmit",
        "--ignoreConfig",
        "--strict",
        "--skipLibCheck",
        "--module",
        "nodenext",
        "--target",
        "es2024",
        "--types",
        "node",
        ...files.map(({ file }) => file)
      ], {})
    }).pipe(Effect.scoped))
})
