/** Injected fsync errors under a real server, and two servers on one data folder. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import { readLog, roomTopic } from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Strace from "../support/Strace.ts"
import { connectSignedIn, uuid } from "../support/TestUsers.ts"

const main = "src/main.ts"
const commands = 100

Prerequisite.describeWith(
  Prerequisite.tracing(Strace.tracingUnavailable()),
  "an fsync that fails",
  () => {
    it.live.each([
      // Commits and checkpoints are both hit.
      { what: "one in seven", failing: "40+7" },
      { what: "one in two", failing: "40..240+2" },
      // Reopening the database fails meanwhile as well.
      { what: "thirty in a row", failing: "60..90" }
    ])(
      "[FLT4][TOP4] $what: every command that is retried until its receipt is logged once",
      ({ failing }) =>
        Effect.gen(function*() {
          const data = yield* temporaryFolder
          const file = join(data, "trace")
          const server = yield* startServer({
            data,
            main,
            env: Strace.tracedServerEnv,
            launcher: Strace.straceArguments(file, failing)
          })
          const client = yield* connectSignedIn(socketUrl(server.url))
          const topic = roomTopic("failing")
          const rejected = new Set<string>()
          /** Sends a command, and retries it under the same id until its receipt. */
          const sendUntilAcknowledged = Effect.fnUntraced(function*(type: string, payload: object) {
            const id = uuid()
            for (;;) {
              client.send(type, payload, topic, { id })
              const answer = yield* client.next
              assert.strictEqual(answer.payload["ref_id"], id)
              if (answer.type === "receipt") return id
              assert.strictEqual(answer.payload["code"], "unavailable")
              rejected.add(id)
            }
          })
          const ids = [yield* sendUntilAcknowledged("join_room", {})]
          for (let n = 0; n < commands; n++) ids.push(yield* sendUntilAcknowledged("send_message", { content: n }))
          assert.isAbove(rejected.size, 0)
          yield* server.stop("SIGTERM")

          assert.deepStrictEqual((yield* readLog(data, topic)).map(({ cause }) => cause as string), ids)
          const trace = readFileSync(file, "utf8")
          assert.include(trace, "(INJECTED)")
          // Failed fsyncs do not count. A retried command needs some fsync between its error and its receipt.
          const calls = Strace.parseTrace(trace)
          assert.deepStrictEqual(Strace.answeredBeforeSync(calls, ids.filter((id) => !rejected.has(id))), [])
          for (const id of rejected) {
            const indexOfAnswer = (word: string) =>
              calls.findIndex((call) => call._tag === "Write" && call.text.includes(id) && call.text.includes(word))
            const between = calls.slice(indexOfAnswer("error"), indexOfAnswer("receipt"))
            assert.isTrue(between.some((call) => call._tag === "Synced" && call.file.endsWith(".db-wal")), id)
          }
        })
    )
  }
)

describe("two servers on one folder", () => {
  it.live("[FLT23] the second exits with one line; the first keeps serving, and a third may start after its kill", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const first = yield* startServer({ data, main })
      const second = yield* Effect.flip(startServer({ data, main }))
      assert.strictEqual(second.code, 1)
      assert.include(second.stderr, `${join(data, "choir.db")} is in use by another server`)
      assert.lengthOf(second.stderr.trim().split("\n"), 1)
      const client = yield* connectSignedIn(socketUrl(first.url))
      client.send("create_thread", { name: "Still served" })
      assert.strictEqual((yield* client.nextOf("receipt")).payload["seq"], 1)
      // The lock ends with the process, even after kill -9.
      yield* first.stop("SIGKILL")
      yield* startServer({ data, main })
    }))
})
