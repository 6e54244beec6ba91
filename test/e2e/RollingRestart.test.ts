/** Rolling restarts under load: every client gets goodbye, and all reconnect and catch up. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { compareWithLog, History } from "../support/History.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import {
  connectRoomClient,
  readLog,
  roomStateAfter,
  roomTopic,
  unlimitedBudgets,
  waitForSeq,
  waitUntil
} from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import { connectSignedIn } from "../support/TestUsers.ts"
import { runClientWriter, runSocketWriter, type Workload } from "../support/WriterWorkload.ts"

const restarts = 20
/** Writers on the client library; as many again write on raw sockets. */
const writers = 4

describe("rolling restarts", () => {
  it.live(
    "[SYN11][FLT24][SYN10] under load lose no message, and every client catches up each time",
    () =>
      Effect.gen(function*() {
        const data = yield* temporaryFolder
        const topic = roomTopic("rolling")
        const env = { ...unlimitedBudgets, CHOIR_CATCH_UP: "1000000", CHOIR_DRAIN_SPREAD: "200" }
        let server = yield* startServer({ data, env })
        const { port, url } = server
        const work: Workload = { history: new History(), restMillis: 20, stopped: false }
        const members = yield* Effect.all(Array.from({ length: writers }, () => connectRoomClient(url, topic)))
        const writing = yield* Effect.forkChild(
          Effect.all([
            ...members.map((one) => runClientWriter(one, work)),
            ...members.map(() => runSocketWriter(url, topic, work))
          ], { concurrency: "unbounded" })
        )
        let slowest = 0
        for (let restart = 0; restart < restarts; restart++) {
          const before = work.history.acknowledgedCount
          yield* waitUntil(() => work.history.acknowledgedCount >= before + 20)
          assert.strictEqual(yield* server.stop("SIGTERM"), 0)
          const { newestAcknowledgedSeq } = work.history
          server = yield* startServer({ data, port, env })
          const at = yield* Clock.currentTimeMillis
          yield* Effect.forEach(members, (client) => waitForSeq(client, newestAcknowledgedSeq), {
            concurrency: "unbounded"
          })
          slowest = Math.max(slowest, (yield* Clock.currentTimeMillis) - at)
        }
        work.stopped = true
        yield* Fiber.join(writing)
        const { newestAcknowledgedSeq } = work.history
        const copies = yield* Effect.forEach(members, (client) => waitForSeq(client, newestAcknowledgedSeq))
        assert.strictEqual(yield* server.stop("SIGTERM"), 0)

        const log = yield* readLog(data, topic)
        assert.deepStrictEqual(work.history.findViolations(log), [])
        assert.deepStrictEqual(work.history.sent.filter(({ outcome }) => outcome === "rejected"), [])
        for (const copy of copies) assert.deepStrictEqual(copy, roomStateAfter(topic, log))
        for (const { receivedEvents } of members) assert.deepStrictEqual(compareWithLog(receivedEvents, log), [])
        yield* Effect.logInfo(
          `${work.history.acknowledgedCount} acknowledged, back within ${slowest} ms at the most; the target is 15 s`
        )
      }),
    // Back-off takes long on a busy machine.
    600_000
  )
})

describe("a drain", () => {
  it.live("[SYN11][CON6] sends every client goodbye with another retry time before it closes them", () =>
    Effect.gen(function*() {
      const server = yield* startServer({
        data: yield* temporaryFolder,
        env: { ...unlimitedBudgets, CHOIR_DRAIN_SPREAD: "1000" }
      })
      const clients = yield* Effect.forEach(
        Array.from({ length: 60 }),
        () => connectSignedIn(socketUrl(server.url)),
        { concurrency: 8 }
      )
      const ends = clients.map((client) =>
        Effect.gen(function*() {
          const { payload } = yield* client.nextOf("goodbye")
          assert.deepInclude(payload, { code: closeCode.restart, resume: true })
          assert.strictEqual(yield* client.closed, closeCode.restart)
          return Number(payload["retry_after_ms"])
        })
      )
      const goodbyes = yield* Effect.forkChild(Effect.all(ends, { concurrency: "unbounded" }), {
        startImmediately: true
      })
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
      const pauses = yield* Fiber.join(goodbyes)
      // Retry times differ, and none exceeds the spread.
      assert.lengthOf(new Set(pauses), clients.length)
      assert.isAtMost(Math.max(...pauses), 1_000)
    }))
})
