/** Back-pressure: a client that stops reading costs bounded memory, delays no other client and loses no event. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { socketUrl } from "../support/InProcessServer.ts"
import * as Inspector from "../support/Inspector.ts"
import { roomTopic, unlimitedBudgets, waitUntil } from "../support/RoomClients.ts"
import { startServer, temporaryFolder } from "../support/ServerProcess.ts"
import {
  connectSignedIn,
  makeTestUser,
  type RawClient,
  type ReceivedMessage,
  type TestUser
} from "../support/TestUsers.ts"

const connections = 1_000
/** Kernel buffers of both sides hold about 12 MB for a peer that does not read; more is queued by the server. */
const floodLoad = { messages: 1_500, bytes: 16_000 }
const sharedLoad = { messages: 100, bytes: 200 }
const mebibyte = 1_048_576

/** Follows topics on a raw socket without folding events: checks only that each delta continues the last position. */
class StreamFollower {
  readonly client: RawClient
  readonly positions = new Map<string, number>()
  readonly gaps: Array<string> = []
  snapshots = 0

  constructor(client: RawClient) {
    this.client = client
    client.ws.on("message", (data) => {
      // Most frames are long; type and range are at their start.
      const text = (data as Buffer).toString("latin1", 0, 400)
      if (text.includes("\"type\":\"delta\"")) this.onDelta((data as Buffer).toString("latin1"))
      else if (text.includes("\"type\":\"subscribed\"")) this.onSubscribed(JSON.parse(String(data)) as ReceivedMessage)
    })
  }

  private onDelta(text: string): void {
    const found = /"from":(\d+),"to":(\d+)/.exec(text)
    const topic = /"thread_id":"([^"]+)"\}$/.exec(text.slice(-200))
    if (found === null || topic === null) return void this.gaps.push(text.slice(0, 200))
    const previousSeq = this.positions.get(topic[1]!)
    if (previousSeq !== Number(found[1])) this.gaps.push(`${topic[1]}: a delta from ${found[1]} at ${previousSeq}`)
    this.positions.set(topic[1]!, Number(found[2]))
  }

  private onSubscribed({ payload, thread_id }: ReceivedMessage): void {
    this.snapshots += 1
    this.positions.set(thread_id!, (payload["position"] as { readonly seq: number }).seq)
  }
}

/** Publishes long messages in a thread, one after another; returns the newest seq. */
const submitMessages = Effect.fnUntraced(function*(client: RawClient, topic: string, count: number) {
  let seq = 0
  for (let n = 0; n < count; n++) {
    client.send("submit_message", { content: `${n} ${"x".repeat(30_000)}` }, topic)
    seq = Number((yield* client.nextOf("receipt")).payload["seq"])
  }
  return seq
})

const connectFollower = (url: string, user: TestUser, topic: string) =>
  Effect.gen(function*() {
    const client = yield* connectSignedIn(url, user)
    const follower = new StreamFollower(client)
    client.send("subscribe", {}, topic)
    yield* client.nextOf("subscribed")
    return follower
  })

/** Sends messages with 16 in flight; returns the newest seq. */
const sendMessages = (client: RawClient, topic: string, { bytes, messages }: typeof floodLoad) =>
  Effect.gen(function*() {
    const content = "x".repeat(bytes)
    let seq = 0
    for (let sent = 0, answered = 0; answered < messages; answered++) {
      while (sent < messages && sent < answered + 16) {
        sent += 1
        client.send("send_message", { content }, topic)
      }
      seq = Number((yield* client.nextOf("receipt")).payload["seq"])
    }
    return seq
  })

