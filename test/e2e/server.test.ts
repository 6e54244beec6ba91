import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { repositoryRoot, startServer, temporaryFolder } from "../support/ServerProcess.ts"
import { makeTestUser, openClient, signIn } from "../support/TestUsers.ts"

const main = join(repositoryRoot, "dist", "main.js")

/** Runs a program to its end. */
const run = (file: string, env: Readonly<Record<string, string>> = {}, ...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = execFile(
      file,
      [main, ...args],
      { env },
      (_fault, stdout, stderr) => resume(Effect.succeed({ code: child.exitCode, stdout, stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const status = (url: string) => Effect.map(Effect.promise(() => fetch(url)), (response) => response.status)

const oldNode = "/usr/bin/node"
const isOldNode = Effect.callback<boolean>((resume) =>
  existsSync(oldNode)
    ? void execFile(oldNode, ["--version"], (_fault, stdout) => resume(Effect.succeed(/^v(1\d|20)\./.test(stdout))))
    : resume(Effect.succeed(false))
)

describe("the server as a process", () => {
  it.live("[OPS1] [OPS3] [SYN11] it starts with nothing else, is healthy, and on SIGTERM ends with 0", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      assert.strictEqual(yield* status(`${server.url}/health/live`), 200)
      assert.strictEqual(yield* status(`${server.url}/health/ready`), 200)
      const client = yield* openClient(`${server.url.replace("http", "ws")}/ws`)
      const ada = makeTestUser()
      const init = yield* signIn(client, ada)
      assert.deepStrictEqual<unknown>(init.payload["user"], { public_key: ada.key, balance: 10_000 })
      const ending = yield* Effect.forkChild(server.stop("SIGTERM"), { startImmediately: true })
      assert.deepInclude((yield* client.nextOf("goodbye")).payload, { code: closeCode.restart, resume: true })
      assert.strictEqual(yield* client.closed, closeCode.restart)
      assert.strictEqual(yield* Fiber.join(ending), 0)
      assert.strictEqual(server.stderr(), "")
    }))

  it.live("[AUT2] [TOP6] a session and a thread outlive the process, even when it is killed", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const ada = makeTestUser()
      const first = yield* startServer({ data })
      const before = yield* openClient(`${first.url.replace("http", "ws")}/ws`)
      const session_token = (yield* signIn(before, ada)).payload["session_token"]
      const thread = `thread:${before.send("create_thread", { name: "Kept" })}`
      yield* before.nextOf("receipt")
      yield* first.stop("SIGKILL")
      const second = yield* startServer({ data })
      const after = yield* openClient(`${second.url.replace("http", "ws")}/ws`)
      after.send("resume", { session_token })
      const init = yield* after.nextOf("init")
      assert.deepInclude((init.payload["threads"] as ReadonlyArray<object>)[0]!, { thread_id: thread, title: "Kept" })
      assert.deepStrictEqual<unknown>(init.payload["user"], { public_key: ada.key, balance: 10_000 })
    }))

  it.live("[OPS10] bad settings stop the start with a line for each, and exit code 1", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run(process.execPath, {
        CHOIR_PORT: "x",
        CHOIR_HOST: "0.0.0.0",
        CHOIR_QDRANT_KEY: "canary",
        CHOIR_NONSENSE: "1"
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      const lines = stderr.trim().split("\n")
      assert.lengthOf(lines, 3)
      for (const name of ["CHOIR_PORT=\"x\"", "CHOIR_HOST=\"0.0.0.0\"", "CHOIR_NONSENSE"]) assert.include(stderr, name)
      assert.notInclude(stderr, "canary")
    }))

  it.live("[OPS10] a data folder that is of no use is one line, and exit code 1", () =>
    Effect.gen(function*() {
      const used = yield* temporaryFolder
      mkdirSync(join(used, "choir.db"))
      // No place for a folder, a file in its stead, and a folder in the data file's stead.
      for (const data of ["/proc/choir", main, join(main, "deeper"), used]) {
        const { code, stderr, stdout } = yield* run(process.execPath, { CHOIR_PORT: "0", CHOIR_DATA: data })
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, /^CHOIR_DATA=".+" cannot be used: .+\n$/)
        assert.include(stderr, data)
      }
    }))

  it.live("[OPS10] a port that is taken is one line, and exit code 1", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      const { code, stderr } = yield* run(process.execPath, {
        CHOIR_PORT: String(server.port),
        CHOIR_DATA: yield* temporaryFolder
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, `cannot listen on 127.0.0.1:${server.port} (EADDRINUSE)\n`)
    }))

  it.live("[SYN11] a second signal forces the end", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      // Half a request keeps the server waiting for its end.
      const half = connect(server.port, "127.0.0.1")
      half.on("error", () => {})
      yield* Effect.callback<void>((resume) => void half.write("GET / HTTP/1.1\r\n", () => resume(Effect.void)))
      yield* status(`${server.url}/health/live`)
      const ending = yield* Effect.forkChild(server.stop("SIGTERM"), { startImmediately: true })
      yield* Effect.repeat(Effect.option(Effect.tryPromise(() => fetch(server.url))), { until: Option.isNone })
      assert.strictEqual(yield* server.stop("SIGINT"), 1)
      yield* Fiber.join(ending)
      half.destroy()
    }))

  it.live("[OPS1] [OPS10] it says how it is used, and takes no argument for a setting", () =>
    Effect.gen(function*() {
      const help = yield* run(process.execPath, {}, "--help")
      assert.deepInclude(help, { code: 0, stderr: "" })
      assert.match(help.stdout, /^Usage: /)
      const wrong = yield* run(process.execPath, {}, "--port=80")
      assert.deepInclude(wrong, { code: 1, stdout: "" })
      assert.match(wrong.stderr, /^[^\n]*takes no arguments[^\n]*--port=80[^\n]*\n$/)
    }))

  it.live("[OPS1] an old Node is told so in one line", () =>
    Effect.gen(function*() {
      if (!(yield* isOldNode)) return yield* Effect.logInfo(`skipped: ${oldNode} is not an old Node`)
      const { code, stderr, stdout } = yield* run(oldNode)
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.match(stderr, /^Choir needs Node 22\.19 or newer; this is Node \S+\.\n$/)
    }))
})
