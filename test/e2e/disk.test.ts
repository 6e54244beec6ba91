/** A disk that fails under a real server, and a folder that two servers want. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Proof from "../support/Proof.ts"
import { readLog, roomTopic } from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Strace from "../support/Strace.ts"
import { makeTestUser, openClient, signIn, uuid } from "../support/TestUsers.ts"

const main = "src/main.ts"
const commands = 100

Proof.describeWith(
  Proof.tracing(Strace.tracingUnavailable()),
  "an fsync that fails",
  () => {
    it.live.each([
      // Whatever a sync is for, a commit or a checkpoint, one of them hits it.
      { what: "one in seven", failing: "40+7" },
      { what: "one in two", failing: "40..240+2" },
      // The log cannot even be closed and opened again meanwhile.
      { what: "thirty in a row", failing: "60..90" }
    ])(
      "[FLT4][TOP4] $what: who is refused asks again, and all is there once",
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
          const client = yield* openClient(socketUrl(server.url))
          yield* signIn(client, makeTestUser())
          const topic = roomTopic("failing")
          const refused = new Set<string>()
          /** The same command under the same id, until it is acknowledged. */
          const insist = Effect.fnUntraced(function*(type: string, payload: object) {
            const id = uuid()
            for (;;) {
              client.send(type, payload, topic, { id })
              const answer = yield* client.next
              assert.strictEqual(answer.payload["ref_id"], id)
              if (answer.type === "receipt") return id
              assert.strictEqual(answer.payload["code"], "unavailable")
              refused.add(id)
            }
          })
          const ids = [yield* insist("join_room", {})]
          for (let n = 0; n < commands; n++) ids.push(yield* insist("send_message", { content: n }))
          assert.isAbove(refused.size, 0)
          yield* server.stop("SIGTERM")

          assert.deepStrictEqual((yield* readLog(data, topic)).map(({ cause }) => cause as string), ids)
          const trace = readFileSync(file, "utf8")
          assert.include(trace, "(INJECTED)")
          // A sync that failed counts for none. Who asked again need not wait for one of its own, but for one.
          const calls = Strace.parseTrace(trace)
          assert.deepStrictEqual(Strace.answeredBeforeSync(calls, ids.filter((id) => !refused.has(id))), [])
          for (const id of refused) {
            const said = (word: string) =>
              calls.findIndex((call) => call._tag === "Write" && call.text.includes(id) && call.text.includes(word))
            const between = calls.slice(said("error"), said("receipt"))
            assert.isTrue(between.some((call) => call._tag === "Synced" && call.file.endsWith(".db-wal")), id)
          }
        })
    )
  }
)

describe("two servers on one folder", () => {
  it.live("[FLT23] the second says whose it is and leaves; the first does not notice, and the next one may", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const first = yield* startServer({ data, main })
      const second = yield* Effect.flip(startServer({ data, main }))
      assert.strictEqual(second.code, 1)
      assert.include(second.stderr, `${join(data, "choir.db")} is in use by another server`)
      assert.lengthOf(second.stderr.trim().split("\n"), 1)
      const client = yield* openClient(socketUrl(first.url))
      yield* signIn(client, makeTestUser())
      client.send("create_thread", { name: "Still mine" })
      assert.strictEqual((yield* client.nextOf("receipt")).payload["seq"], 1)
      // Killed: the lock goes with the process.
      yield* first.stop("SIGKILL")
      yield* startServer({ data, main })
    }))
})
