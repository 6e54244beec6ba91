/** Peers that ask too much, are too slow or are silent, and what an engine declares that it can do (CON3, CON8, SOC3). */
import { Effect, Fiber } from "effect"
import { closeCode } from "../domain/connection/CloseCode.ts"
import { TopicId } from "../domain/protocol/Ids.ts"
import type { OutboundFrame } from "../services/OutboundFrame.ts"
import type { CoalescedTopics } from "../services/Socket.ts"
import {
  type Client,
  expectEqual,
  expectFailure,
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

/** The numbers that a client hears under a name, up to one of them. */
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

export const limitChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> => [
  {
    title: "[SEC12] the largest text is heard, one byte more ends its connection with 1009, and no other",
    run: Effect.gen(function*() {
      const engine = yield* startEngine(harness)
      const [client, connection] = yield* engine.connect()
      const [other] = yield* engine.connect()
      const largest = "\u00e9".repeat(32_768)
      client.send(largest)
      yield* expectEqual("what was heard", (yield* engine.nextMessage).text.length, largest.length)
      client.send(`${largest}x`)
      yield* expectEqual("how it ended", (yield* client.closed).code, closeCode.tooLarge)
      yield* expectEqual("who ended", (yield* engine.nextDisconnection).connection.id, connection.id)
      other.send("still here")
      yield* expectEqual("what the other says", (yield* engine.nextMessage).text, "still here")
    })
  },
  ...(["binary", "garbage"] as const).map((kind): Scenario<R> => ({
    title: `[SEC21] ${kind} ends its connection, and no other`,
    clientCapabilities: [kind],
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const [other] = yield* it.connect()
      client[kind]?.()
      yield* expectEqual("who ended", (yield* it.nextDisconnection).connection.id, connection.id)
      other.send("still here")
      yield* expectEqual("what the other says", (yield* it.nextMessage).text, "still here")
      yield* expectEqual("further events", yield* it.pendingEvents, { connected: 0, disconnected: 0 })
    })
  })),
  {
    title: "[SOC2, SOC3] a ping measures the round trip and fails when the peer goes; undeclared, it fails",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      if (!it.socket.capabilities.has("ping")) {
        return yield* expectFailure("ping", connection.ping, "UnsupportedCapability")
      }
      const roundTrip = yield* connection.ping
      yield* expectTrue(`a round trip, not ${roundTrip}`, roundTrip >= 0)
      const roundTrips = yield* Effect.all([connection.ping, connection.ping], { concurrency: 2 })
      yield* expectEqual("pings at once", roundTrips.length, 2)
      client.close(4000)
      yield* it.nextDisconnection
      yield* expectFailure("ping of a peer that went", connection.ping, "ConnectionNotFound")
    })
  },
  {
    title: "[SOC2] a ping that waits fails when its peer goes",
    clientCapabilities: ["ignorePings"],
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect({ ignorePings: true })
      if (!it.socket.capabilities.has("ping")) return
      const waiting = yield* Effect.forkChild(connection.ping, { startImmediately: true })
      client.close(4000)
      yield* expectFailure("ping", Fiber.join(waiting), "ConnectionNotFound")
    })
  },
  {
    title: "[CON3] who stays silent is closed with 4012",
    clientCapabilities: ["ignorePings"],
    limits: { pingInterval: 100, pongTimeout: 100 },
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [, connection] = yield* it.connect({ ignorePings: true })
      const { code, connection: ended } = yield* it.nextDisconnection
      yield* expectEqual("who ended", ended.id, connection.id)
      yield* expectEqual("the code", code, closeCode.noPong)
    })
  },
  {
    title: "[CON3] who answers pings stays",
    limits: { pingInterval: 50, pongTimeout: 2_000 },
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      // Four heartbeats later it is still there.
      const waitFourHeartbeats = Effect.sleep(50).pipe(Effect.repeat({ times: 4 }))
      yield* waitFourHeartbeats
      client.send("still here")
      yield* expectEqual("who speaks", (yield* it.nextMessage).connection.id, connection.id)
      yield* expectEqual("further events", yield* it.pendingEvents, { connected: 0, disconnected: 0 })
    })
  },
  {
    title: "[SOC2, SOC3] a paused peer is not heard until it is resumed; undeclared, pausing fails",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const [other] = yield* it.connect()
      if (!it.socket.capabilities.has("pause")) {
        yield* expectFailure("pause", connection.pause, "UnsupportedCapability")
        return yield* expectFailure("resume", connection.resume, "UnsupportedCapability")
      }
      yield* connection.pause
      client.send("held back")
      for (let n = 0; n < 20; n++) {
        other.send(`${n}`)
        yield* expectEqual("who is heard meanwhile", (yield* it.nextMessage).text, `${n}`)
      }
      yield* connection.resume
      yield* expectEqual("what is heard in the end", (yield* it.nextMessage).text, "held back")
    })
  },
  {
    title: "[CON8] what waits beyond the fold is held back, said, and caught up with; the latest signal arrives",
    capability: "backpressure",
    limits: smallLimits,
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      for (let seq = 1; seq <= 40; seq++) connection.deliver(deltaFrame(seq))
      for (let value = 1; value <= 20; value++) connection.deliver(cursorFrame(value))
      yield* expectTrue(
        "no more to wait than the fold and a frame",
        connection.bufferedAmount() < smallLimits.outboxFold + 11_000
      )
      const { coalesced } = yield* it.nextDrained
      const firstWithheldSeq = firstCoalescedSeq(coalesced) ?? 0
      connection.deliver(deltaFrame(41))
      connection.uncoalesce(topic)
      connection.deliver(deltaFrame(42))
      connection.deliver(cursorFrame(21))
      const seqs = yield* receiveNumbers(client, "seq", 42)
      yield* expectEqual(
        "the deltas before the fold",
        seqs.slice(0, -1),
        Array.from({ length: firstWithheldSeq - 1 }, (_, i) => i + 1)
      )
      yield* expectEqual("the last signal", (yield* receiveNumbers(client, "value", 21)).at(-1), 21)
    })
  },
  {
    title: "[CON8] listeners hear that there is room again when nothing was held back",
    capability: "backpressure",
    limits: smallLimits,
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const large = replyFrame(2 * smallLimits.outboxFold)
      connection.deliver(large)
      const { coalesced, connection: drained } = yield* it.nextDrained
      yield* expectEqual("the drained connection", drained.id, connection.id)
      yield* expectEqual("what was held back", coalesced.size, 0)
      yield* expectEqual("what the client heard", (yield* client.nextMessage).length, large.text.length)
      yield* expectTrue("less to wait than the fold", connection.bufferedAmount() <= smallLimits.outboxFold)
    })
  },
  {
    title: "[CON8, SEC27] beyond the bound the connection is given up, resumably",
    capability: "backpressure",
    limits: smallLimits,
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      for (let n = 0; n < 40; n++) connection.deliver(replyFrame(10_000))
      yield* expectEqual("the code that listeners hear", (yield* it.nextDisconnection).code, closeCode.slowConsumer)
      yield* expectEqual("how it ended", (yield* client.closed).code, closeCode.slowConsumer)
    })
  },
  {
    title: "[CON8, SEC27] who stops reading is given up, whatever the network takes on the way",
    capability: "backpressure",
    clientCapabilities: ["stall"],
    limits: smallLimits,
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const [other] = yield* it.connect()
      client.stall?.()
      const frame = replyFrame(60_000)
      for (let n = 0; n < 1_000 && (yield* it.pendingEvents).disconnected === 0; n++) {
        connection.deliver(frame)
        yield* Effect.sleep(1)
      }
      const { code, connection: disconnected } = yield* it.nextDisconnection
      yield* expectEqual("the disconnected connection", disconnected.id, connection.id)
      yield* expectEqual("the code", code, closeCode.slowConsumer)
      other.send("still here")
      yield* expectEqual("what the other says", (yield* it.nextMessage).text, "still here")
    })
  }
]
