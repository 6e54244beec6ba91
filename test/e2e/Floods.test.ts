/** Crowds that mean harm, with the figures of the threat table: what they may do, and what that is to everybody else. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { defaults } from "../../src/domain/protocol/Limits.ts"
import * as AttackProcess from "../support/AttackProcess.ts"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Inspector from "../support/Inspector.ts"
import { roomTopic } from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import { makeTestUser, openClient, type RawClient, type ReceivedMessage, signIn, uuid } from "../support/TestUsers.ts"

const startTestServer = (env: Readonly<Record<string, string>>, nodeArgs: ReadonlyArray<string> = []) =>
  Effect.flatMap(
    temporaryFolder,
    (data) => startServer({ data, main: "src/main.ts", nodeArgs, env: { CHOIR_METRICS: "public", ...env } })
  )

const p99 = (times: ReadonlyArray<number>): string =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!.toFixed(2)

const connectSignedIn = Effect.fnUntraced(function*(url: string) {
  const client = yield* openClient(socketUrl(url))
  assert.strictEqual((yield* signIn(client, makeTestUser())).type, "init")
  return client
})

/** Sends, and gives what comes next, which must be the answer. */
const request = Effect.fnUntraced(function*(client: RawClient, type: string, payload: object = {}, topic?: string) {
  const id = client.send(type, payload, topic)
  const answer = yield* client.next
  assert.strictEqual(answer.payload["ref_id"], id)
  return answer
})

/**
 * People who have nothing to do with it: one asks without rest and writes into a room, one listens there, and others
 * come and go. Nothing that they say is refused, lost or overtaken, or this ends in an error.
 */
const connectBystanders = Effect.fnUntraced(function*(url: string) {
  const topic = roomTopic("quiet")
  const writer = yield* connectSignedIn(url)
  const listener = yield* connectSignedIn(url)
  for (const client of [writer, listener]) {
    assert.strictEqual((yield* request(client, "join_room", {}, topic)).type, "receipt")
  }
  assert.strictEqual((yield* request(listener, "subscribe", {}, topic)).type, "subscribed")
  const sent: Array<string> = []
  /** Goes on until `meanwhile` has ended; how long each answer to a heartbeat took, in milliseconds. */
  const during = Effect.fnUntraced(function*<A, E, R>(effect: Effect.Effect<A, E, R>) {
    const times: Array<number> = []
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let n = 1; fiber.pollUnsafe() === undefined; n++) {
      const from = yield* Clock.currentTimeNanos
      assert.strictEqual((yield* request(writer, "heartbeat")).type, "heartbeat")
      times.push(Number((yield* Clock.currentTimeNanos) - from) / 1e6)
      // About as often as one user may for ever.
      if (n % 64 === 0) {
        const content = uuid()
        assert.strictEqual((yield* request(writer, "send_message", { content }, topic)).type, "receipt")
        sent.push(content)
        yield* Effect.scoped(connectSignedIn(url))
      }
      yield* Effect.sleep(10)
    }
    return { times, became: yield* Fiber.join(fiber) }
  })
  /** What the listener heard is what was said, in that order. */
  const checkDelivered = Effect.gen(function*() {
    const received: Array<unknown> = []
    while (received.length < sent.length) received.push(...contentsOf(yield* listener.nextOf("delta")))
    assert.deepStrictEqual(received, sent)
  })
  return { during, checkDelivered }
})

const contentsOf = ({ payload }: ReceivedMessage): ReadonlyArray<unknown> =>
  (payload["events"] as ReadonlyArray<{ readonly event: { readonly content?: unknown } }>)
    .map(({ event }) => event.content)

/**
 * Has an attack from a process of its own, and holds against it what must not change: bystanders, and the server's
 * memory. How fast bystanders are served it only tells: whatever else the machine does decides that as well.
 */
