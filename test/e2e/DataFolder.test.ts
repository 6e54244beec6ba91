/** What happens to a real server's data folder: who may read it, its move and its loss under the running server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { operatorFolder, operatorSocketName } from "../../src/domain/protocol/Operator.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { roomTopic, unlimitedBudgets } from "../support/RoomClients.ts"
import { type ServerProcess, startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Strace from "../support/Strace.ts"
import { connectSignedIn, replyTo, uuid } from "../support/TestUsers.ts"

const main = "src/main.ts"
const modeOf = (path: string) => statSync(path).mode & 0o777

/** Waits until `/health/ready` answers with a status. */
const awaitReadiness = (server: ServerProcess, status: number) =>
  Effect.promise(() => fetch(`${server.url}/health/ready`)).pipe(
    Effect.repeat({ until: (response) => response.status === status, schedule: Schedule.spaced("50 millis") }),
    Effect.timeout("30 seconds")
  )

const awaitLogged = (server: ServerProcess, text: string) =>
  Effect.sync(server.stderr).pipe(
    Effect.repeat({ until: (log) => log.includes(text), schedule: Schedule.spaced("50 millis") }),
    Effect.timeout("30 seconds")
  )

describe("a new data folder", () => {
  it.live("can be entered by its owner only, and its files be read by nobody else, whatever the umask", () =>
    Effect.gen(function*() {
      const data = join(yield* temporaryFolder, "new", "data")
      const server = yield* startServer({ data, main, launcher: ["sh", "-c", "umask 0; exec \"$@\"", "sh"] })
      const client = yield* connectSignedIn(socketUrl(server.url))
      client.send("create_thread", { name: "Kept" })
      yield* client.nextOf("receipt")
      assert.deepStrictEqual([modeOf(join(data, "..")), modeOf(data)], [0o700, 0o700])
      const operatorSocket = join(operatorFolder, operatorSocketName)
      const names = readdirSync(data, { recursive: true, encoding: "utf8" })
      assert.includeMembers(names, ["choir.db", "choir.db-wal", "choir.db-lock", operatorSocket])
      for (const name of names) {
        assert.strictEqual(modeOf(join(data, name)), name === operatorFolder ? 0o700 : 0o600, name)
      }
      assert.strictEqual(server.stderr(), "")
    }))

  it.live("that others may enter stays as it is, and the log says so", () =>
    Effect.gen(function*() {
      const data = join(yield* temporaryFolder, "wide")
      mkdirSync(data, { mode: 0o755 })
      const server = yield* startServer({ data, main })
      assert.include(server.stderr(), "chmod 700")
      assert.strictEqual(modeOf(data), 0o755)
      assert.strictEqual(modeOf(join(data, "choir.db")), 0o600)
    }))
})

Prerequisite.describeWith(Prerequisite.tracing(Strace.tracingUnavailable()), "the names of a new data folder", () => {
  it.live("[TOP4] are synced in the folders above before anything is acknowledged", () =>
    Effect.gen(function*() {
      const root = yield* temporaryFolder
      const data = join(root, "new", "data")
      const file = join(root, "trace")
      const server = yield* startServer({
        data,
        main,
        env: Strace.tracedServerEnv,
        launcher: Strace.straceArguments(file)
      })
      yield* server.stop("SIGTERM")
      const synced = Strace.parseTrace(readFileSync(file, "utf8")).flatMap((call) =>
        call._tag === "Synced" ? [call.file] : []
      )
      const firstWrite = synced.findIndex((path) => path.startsWith(join(data, "choir.db")))
      for (const folder of [root, join(root, "new"), data]) {
        assert.include(synced.slice(0, firstWrite + 2), folder)
      }
      assert.isBelow(synced.indexOf(root), firstWrite)
      assert.isBelow(synced.indexOf(join(root, "new")), firstWrite)
    }))
})

