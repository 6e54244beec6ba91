/** A server that is restarted in an orderly way, under load: everybody is told, spread out, and back in step soon. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { compareWithLog, History } from "../support/History.ts"
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
import { makeTestUser, openClient, signIn } from "../support/TestUsers.ts"
import { runClientWriter, runSocketWriter, type Workload } from "../support/WriterWorkload.ts"

const restarts = 20
/** As many again write on bare sockets. */
const writers = 4
/** Milliseconds in which every client is to be back in step (FLT24). */
const recoveryMillisMax = 15_000

/** From now on: the longest time, in milliseconds, for which this process could not do what was due. */
const measureStalls = Effect.gen(function*() {
  let longest = 0
  const sample = Effect.gen(function*() {
    const before = yield* Clock.currentTimeMillis
    yield* Effect.sleep(1)
    longest = Math.max(longest, (yield* Clock.currentTimeMillis) - before)
  })
  yield* Effect.forkScoped(Effect.forever(sample))
  return () => longest
})

describe("drain", () => {
  it.live(
    "[SYN11][FLT24][FLT10][SYN10] rolling restarts under load lose nothing, and everybody is back soon",
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
        assert.isBelow(slowest, recoveryMillisMax)
        yield* Effect.logInfo(`${work.history.acknowledgedCount} acknowledged, back within ${slowest} ms at the most`)
      }),
    // Backing off takes its time, and more so on a machine that does other things as well.
    600_000
  )

  it.live("[SYN11][CON6][FLT10] everybody is told at once when to come back, each at another time, and closed in turn", () =>
    Effect.gen(function*() {
      const server = yield* startServer({
        data: yield* temporaryFolder,
        env: { ...unlimitedBudgets, CHOIR_DRAIN_SPREAD: "1000" }
      })
      const clients = yield* Effect.forEach(
        Array.from({ length: 60 }),
        () =>
          Effect.tap(openClient(`${server.url.replace("http", "ws")}/ws`), (client) => signIn(client, makeTestUser())),
        {
          concurrency: 8
        }
      )
      const held = yield* measureStalls
      const closes: Array<number> = []
      let notified = 0
      const ends = clients.map((client) =>
        Effect.gen(function*() {
          const { payload } = yield* client.nextOf("goodbye")
          notified += 1
          assert.deepInclude(payload, { code: closeCode.restart, resume: true })
          assert.strictEqual(yield* client.closed, closeCode.restart)
          closes.push(yield* Clock.currentTimeMillis)
          // Everybody is told at once: long before it is the turn of the half.
          if (closes.length === clients.length / 2) assert.strictEqual(notified, clients.length)
          return Number(payload["retry_after_ms"])
        })
      )
      const hearing = yield* Effect.forkChild(Effect.all(ends, { concurrency: "unbounded" }), {
        startImmediately: true
      })
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)
      const pauses = yield* Fiber.join(hearing)
      // Nobody comes back at the same millisecond as another, and nobody is asked to wait for long.
      assert.lengthOf(new Set(pauses), clients.length)
      assert.isAtMost(Math.max(...pauses), 1_000)
      // Who is held up hears at once what came one after the other.
      assert.isAtLeast(closes.at(-1)! - closes[0]! + held(), 200)
    }))
})
