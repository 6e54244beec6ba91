/** Repeated kill -9 under writers, and the order of fsync and receipt in a trace of system calls. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { compareWithLog, History } from "../support/History.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Prerequisite from "../support/Prerequisite.ts"
import {
  connectRoomClient,
  readLog,
  roomStateAfter,
  roomTopic,
  unlimitedBudgets,
  waitForSeq,
  waitForView,
  waitUntil
} from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import * as Strace from "../support/Strace.ts"
import { connectSignedIn } from "../support/TestUsers.ts"
import { runClientWriter, runSocketWriter, type Workload } from "../support/WriterWorkload.ts"

const kills = 10
/** Half of them use the client library, half bare sockets. */
const writers = 20

describe("kill -9", () => {
  it.live("[FLT1][TOP6][SYN2][SYN4][SYN5] keeps every acknowledged message once, and every replica converges", () =>
    Effect.gen(function*() {
      const data = yield* temporaryFolder
      const topic = roomTopic("torture")
      // Missed events come as deltas, never as snapshots, so that received events can be compared with the log.
      const env = { ...unlimitedBudgets, CHOIR_CATCH_UP: "1000000" }
      let server = yield* startServer({ data, env })
      const { port, url } = server
      const readers = yield* Effect.forEach([1, 2, 3], () => connectRoomClient(url, topic))
      const work: Workload = { history: new History(), restMillis: 0, stopped: false }
      const authors = yield* Effect.all(Array.from({ length: writers / 2 }, () => connectRoomClient(url, topic)))
      const timers = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (i) =>
          readers[0]!.room.send({ _tag: "schedule_event", event_type: "bell", payload: i, delay_ms: 100 + 250 * i })
      )
      const writing = yield* Effect.forkChild(Effect.all([
        ...authors.map((author) => runClientWriter(author, work)),
        ...authors.map(() => runSocketWriter(url, topic, work))
      ], { concurrency: "unbounded" }))

      for (let kill = 0; kill < kills; kill++) {
        const more = work.history.acknowledgedCount + (yield* Random.nextIntBetween(1, 400))
        yield* waitUntil(() => work.history.acknowledgedCount >= more)
        yield* server.stop("SIGKILL")
        server = yield* startServer({ data, port, env })
        // Reconnects at once, as when a page becomes visible, instead of after a back-off that grows with each kill.
        for (const { client } of [...readers, ...authors]) client.start()
      }
      work.stopped = true
      yield* Fiber.join(writing)
      const fired = yield* waitForView(readers[0]!, ({ confirmed }) => confirmed.scheduled.length === 0)
      const copies = yield* Effect.forEach(readers, (reader) => waitForSeq(reader, fired.version))
      const heads = readers.map(({ room }) => room.view()?.position?.seq)
      assert.strictEqual(yield* server.stop("SIGTERM"), 0)

      const log = yield* readLog(data, topic)
      assert.deepStrictEqual(work.history.findViolations(log), [])
      assert.deepStrictEqual(heads, readers.map(() => log.length))
      const expected = roomStateAfter(topic, log)
      for (const copy of copies) assert.deepStrictEqual(copy, expected)
      for (const { receivedEvents } of [...readers, ...authors]) {
        assert.deepStrictEqual(compareWithLog(receivedEvents, log), [])
      }
      const bells = log.flatMap(({ event }) => {
        const { _tag, id } = event as { readonly _tag: string; readonly id?: string }
        return _tag === "EventFired" ? [id] : []
      })
      assert.lengthOf(bells, timers.length)
      assert.lengthOf(new Set(bells), timers.length)
      yield* Effect.logInfo(
        `${work.history.acknowledgedCount} acknowledged, ` +
          `${work.history.sent.filter(({ outcome }) => outcome === "unknown").length} unknown, ${kills} kills`
      )
    }))
})

const commands = 300

Prerequisite.describeWith(Prerequisite.tracing(Strace.tracingUnavailable()), "the order of system calls", () => {
  it.live(
    "[FLT2][TOP4][SYN5] syncs the log between reading a command and writing its answer",
    () =>
      Effect.gen(function*() {
        const data = yield* temporaryFolder
        const file = join(data, "trace")
        const server = yield* startServer({ data, env: Strace.tracedServerEnv, launcher: Strace.straceArguments(file) })
        const client = yield* connectSignedIn(socketUrl(server.url))
        const topic = roomTopic("traced")
        client.send("join_room", {}, topic)
        yield* client.nextOf("receipt")
        // The sender also receives the event itself, which must not be early either.
        client.send("subscribe", {}, topic)
        yield* client.nextOf("subscribed")
        const ids: Array<string> = []
        for (let i = 0; i < commands; i++) {
          ids.push(client.send("send_message", { content: i }, topic))
          yield* client.nextOf("receipt")
        }
        assert.strictEqual(yield* server.stop("SIGTERM"), 0)
        const calls = Strace.parseTrace(readFileSync(file, "utf8"))
        assert.deepStrictEqual(Strace.answeredBeforeSync(calls, ids), [])
        // Self-check: without the fsyncs, the same trace fails for every command.
        assert.deepStrictEqual(Strace.answeredBeforeSync(calls.filter(({ _tag }) => _tag !== "Synced"), ids), ids)
      })
  )
})