/** A server whose data folder can be moved, with a member of a room, and a way to post that retries nothing. */
const startScenario = Effect.gen(function*() {
  const root = yield* temporaryFolder
  const data = join(root, "data")
  const server = yield* startServer({ data, main, env: unlimitedBudgets })
  const client = yield* connectSignedIn(socketUrl(server.url))
  const topic = roomTopic("kept")
  const post = (content: string, id = uuid()) =>
    Effect.suspend(() => {
      client.send("send_message", { content }, topic, { id })
      return replyTo(client, id)
    })
  client.send("join_room", {}, topic)
  yield* client.nextOf("receipt")
  assert.strictEqual((yield* post("before")).type, "receipt")
  return { root, data, server, post }
})

describe("a data folder under a running server", () => {
  it.live("[TOP4] [FLT23] moved away: refuses writes, is not ready, starts nowhere else, and goes on once it is back", () =>
    Effect.gen(function*() {
      const { data, post, root, server } = yield* startScenario
      const away = join(root, "away")
      renameSync(data, away)
      const id = uuid()
      const refused = yield* post("nowhere", id)
      assert.deepInclude(refused.payload, { code: "unavailable", retryable: true })
      assert.include(String(refused.payload["message"]), "moved or deleted")
      assert.notInclude(String(refused.payload["message"]), root)
      // Not even a repeat, which the moved log has, gets a receipt.
      assert.strictEqual((yield* post("nowhere", id)).type, "error")
      yield* awaitReadiness(server, 503)
      yield* awaitLogged(server, "was moved or deleted")

      const second = yield* Effect.flip(startServer({ data: away, main }))
      assert.include(second.stderr, "is in use by another server")

      renameSync(away, data)
      yield* awaitReadiness(server, 200)
      assert.strictEqual((yield* post("nowhere", id)).type, "receipt")
      assert.strictEqual((yield* post("after")).type, "receipt")
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
    }))

  it.live("[TOP4] [FLT23] deleted: acknowledges nothing more, and leaves a new server's folder at the path alone", () =>
    Effect.gen(function*() {
      const { data, post, server } = yield* startScenario
      rmSync(data, { recursive: true })
      assert.deepInclude((yield* post("nowhere")).payload, { code: "unavailable" })
      yield* awaitReadiness(server, 503)

      const second = yield* startServer({ data, main })
      const client = yield* connectSignedIn(socketUrl(second.url))
      client.send("create_thread", { name: "Of the second" })
      yield* client.nextOf("receipt")
      // SQLite deletes the journal of the lock by its path; nothing is ever in it.
      const namesOf = () => readdirSync(data).filter((name) => name !== "choir.db-lock-journal")
      const names = namesOf()
      assert.deepInclude((yield* post("still nowhere")).payload, { code: "unavailable" })
      yield* server.stop("SIGTERM")
      assert.deepStrictEqual(namesOf(), names)
      yield* second.stop("SIGKILL")
      const third = yield* startServer({ data, main })
      const again = yield* connectSignedIn(socketUrl(third.url), client.user)
      assert.lengthOf(again.init.payload["threads"] as ReadonlyArray<unknown>, 1)
    }))

  it.live("[OPS3] is served although nobody reads the log of its loss", () =>
    Effect.gen(function*() {
      const { data, server } = yield* startScenario
      server.closeOutput()
      rmSync(data, { recursive: true })
      yield* awaitReadiness(server, 503)
      // The line about it was written by then.
      assert.strictEqual((yield* Effect.promise(() => fetch(`${server.url}/health/live`))).status, 200)
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
    }))

  it.live("[FLT23] without its lock file: is not ready, so that a second server is alone", () =>
    Effect.gen(function*() {
      const { data, post, server } = yield* startScenario
      rmSync(join(data, "choir.db-lock"))
      yield* awaitReadiness(server, 503)
      assert.deepInclude((yield* post("nowhere")).payload, { code: "unavailable" })
    }))
})
