/** A server that is restarted in an orderly way, under load: everybody is told, spread out, and back in step soon. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { closeCode } from "../../src/domain/connection/CloseCode.ts"
import { History, unlike } from "../support/History.ts"
import { generous, holds, inStep, logOf, member, room, stateAfter } from "../support/Members.ts"
import { open, person, signIn } from "../support/People.ts"
import { folder, start } from "../support/ServerProcess.ts"
import { type Work, write, writeBare } from "../support/Writers.ts"

const restarts = 20
/** As many again write on bare sockets. */
const writers = 4
/** Milliseconds in which every client is to be back in step (FLT24). */
const soon = 15_000

/** From now on: the longest time, in milliseconds, for which this process could not do what was due. */
const heldUp = Effect.gen(function*() {
  let longest = 0
  const look = Effect.gen(function*() {
    const before = yield* Clock.currentTimeMillis
    yield* Effect.sleep(1)
    longest = Math.max(longest, (yield* Clock.currentTimeMillis) - before)
  })
  yield* Effect.forkScoped(Effect.forever(look))
  return () => longest
})

describe("drain", () => {
  it.live(
    "[SYN11][FLT24][FLT10][SYN10] rolling restarts under load lose nothing, and everybody is back soon",
    () =>
      Effect.gen(function*() {
        const data = yield* folder
        const topic = room("rolling")
        const env = { ...generous, CHOIR_CATCH_UP: "1000000", CHOIR_DRAIN_SPREAD: "200" }
        let server = yield* start({ data, env })
        const { port, url } = server
        const work: Work = { history: new History(), pause: 20, stopped: false }
        const members = yield* Effect.all(Array.from({ length: writers }, () => member(url, topic)))
        const writing = yield* Effect.forkChild(
          Effect.all([
            ...members.map((one) => write(one, work)),
            ...members.map(() => writeBare(url, topic, work))
          ], { concurrency: "unbounded" })
        )
        let slowest = 0
        for (let restart = 0; restart < restarts; restart++) {
          const before = work.history.acknowledged
          yield* holds(() => work.history.acknowledged >= before + 20)
          assert.strictEqual(yield* server.end("SIGTERM"), 0)
          const { newest } = work.history
          server = yield* start({ data, port, env })
          const at = yield* Clock.currentTimeMillis
          yield* Effect.forEach(members, (one) => inStep(one, newest), { concurrency: "unbounded" })
          slowest = Math.max(slowest, (yield* Clock.currentTimeMillis) - at)
        }
        work.stopped = true
        yield* Fiber.join(writing)
        const { newest } = work.history
        const copies = yield* Effect.forEach(members, (one) => inStep(one, newest))
        assert.strictEqual(yield* server.end("SIGTERM"), 0)

        const log = yield* logOf(data, topic)
        assert.deepStrictEqual(work.history.problems(log), [])
        assert.deepStrictEqual(work.history.sent.filter(({ outcome }) => outcome === "refused"), [])
        for (const copy of copies) assert.deepStrictEqual(copy, stateAfter(topic, log))
        for (const { heard } of members) assert.deepStrictEqual(unlike(heard, log), [])
        assert.isBelow(slowest, soon)
        yield* Effect.logInfo(`${work.history.acknowledged} acknowledged, back within ${slowest} ms at the most`)
      }),
    // Backing off takes its time, and more so on a machine that does other things as well.
    600_000
  )

  it.live("[SYN11][CON6][FLT10] everybody is told at once when to come back, each at another time, and closed in turn", () =>
    Effect.gen(function*() {
      const server = yield* start({ data: yield* folder, env: { ...generous, CHOIR_DRAIN_SPREAD: "1000" } })
      const clients = yield* Effect.forEach(
        Array.from({ length: 60 }),
        () => Effect.tap(open(`${server.url.replace("http", "ws")}/ws`), (client) => signIn(client, person())),
        {
          concurrency: 8
        }
      )
      const held = yield* heldUp
      const closes: Array<number> = []
      let told = 0
      const ends = clients.map((client) =>
        Effect.gen(function*() {
          const { payload } = yield* client.nextOf("goodbye")
          told += 1
          assert.deepInclude(payload, { code: closeCode.restart, resume: true })
          assert.strictEqual(yield* client.closed, closeCode.restart)
          closes.push(yield* Clock.currentTimeMillis)
          // Everybody is told at once: long before it is the turn of the half.
          if (closes.length === clients.length / 2) assert.strictEqual(told, clients.length)
          return Number(payload["retry_after_ms"])
        })
      )
      const hearing = yield* Effect.forkChild(Effect.all(ends, { concurrency: "unbounded" }), {
        startImmediately: true
      })
      assert.strictEqual(yield* server.end("SIGTERM"), 0)
      const pauses = yield* Fiber.join(hearing)
      // Nobody comes back at the same millisecond as another, and nobody is asked to wait for long.
      assert.lengthOf(new Set(pauses), clients.length)
      assert.isAtMost(Math.max(...pauses), 1_000)
      // Who is held up hears at once what came one after the other.
      assert.isAtLeast(closes.at(-1)! - closes[0]! + held(), 200)
    }))
})
