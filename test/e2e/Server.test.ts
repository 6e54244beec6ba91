import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { execFile, spawnSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import * as Sqlite from "../../src/layers/sql/Sqlite.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import * as OutdatedLog from "../support/OutdatedLog.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { repositoryRoot, startServer, temporaryFolder } from "../support/ServerProcess.ts"
import { connectSignedIn, makeTestUser, openClient } from "../support/TestUsers.ts"

const main = join(repositoryRoot, "dist", "main.js")

/** Runs the built server on a Node to its end. */
const run = (
  node: string,
  env: Readonly<Record<string, string>> = {},
  args: ReadonlyArray<string> = [],
  nodeArgs: ReadonlyArray<string> = []
) =>
  Effect.callback<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = execFile(
      node,
      [...nodeArgs, main, ...args],
      { env },
      (_error, stdout, stderr) => resume(Effect.succeed({ code: child.exitCode, stdout, stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const status = (url: string) => Effect.map(Effect.promise(() => fetch(url)), (response) => response.status)

const systemNode = "/usr/bin/node"
const oldNodeVersion = /^v(?:1\d|20)\.\S+/.exec(spawnSync(systemNode, ["--version"], { encoding: "utf8" }).stdout ?? "")
  ?.[0]
/** Makes the current Node claim to be an old one. */
const claimOldVersion = [
  "--import",
  `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"20.19.0"})`
]
const oldNodeMessage = /^Choir needs Node 22\.19 or newer; this is Node \S+\.\n$/

describe("the server as a process", () => {
  it.live("[OPS1][OPS3][SYN11] starts without further services, reports ready, and drains and exits with 0 on SIGTERM", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      assert.strictEqual(yield* status(`${server.url}/health/live`), 200)
      assert.strictEqual(yield* status(`${server.url}/health/ready`), 200)
      const client = yield* connectSignedIn(socketUrl(server.url))
      assert.deepStrictEqual<unknown>(client.init.payload["user"], { public_key: client.user.key, balance: 10_000 })
      const ending = yield* Effect.forkChild(server.stop("SIGTERM"), { startImmediately: true })
      assert.deepInclude((yield* client.nextOf("goodbye")).payload, { code: closeCode.restart, resume: true })
      assert.strictEqual(yield* client.closed, closeCode.restart)
      assert.strictEqual(yield* Fiber.join(ending), 0)
      assert.strictEqual(server.stderr(), "")
    }))

  it.live("[AUT2][TOP6] keeps sessions and threads across a kill -9", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const ada = makeTestUser()
      const first = yield* startServer({ data })
      const before = yield* connectSignedIn(socketUrl(first.url), ada)
      const { session_token } = before.init.payload
      const thread = `thread:${before.send("create_thread", { name: "Kept" })}`
      yield* before.nextOf("receipt")
      yield* first.stop("SIGKILL")
      const second = yield* startServer({ data })
      const after = yield* openClient(socketUrl(second.url))
      after.send("resume", { session_token })
      const init = yield* after.nextOf("init")
      assert.deepInclude((init.payload["threads"] as ReadonlyArray<object>)[0]!, { thread_id: thread, title: "Kept" })
      assert.deepStrictEqual<unknown>(init.payload["user"], { public_key: ada.key, balance: 10_000 })
    }))
})

describe("the exit of the server", () => {
  it.live("[OPS10] exits with 1 and one line per invalid setting", () =>
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

  it.live("[OPS10] exits with 1 and one line when the data folder is unusable", () =>
    Effect.gen(function*() {
      const used = yield* temporaryFolder
      mkdirSync(join(used, "choir.db"))
      // A folder cannot be made there, a file is in its place, and a folder is in the place of the data file.
      for (const data of ["/proc/choir", main, join(main, "deeper"), used]) {
        const { code, stderr, stdout } = yield* run(process.execPath, { CHOIR_PORT: "0", CHOIR_DATA: data })
        assert.deepStrictEqual([code, stdout], [1, ""])
        assert.match(stderr, /^CHOIR_DATA=".+" cannot be used: .+\n$/)
        assert.include(stderr, data)
      }
    }))

  it.live("[TOP9] exits with 1 and one line when the data folder has logs of before log format 1", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      yield* OutdatedLog.create.pipe(Effect.provide(Sqlite.layer({ filename: join(data, "choir.db") })))
      const { code, stderr, stdout } = yield* run(process.execPath, { CHOIR_PORT: "0", CHOIR_DATA: data })
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.match(stderr, /^.+choir\.db has the tables of a version of Choir before log format 1.+new CHOIR_DATA.+\n$/)
    }))

  it.live("[OPS10] exits with 1 and one line when the port is in use", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      const { code, stderr } = yield* run(process.execPath, {
        CHOIR_PORT: String(server.port),
        CHOIR_DATA: yield* temporaryFolder
      })
      assert.strictEqual(code, 1)
      assert.strictEqual(stderr, `cannot listen on 127.0.0.1:${server.port} (EADDRINUSE)\n`)
    }))

  it.live("[SYN11] exits at once on a second signal", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder })
      // An unfinished request keeps the drain waiting.
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

  it.live("[OPS10] prints its usage with --help, and rejects arguments", () =>
    Effect.gen(function*() {
      const help = yield* run(process.execPath, {}, ["--help"])
      assert.deepInclude(help, { code: 0, stderr: "" })
      assert.match(help.stdout, /^Usage: /)
      const wrong = yield* run(process.execPath, {}, ["--port=80"])
      assert.deepInclude(wrong, { code: 1, stdout: "" })
      assert.match(wrong.stderr, /^[^\n]*takes no arguments[^\n]*--port=80[^\n]*\n$/)
    }))

  it.live("exits with 1 and one line when the version of Node is too old", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run(process.execPath, {}, [], claimOldVersion)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.match(stderr, oldNodeMessage)
    }))
})

Prerequisite.describeWith(Prerequisite.oldNode(oldNodeVersion), "the server on an old Node", () => {
  it.live("loads far enough to exit with 1 and one line", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run(systemNode)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.match(stderr, oldNodeMessage)
    }))
})
