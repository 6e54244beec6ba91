/** Crowds that mean harm, with the figures of the threat table: what they may do, and what that is to everybody else. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { randomBytes } from "node:crypto"
import { defaults } from "../../src/domain/Limits.ts"
import * as Attack from "../support/Attack.ts"
import * as Inspector from "../support/Inspector.ts"
import { room } from "../support/Members.ts"
import { type Client, open, person, type Received, signIn, uuid } from "../support/People.ts"
import * as Raw from "../support/RawSocket.ts"
import { folder, start } from "../support/ServerProcess.ts"
import { socketOf } from "../support/Whole.ts"

const server = (env: Readonly<Record<string, string>>, nodeArgs: ReadonlyArray<string> = []) =>
  Effect.flatMap(
    folder,
    (data) => start({ data, main: "src/main.ts", nodeArgs, env: { CHOIR_METRICS: "public", ...env } })
  )

const p99 = (times: ReadonlyArray<number>): string =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!.toFixed(2)

const enter = Effect.fnUntraced(function*(url: string) {
  const client = yield* open(socketOf(url))
  assert.strictEqual((yield* signIn(client, person())).type, "init")
  return client
})

/** Sends, and gives what comes next, which must be the answer. */
const ask = Effect.fnUntraced(function*(client: Client, type: string, payload: object = {}, topic?: string) {
  const id = client.send(type, payload, topic)
  const answer = yield* client.next
  assert.strictEqual(answer.payload["ref_id"], id)
  return answer
})

/**
 * People who have nothing to do with it: one asks without rest and writes into a room, one listens there, and others
 * come and go. Nothing that they say is refused, lost or overtaken, or this ends in an error.
 */
const bystanders = Effect.fnUntraced(function*(url: string) {
  const topic = room("quiet")
  const writer = yield* enter(url)
  const listener = yield* enter(url)
  for (const one of [writer, listener]) assert.strictEqual((yield* ask(one, "join_room", {}, topic)).type, "receipt")
  assert.strictEqual((yield* ask(listener, "subscribe", {}, topic)).type, "subscribed")
  const sent: Array<string> = []
  /** Goes on until `meanwhile` has ended; how long each answer to a heartbeat took, in milliseconds. */
  const during = Effect.fnUntraced(function*<A, E, R>(meanwhile: Effect.Effect<A, E, R>) {
    const times: Array<number> = []
    const fiber = yield* Effect.forkChild(meanwhile, { startImmediately: true })
    for (let n = 1; fiber.pollUnsafe() === undefined; n++) {
      const from = yield* Clock.currentTimeNanos
      assert.strictEqual((yield* ask(writer, "heartbeat")).type, "heartbeat")
      times.push(Number((yield* Clock.currentTimeNanos) - from) / 1e6)
      // About as often as one user may for ever.
      if (n % 64 === 0) {
        const content = uuid()
        assert.strictEqual((yield* ask(writer, "send_message", { content }, topic)).type, "receipt")
        sent.push(content)
        yield* Effect.scoped(enter(url))
      }
      yield* Effect.sleep(10)
    }
    return { times, became: yield* Fiber.join(fiber) }
  })
  /** What the listener heard is what was said, in that order. */
  const told = Effect.gen(function*() {
    const heard: Array<unknown> = []
    while (heard.length < sent.length) heard.push(...contents(yield* listener.nextOf("delta")))
    assert.deepStrictEqual(heard, sent)
  })
  return { during, told }
})

const contents = ({ payload }: Received): ReadonlyArray<unknown> =>
  (payload["events"] as ReadonlyArray<{ readonly event: { readonly content?: unknown } }>)
    .map(({ event }) => event.content)

/**
 * Has an attack from a process of its own, and holds against it what must not change: bystanders, and the server's
 * memory. How fast bystanders are served it only tells: whatever else the machine does decides that as well.
 */
const under = Effect.fnUntraced(function*(what: "silence" | "flood", height: number) {
  // Who measures asks a hundred times a second.
  const at = yield* server({ CHOIR_SIGNALS_PER_SECOND: "1000" }, Inspector.nodeArgs)
  const inspector = yield* Inspector.inspect(at)
  const memory = Effect.map(inspector.memory, ({ external, heapUsed }) => (heapUsed + external) / 1_048_576)
  const { during, told } = yield* bystanders(at.url)
  yield* during(Effect.sleep("1 second"))
  const quiet = yield* during(Effect.sleep("3 seconds"))
  const before = yield* memory
  const topic = room("flooded")
  const { became, times } = yield* during(Effect.gen(function*() {
    const attack = yield* Attack.begin(what, at.url, topic)
    assert.strictEqual((yield* attack.height).count, height)
    const high = (yield* memory) - before
    return { ...(yield* attack.end), high }
  }))
  yield* told
  const kept = (yield* memory) - before
  yield* Effect.logInfo(
    `${what}: ${JSON.stringify(became.ends)} in ${became.to - became.from} ms; ` +
      `p99 of a round trip ${p99(quiet.times)} ms before, ${p99(times)} ms during; ` +
      `${became.high.toFixed(1)} MB at its height, ${kept.toFixed(1)} MB after`
  )
  return { ...became, kept, url: at.url, topic }
})

describe("crowds", () => {
  it.live("[SEC23] 2,000 that say nothing and 2,000 that dribble are gone in twenty seconds, and harm nobody", () =>
    Effect.gen(function*() {
      const { ends, from, high, kept, to } = yield* under("silence", 4_000)
      assert.deepStrictEqual(ends, { "HTTP/1.1 408 Request Timeout": 4_000 })
      assert.isBelow(to - from, 20_000)
      // Ten kilobytes each, while they are there.
      assert.isBelow(high, 40)
      assert.isBelow(kept, 5)
    }).pipe(Effect.scoped))

  it.live("[SEC25] [CON7] ten thousand messages a second by one key: as many pass as may, and nobody else notices", () =>
    Effect.gen(function*() {
      const { ends, from, kept, to, topic, url } = yield* under("flood", 1)
      assert.deepStrictEqual(ends, { "4429": 50 })
      const { messageBurst, messagesPerMinute } = defaults
      const may = messageBurst + (to - from) * messagesPerMinute / 60_000
      const witness = yield* enter(url)
      const { position } = (yield* ask(witness, "subscribe", {}, topic)).payload as {
        readonly position: { readonly seq: number }
      }
      // The first event is the room's.
      const passed = position.seq - 1
      yield* Effect.logInfo(`${passed} of 50,000 passed, ${may.toFixed(1)} may`)
      // No part of a message passes; the way there and back takes less than the time in which one more may.
      assert.isAtMost(passed, may)
      assert.isAbove(passed, may - 2)
      assert.isBelow(kept, 5)
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
