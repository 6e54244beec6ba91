/** The server killed again and again under writers, and what the system calls say about when it answers. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { History, unlike } from "../support/History.ts"
import { generous, holds, inStep, logOf, member, room, stateAfter, until } from "../support/Members.ts"
import { open, person, signIn } from "../support/People.ts"
import { folder, start } from "../support/ServerProcess.ts"
import * as Strace from "../support/Strace.ts"
import { type Work, write, writeBare } from "../support/Writers.ts"

const kills = 10
/** Half of them use the client library, half bare sockets. */
const writers = 20

describe("kill -9", () => {
  it.live("[FLT1][TOP6][SYN2][SYN4][SYN5] what was acknowledged is there once, and every copy is in step", () =>
    Effect.gen(function*() {
      const data = yield* folder
      const topic = room("torture")
      // All that is missed comes as deltas, so that what readers heard can be compared with the log.
      const env = { ...generous, CHOIR_CATCH_UP: "1000000" }
      let server = yield* start({ data, env })
      const { port, url } = server
      const readers = yield* Effect.forEach([1, 2, 3], () => member(url, topic))
      const work: Work = { history: new History(), pause: 0, stopped: false }
      const authors = yield* Effect.all(Array.from({ length: writers / 2 }, () => member(url, topic)))
      const timers = yield* Effect.forEach(
        Array.from({ length: 40 }, (_, i) => i),
        (i) =>
          readers[0]!.room.send({ _tag: "schedule_event", event_type: "bell", payload: i, delay_ms: 100 + 250 * i })
      )
      const writing = yield* Effect.forkChild(Effect.all([
        ...authors.map((author) => write(author, work)),
        ...authors.map(() => writeBare(url, topic, work))
      ], { concurrency: "unbounded" }))

      for (let kill = 0; kill < kills; kill++) {
        const more = work.history.acknowledged + (yield* Random.nextIntBetween(1, 400))
        yield* holds(() => work.history.acknowledged >= more)
        yield* server.end("SIGKILL")
        server = yield* start({ data, port, env })
        // As when a page is looked at again: nobody waits for a back-off that has grown with each kill.
        for (const { client } of [...readers, ...authors]) client.start()
      }
      work.stopped = true
      yield* Fiber.join(writing)
      const fired = yield* until(readers[0]!, ({ decided }) => decided.scheduled.length === 0)
      const copies = yield* Effect.forEach(readers, (reader) => inStep(reader, fired.version))
      const heads = readers.map(({ room }) => room.view()?.position?.seq)
      assert.strictEqual(yield* server.end("SIGTERM"), 0)

      const log = yield* logOf(data, topic)
      assert.deepStrictEqual(work.history.problems(log), [])
      assert.deepStrictEqual(heads, readers.map(() => log.length))
      const expected = stateAfter(topic, log)
      for (const copy of copies) assert.deepStrictEqual(copy, expected)
      for (const { heard } of [...readers, ...authors]) assert.deepStrictEqual(unlike(heard, log), [])
      const bells = log.flatMap(({ event }) => {
        const { _tag, id } = event as { readonly _tag: string; readonly id?: string }
        return _tag === "EventFired" ? [id] : []
      })
      assert.lengthOf(bells, timers.length)
      assert.lengthOf(new Set(bells), timers.length)
      yield* Effect.logInfo(
        `${work.history.acknowledged} acknowledged, ` +
          `${work.history.sent.filter(({ outcome }) => outcome === "unknown").length} unknown, ${kills} kills`
      )
    }))
})

const untraceable = Strace.untraceable()
const commands = 300

describe("the order of system calls", () => {
  it.live.skipIf(untraceable !== undefined)(
    `[FLT2][TOP4][SYN5] the log is synced between a command and its answer${
      untraceable === undefined ? "" : `: skipped, ${untraceable}`
    }`,
    () =>
      Effect.gen(function*() {
        const data = yield* folder
        const file = join(data, "trace")
        const server = yield* start({ data, env: Strace.env, under: Strace.tracer(file) })
        const client = yield* open(`${server.url.replace("http", "ws")}/ws`)
        yield* signIn(client, person())
        const topic = room("traced")
        client.send("join_room", {}, topic)
        yield* client.nextOf("receipt")
        // The sender hears of the event itself as well, which must not come early either.
        client.send("subscribe", {}, topic)
        yield* client.nextOf("subscribed")
        const ids: Array<string> = []
        for (let i = 0; i < commands; i++) {
          ids.push(client.send("send_message", { content: i }, topic))
          yield* client.nextOf("receipt")
        }
        assert.strictEqual(yield* server.end("SIGTERM"), 0)
        const calls = Strace.calls(readFileSync(file, "utf8"))
        assert.deepStrictEqual(Strace.early(calls, ids), [])
        // The same trace of a server that never synced would not pass.
        assert.deepStrictEqual(Strace.early(calls.filter(({ _tag }) => _tag !== "Synced"), ids), ids)
      })
  )
})
