/** Checks of limits: text size, frames that are no texts, and slow peers (SEC12, SEC21, CON8). */
import { Effect } from "effect"
import { closeCode } from "../domain/connection/CloseCode.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { OutboundFrame } from "../services/OutboundFrame.ts"
import type { CoalescedTopics } from "../services/Socket.ts"
import {
  type Client,
  expectConnected,
  expectDisconnected,
  expectEqual,
  expectTrue,
  type Harness,
  type Scenario,
  startEngine
} from "./Harness.ts"

const smallLimits = { outboxFold: 65_536, outboxMax: 262_144 }
const topic = TopicId.make("room:conformance")
const replyFrame = (size: number): OutboundFrame => ({ text: `"${"x".repeat(size)}"`, lane: { _tag: "Reply" } })
const deltaFrame = (seq: number): OutboundFrame => ({
  text: `{"seq":${seq},"pad":"${"x".repeat(10_000)}"}`,
  lane: { _tag: "Durable", topic, seq }
})
const cursorFrame = (value: number): OutboundFrame => ({
  text: `{"value":${value}}`,
  lane: { _tag: "Ephemeral", topic, key: "cursor" }
})

/** Receives messages until the number under `name` is `last`; returns all of those numbers. */
const receiveNumbers = Effect.fnUntraced(function*(client: Client, name: string, last: number) {
  const received: Array<number> = []
  while (received.at(-1) !== last) {
    const number = new RegExp(`"${name}":(\\d+)`).exec(yield* client.nextMessage)?.[1]
    if (number !== undefined) received.push(Number(number))
  }
  return received
})

const firstCoalescedSeq = (coalesced: CoalescedTopics) => {
  const lane = coalesced.get(topic)?.lane
  return lane?._tag === "Durable" ? lane.seq : undefined
}

const limitsTextSize = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SEC12] the largest text is received; one byte more ends its connection with 1009, and no other",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const other = yield* engine.connect()
    const largest = "\u00e9".repeat(32_768)
    client.send(largest)
    yield* expectEqual("the length of the received text", (yield* engine.nextMessage).text.length, largest.length)
    client.send(`${largest}x`)
    yield* expectEqual("the close", (yield* client.closed).code, closeCode.tooLarge)
    yield* expectEqual("the connection that ended", (yield* engine.nextDisconnection).connection.id, connection.id)
    yield* expectConnected(engine, other)
  })
})

const endsConnectionOn = (kind: "binary" | "garbage") => <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: `[SEC21] ${kind} ends its connection, and no other`,
  clientCapabilities: [kind],
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const other = yield* engine.connect()
    client[kind]?.()
    yield* expectEqual("the connection that ended", (yield* engine.nextDisconnection).connection.id, connection.id)
    yield* expectConnected(engine, other)
    yield* expectEqual("further events", yield* engine.pendingEvents, { connected: 0, disconnected: 0 })
  })
})

const coalescesAboveThreshold = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON8] above outboxFold durable frames are coalesced and announced, and the latest signal arrives",
  capability: "backpressure",
  limits: smallLimits,
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    for (let seq = 1; seq <= 40; seq++) connection.deliver(deltaFrame(seq))
    for (let value = 1; value <= 20; value++) connection.deliver(cursorFrame(value))
    yield* expectTrue(
      "no more than outboxFold and one frame to be pending",
      connection.bufferedAmount() < smallLimits.outboxFold + 11_000
    )
    const { coalesced } = yield* engine.nextDrained
    const firstWithheldSeq = firstCoalescedSeq(coalesced) ?? 0
    connection.deliver(deltaFrame(41))
    connection.uncoalesce(topic)
    connection.deliver(deltaFrame(42))
    connection.deliver(cursorFrame(21))
    const seqs = yield* receiveNumbers(client, "seq", 42)
    yield* expectEqual(
      "the deltas before coalescing",
      seqs.slice(0, -1),
      Array.from({ length: firstWithheldSeq - 1 }, (_, i) => i + 1)
    )
    yield* expectEqual("the last signal", (yield* receiveNumbers(client, "value", 21)).at(-1), 21)
  })
})

const announcesDrained = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON8] listeners are notified when a connection has drained and nothing was withheld",
  capability: "backpressure",
  limits: smallLimits,
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const large = replyFrame(2 * smallLimits.outboxFold)
    connection.deliver(large)
    const { coalesced, connection: drained } = yield* engine.nextDrained
    yield* expectEqual("the drained connection", drained.id, connection.id)
    yield* expectEqual("the number of coalesced topics", coalesced.size, 0)
    yield* expectEqual("what the client received", (yield* client.nextMessage).length, large.text.length)
    yield* expectTrue("less than outboxFold to be pending", connection.bufferedAmount() <= smallLimits.outboxFold)
  })
})

const closesAboveLimit = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON8, SEC27] above outboxMax the connection is closed with a resumable code",
  capability: "backpressure",
  limits: smallLimits,
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    for (let n = 0; n < 40; n++) connection.deliver(replyFrame(10_000))
    yield* expectEqual("the code that listeners get", (yield* engine.nextDisconnection).code, closeCode.slowConsumer)
    yield* expectEqual("the close", (yield* client.closed).code, closeCode.slowConsumer)
  })
})

const closesStalledPeers = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON8, SEC27] a peer that stops reading is closed, however much the network still takes",
  capability: "backpressure",
  clientCapabilities: ["stall"],
  limits: smallLimits,
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const other = yield* engine.connect()
    client.stall?.()
    const frame = replyFrame(60_000)
    for (let n = 0; n < 1_000 && (yield* engine.pendingEvents).disconnected === 0; n++) {
      connection.deliver(frame)
      yield* Effect.sleep(1)
    }
    yield* expectDisconnected(engine, connection, closeCode.slowConsumer)
    yield* expectConnected(engine, other)
  })
})

/** The checks of limits. */
export const limitChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> =>
  [
    limitsTextSize,
    endsConnectionOn("binary"),
    endsConnectionOn("garbage"),
    coalescesAboveThreshold,
    announcesDrained,
    closesAboveLimit,
    closesStalledPeers
  ].map((makeScenario) => makeScenario(harness))