describe("slow clients", () => {
  it.live("[SEC27][CON8] one of 1,000 clients that stops reading costs less than 3 MB, and no client misses an event", () =>
    Effect.gen(function*() {
      // A client that does not read answers no pings either; the heartbeat is not the subject of this test.
      const env = { ...unlimitedBudgets, CHOIR_PING_INTERVAL: "600000" }
      const server = yield* startServer({ data: yield* temporaryFolder, env, nodeArgs: Inspector.nodeArgs })
      const url = socketUrl(server.url)
      const inspector = yield* Inspector.inspect(server)
      const user = makeTestUser()
      const [sharedRoom, floodedRoom] = [roomTopic("sharedRoom"), roomTopic("floodedRoom")]
      const writer = yield* connectSignedIn(url, user)
      for (const topic of [sharedRoom, floodedRoom]) {
        writer.send("join_room", {}, topic)
        yield* writer.nextOf("receipt")
      }
      const followers = yield* Effect.forEach(
        Array.from({ length: connections }, (_, i) => i),
        () => connectFollower(url, user, sharedRoom),
        { concurrency: 32 }
      )
      const slow = followers[0]!
      slow.client.send("subscribe", {}, floodedRoom)
      yield* slow.client.nextOf("subscribed")

      const round = Effect.gen(function*() {
        const ended = [
          yield* sendMessages(writer, sharedRoom, sharedLoad),
          yield* sendMessages(writer, floodedRoom, floodLoad)
        ] as const
        const others = followers.filter((one) => one !== slow)
        yield* waitUntil(() => others.every(({ positions }) => positions.get(sharedRoom) === ended[0]))
        return ended
      })
      const inStep = ([a, b]: readonly [number, number]) =>
        waitUntil(() => slow.positions.get(sharedRoom) === a && slow.positions.get(floodedRoom) === b)

      // Warm-up: allocates what the server keeps of the topics in any case.
      yield* Effect.flatMap(round, inStep)
      yield* Effect.flatMap(round, inStep)
      const before = yield* inspector.memory
      slow.client.ws.pause()
      const end = yield* round
      const after = yield* inspector.memory
      assert.isBelow(slow.positions.get(floodedRoom)!, end[1])
      // After garbage collections, the growth is what is queued for the slow client.
      assert.isBelow(after.heapUsed + after.external - before.heapUsed - before.external, 3 * mebibyte)
      slow.client.ws.resume()
      yield* inStep(end)
      assert.isAbove(slow.snapshots, 2)
      assert.deepStrictEqual(followers.flatMap(({ gaps }) => gaps), [])
    }))

  it.live("[FLT9][SYN2] a client that was closed with 4008 resumes from its position without a gap", () =>
    Effect.gen(function*() {
      const server = yield* startServer({
        data: yield* temporaryFolder,
        env: { ...unlimitedBudgets, CHOIR_SIGNALS_PER_SECOND: "1000000" }
      })
      const url = socketUrl(server.url)
      const user = makeTestUser()
      const [writer, slow, resumed] = yield* Effect.replicateEffect(connectSignedIn(url, user), 3)
      const topic = `thread:${writer!.send("create_thread", { name: "Long" })}`
      yield* writer!.nextOf("receipt")
      yield* submitMessages(writer!, topic, 30)
      slow!.send("subscribe", {}, topic)
      const position = (yield* slow!.nextOf("subscribed")).payload["position"] as { readonly seq: number }
      slow!.ws.pause()
      // The replies are more than the kernel's buffers hold. Large ones would wait until the client reads.
      for (let sent = 0; sent < 150_000; sent++) slow!.send("heartbeat")
      const metrics = Effect.promise(() => fetch(`${server.url}/metrics`).then((response) => response.text()))
      yield* Effect.repeat(metrics, { until: (text) => text.includes("closed_total{code=\"4008\"} 1") })
      const head = yield* submitMessages(writer!, topic, 20)
      resumed!.send("subscribe", { position }, topic)
      const { payload } = yield* resumed!.nextOf("subscribed")
      assert.strictEqual(payload["mode"], "deltas")
      assert.deepStrictEqual(
        (payload["events"] as ReadonlyArray<{ readonly seq: number }>).map(({ seq }) => seq),
        Array.from({ length: head - position.seq }, (_, n) => position.seq + 1 + n)
      )
    }))

  it.live("[CON8][SYN2][SYN5] a snapshot above the send queue limit is delivered, and so are the replies behind it", () =>
    Effect.gen(function*() {
      const server = yield* startServer({ data: yield* temporaryFolder, env: unlimitedBudgets })
      const url = socketUrl(server.url)
      const topic = roomTopic("large")
      const user = makeTestUser()
      const writer = yield* connectSignedIn(url, user)
      writer.send("join_room", {}, topic)
      yield* writer.nextOf("receipt")
      yield* sendMessages(writer, topic, { messages: 250, bytes: 16_000 })
      const reader = yield* connectSignedIn(url, user)
      reader.send("subscribe", {}, topic)
      const sent = Array.from({ length: 20 }, (_, i) => reader.send("send_message", { content: i }, topic))
      const copy = yield* reader.nextOf("subscribed")
      assert.isAbove(JSON.stringify(copy).length, 3 * mebibyte)
      for (const id of sent) assert.strictEqual((yield* reader.nextOf("receipt")).payload["ref_id"], id)
    }))
})
