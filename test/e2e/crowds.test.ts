/** Crowds that mean harm, with the figures of the threat table: what they may cost everybody else. */
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Clock, Effect, Fiber, type Scope } from "effect"
import { randomBytes } from "node:crypto"
import { defaults } from "../../src/domain/Limits.ts"
import { holds, room } from "../support/Members.ts"
import { type Client, open, person, signIn, uuid } from "../support/People.ts"
import * as Raw from "../support/RawSocket.ts"
import { folder, start } from "../support/ServerProcess.ts"
import { socketOf } from "../support/Whole.ts"

const server = (env: Readonly<Record<string, string>>) =>
  Effect.flatMap(folder, (data) => start({ data, main: "src/main.ts", env: { CHOIR_METRICS: "public", ...env } }))

const p99 = (times: ReadonlyArray<number>): number => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!

/** Round trips of somebody else, in milliseconds, until it is interrupted. */
const roundTrips = (client: Client, into: Array<number>) =>
  Effect.forever(Effect.gen(function*() {
    const start = yield* Clock.currentTimeNanos
    client.send("heartbeat")
    yield* client.next
    into.push(Number((yield* Clock.currentTimeNanos) - start) / 1e6)
    yield* Effect.sleep(10)
  }))

/** The p99 of somebody else's round trips before an attack and during it. */
const beside = Effect.fnUntraced(function*<E>(url: string, attack: Effect.Effect<void, E, Scope.Scope>) {
  const client = yield* open(socketOf(url))
  yield* signIn(client, person())
  const measure = Effect.fnUntraced(function*<E, R>(during: Effect.Effect<void, E, R>) {
    const times: Array<number> = []
    const fiber = yield* Effect.forkChild(roundTrips(client, times))
    yield* during
    yield* Fiber.interrupt(fiber)
    return p99(times)
  })
  yield* measure(Effect.sleep("1 second"))
  const before = yield* measure(Effect.sleep("3 seconds"))
  const during = yield* measure(attack)
  yield* Effect.logInfo(`p99 of a round trip: ${before.toFixed(2)} ms before, ${during.toFixed(2)} ms during`)
  return { before, during }
})

/**
 * Twice what it was before; where both are so little that the attacker, who shares the processors with the server here,
 * decides, no more than this many milliseconds.
 */
const bearable = ({ before, during }: { readonly before: number; readonly during: number }) =>
  assert.isBelow(during, Math.max(2 * before, 50))