const runAttack = Effect.fnUntraced(function*(
  attackName: "silence" | "flood" | "forgery",
  expectedPeak: number,
  env: Readonly<Record<string, string>> = {}
) {
  // Who measures asks a hundred times a second.
  const target = yield* startTestServer({ CHOIR_SIGNALS_PER_SECOND: "1000", ...env }, Inspector.nodeArgs)
  const inspector = yield* Inspector.inspect(target)
  const memory = Effect.map(inspector.memory, ({ external, heapUsed }) => (heapUsed + external) / 1_048_576)
  const { during, checkDelivered } = yield* connectBystanders(target.url)
  yield* during(Effect.sleep("1 second"))
  const baseline = yield* during(Effect.sleep("3 seconds"))
  const before = yield* memory
  const cpuBefore = yield* inspector.cpuMillis
  const topic = roomTopic("flooded")
  const { became, times } = yield* during(Effect.gen(function*() {
    const attack = yield* AttackProcess.startAttack(attackName, target.url, topic)
    assert.strictEqual((yield* attack.peak).count, expectedPeak)
    const peakMegabytes = (yield* memory) - before
    return { ...(yield* attack.outcome), high: peakMegabytes }
  }))
  yield* checkDelivered
  const cpuSpent = (yield* inspector.cpuMillis) - cpuBefore
  const retainedMegabytes = (yield* memory) - before
  yield* Effect.logInfo(
    `${attackName}: ${JSON.stringify(became.ends)} in ${became.to - became.from} ms; ` +
      `p99 of a round trip ${p99(baseline.times)} ms before, ${p99(times)} ms during; ` +
      `${became.high.toFixed(1)} MB at its height, ${retainedMegabytes.toFixed(1)} MB after, ${
        cpuSpent.toFixed(0)
      } ms of work`
  )
  return { ...became, kept: retainedMegabytes, worked: cpuSpent, url: target.url, topic }
})

describe("crowds", () => {
  it.live("[SEC23] 2,000 that say nothing and 2,000 that dribble are gone in twenty seconds, and harm nobody", () =>
    Effect.gen(function*() {
      const { ends, from, high, kept, to } = yield* runAttack("silence", 4_000)
      assert.deepStrictEqual(ends, { "HTTP/1.1 408 Request Timeout": 4_000 })
      assert.isBelow(to - from, 20_000)
      // Ten kilobytes each, while they are there.
      assert.isBelow(high, 40)
      assert.isBelow(kept, 5)
    }).pipe(Effect.scoped))

  it.live("[SEC25] [CON7] ten thousand messages a second by one key: as many pass as may, and nobody else notices", () =>
    Effect.gen(function*() {
      const { ends, from, kept, to, topic, url } = yield* runAttack("flood", 1)
      assert.deepStrictEqual(ends, { "4429": 50 })
      const { messageBurst, messagesPerMinute } = defaults
      const may = (millis: number) => messageBurst + millis * messagesPerMinute / 60_000
      const witness = yield* connectSignedIn(url)
      const { state: { posts } } = (yield* request(witness, "subscribe", {}, topic)).payload as {
        readonly state: { readonly posts: ReadonlyArray<{ readonly at: number }> }
      }
      const meanwhile = posts.at(-1)!.at - posts[0]!.at
      yield* Effect.logInfo(`${posts.length} of 50,000 passed, ${may(meanwhile)} to ${may(to - from)} may`)
      assert.isAtMost(posts.length, may(to - from))
      // By the server's own clock. No part of a message passes, and its way to the room takes a moment.
      assert.isAbove(posts.length, may(meanwhile) - 2)
      assert.isBelow(kept, 5)
    }).pipe(Effect.scoped))

  it.live("[SEC26] fifty thousand bad signatures are refused, cost little work, and harm nobody", () =>
    Effect.gen(function*() {
      // More tries on a connection than anybody has: five thousand connections a second are more than this test can make.
      const { ends, kept, worked } = yield* runAttack("forgery", 1, {
        CHOIR_AUTH_TRIES: "50",
        CHOIR_AUTH_FRAMES: "1000",
        CHOIR_AUTH_BYTES: "1000000",
        CHOIR_AUTH_TIMEOUT: "600000",
        CHOIR_CONNECTIONS_PER_ADDRESS: "1000"
      })
      assert.hasAllKeys(ends, ["auth_failed", "rate_limited"])
      assert.strictEqual(ends["auth_failed"]! + ends["rate_limited"]!, 50_000)
      // Less than half a millisecond of a processor each, with frames, challenges and refusals; a tenth is usual.
      assert.isBelow(worked, 25_000)
      assert.isBelow(kept, 5)
    }).pipe(Effect.scoped))
})