describe("crowds", () => {
  it.live("[SEC23] 2,000 that say nothing and 2,000 that dribble are gone in twenty seconds, and harm nobody", () =>
    Effect.gen(function*() {
      const { url } = yield* server({})
      let left = 0
      const attack = Effect.gen(function*() {
        const come = Effect.fnUntraced(function*(n: number) {
          const socket = yield* Raw.tcp(url, `127.0.0.${2 + n % 200}`)
          left += 1
          socket.on("close", () => left -= 1)
          return socket.resume()
        })
        const numbers = Array.from({ length: 2_000 }, (_, n) => n)
        const began = yield* Clock.currentTimeMillis
        yield* Effect.forEach(numbers, come, { concurrency: 100 })
        const dribbling = yield* Effect.forEach(numbers, come, { concurrency: 100 })
        assert.isAtLeast(left, 4_000)
        // A letter every half second; not all of them at once, or the attacker would hold up the one who measures.
        yield* Effect.forkScoped(
          Effect.forEach(
            Raw.request("/ws"),
            (letter) =>
              Effect.forEach(Arr.chunksOf(dribbling, 80), (some) =>
                Effect.andThen(
                  Effect.sync(() => some.forEach((socket) => socket.writable && socket.write(letter))),
                  Effect.sleep(20)
                ))
          )
        )
        yield* holds(() => left === 0)
        assert.isBelow((yield* Clock.currentTimeMillis) - began, 20_000)
      })
      bearable(yield* beside(url, attack))
    }).pipe(Effect.scoped))

  it.live("[SEC25] [CON7] ten thousand messages a second by one key: as many pass as may, and nobody else is slow", () =>
    Effect.gen(function*() {
      const { url } = yield* server({ CHOIR_AUTH_PER_MINUTE: "10000", CHOIR_AUTH_BURST: "1000" })
      const eve = person()
      const topic = room("flooded")
      const flood = { from: 0, to: 0 }
      /** Until it is closed for it (4429). */
      const burst = Effect.scoped(Effect.gen(function*() {
        const client = yield* open(socketOf(url))
        yield* signIn(client, eve)
        const texts = Array.from(
          { length: 1_000 },
          () =>
            JSON.stringify({
              id: uuid(),
              type: "send_message",
              payload: { content: 1 },
              timestamp: 0,
              thread_id: topic
            })
        )
        if (flood.from === 0) flood.from = yield* Clock.currentTimeMillis
        for (const text of texts) client.ws.send(text)
        assert.strictEqual(yield* client.closed, 4429)
        flood.to = yield* Clock.currentTimeMillis
      }))
      const first = yield* open(socketOf(url))
      yield* signIn(first, eve)
      first.send("join_room", {}, topic)
      yield* first.nextOf("receipt")
      // Until what that took is there again.
      yield* Effect.sleep(60_000 / defaults.messagesPerMinute)
      const attack = Effect.forEach(
        Array.from({ length: 50 }),
        () => Effect.forkScoped(burst, { startImmediately: true }).pipe(Effect.tap(Effect.sleep(100)))
      ).pipe(Effect.flatMap(Fiber.joinAll), Effect.asVoid)
      bearable(yield* beside(url, attack))
      const { messageBurst, messagesPerMinute } = defaults
      const may = messageBurst + (flood.to - flood.from) * messagesPerMinute / 60_000
      first.send("subscribe", {}, topic)
      const { seq } = (yield* first.nextOf("subscribed")).payload["position"] as { readonly seq: number }
      yield* Effect.logInfo(`${seq - 1} of 50,000 passed in ${flood.to - flood.from} ms, ${may.toFixed(1)} may`)
      // No part of a message passes; the way there and back takes less than the time in which one more may.
      assert.isAtMost(seq - 1, may)
      assert.isAbove(seq - 1, may - 2)
    }).pipe(Effect.scoped))

  it.live("[SEC26] five thousand bad signatures a second for ten seconds do not hold the server up", () =>
    Effect.gen(function*() {
      // More tries on a connection than anybody has: a thousand connections a second are more than this test can make.
      const { url } = yield* server({
        CHOIR_AUTH_TRIES: "50",
        CHOIR_AUTH_FRAMES: "1000",
        CHOIR_AUTH_BYTES: "1000000",
        CHOIR_CONNECTIONS_PER_ADDRESS: "1000"
      })
      const lag = Effect.map(
        Effect.promise(() => fetch(`${url}/metrics`).then((response) => response.text())),
        (text) => Number(/^choir_event_loop_delay_p99_seconds (\S+)/m.exec(text)![1]) * 1_000
      )
      const { key } = person()
      const say = (type: string, payload: object): Raw.Shape => ({
        opcode: Raw.text,
        payload: JSON.stringify({ id: uuid(), type, payload, timestamp: 0 })
      })
      let sent = 0
      /** As many tries as one connection has here. */
      const attack = (n: number) =>
        Effect.scoped(Effect.gen(function*() {
          const socket = yield* Raw.open(url, "/ws", { localAddress: `127.0.0.${2 + n % 100}` })
          for (let i = 0; i < 50; i++) {
            socket.send(
              say("connect", { public_key: key }),
              say("auth", { signature: randomBytes(64).toString("base64url") })
            )
          }
          yield* socket.closed
          sent += 50
        }))
      yield* lag
      const began = yield* Clock.currentTimeMillis
      yield* Effect.forEach(Array.from({ length: 100 }, (_, tick) => tick), (tick) =>
        Effect.gen(function*() {
          const due = began + tick * 100
          yield* Effect.sleep(Math.max(0, due - (yield* Clock.currentTimeMillis)))
          return yield* Effect.forkScoped(
            Effect.forEach(Array.from({ length: 10 }, (_, i) => tick * 10 + i), attack, { concurrency: 10 })
          )
        })).pipe(Effect.flatMap(Fiber.joinAll))
      const took = (yield* Clock.currentTimeMillis) - began
      const p99 = yield* lag
      yield* Effect.logInfo(`${sent} bad signatures sent in ${took} ms, event loop p99 ${p99.toFixed(1)} ms`)
      assert.isBelow(p99, 50)
    }).pipe(Effect.scoped))
})
