/** Peers that ask too much, are too slow or are silent, and what an engine declares that it can do (CON3, CON8, SOC3). */
import { Effect, Fiber } from "effect"
import { closeCode } from "../domain/connection/CloseCode.ts"
import { TopicId } from "../domain/Ids.ts"
import type { Frame } from "../services/Frame.ts"
import type { Folded } from "../services/Socket.ts"
import { begin, type Client, type Harness, holds, refused, same, type Scenario } from "./Harness.ts"

const small = { outboxFold: 65_536, outboxMax: 262_144 }
const topic = TopicId.make("room:conformance")
const reply = (size: number): Frame => ({ text: `"${"x".repeat(size)}"`, lane: { _tag: "Reply" } })
const delta = (seq: number): Frame => ({
  text: `{"seq":${seq},"pad":"${"x".repeat(10_000)}"}`,
  lane: { _tag: "Durable", topic, seq }
})
const cursor = (value: number): Frame => ({
  text: `{"value":${value}}`,
  lane: { _tag: "Ephemeral", topic, key: "cursor" }
})

/** The numbers that a client hears under a name, up to one of them. */
const numbers = Effect.fnUntraced(function*(client: Client, name: string, last: number) {
  const found: Array<number> = []
  while (found.at(-1) !== last) {
    const number = new RegExp(`"${name}":(\\d+)`).exec(yield* client.next)?.[1]
    if (number !== undefined) found.push(Number(number))
  }
  return found
})

const seqOf = (folded: Folded) => {
  const lane = folded.get(topic)?.lane
  return lane?._tag === "Durable" ? lane.seq : undefined
}

export const bounds = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> => [
  {
    title: "[SEC12] the largest text is heard, one byte more ends its connection with 1009, and no other",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const [other] = yield* it.join()
      const largest = "\u00e9".repeat(32_768)
      client.send(largest)
      yield* same("what was heard", (yield* it.heard).text.length, largest.length)
      client.send(`${largest}x`)
      yield* same("how it ended", (yield* client.closed).code, closeCode.tooLarge)
      yield* same("who ended", (yield* it.ended).who.id, connection.id)
      other.send("still here")
      yield* same("what the other says", (yield* it.heard).text, "still here")
    })
  },
  ...(["binary", "garbage"] as const).map((kind): Scenario<R> => ({
    title: `[SEC21] ${kind} ends its connection, and no other`,
    skills: [kind],
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const [other] = yield* it.join()
      client[kind]?.()
      yield* same("who ended", (yield* it.ended).who.id, connection.id)
      other.send("still here")
      yield* same("what the other says", (yield* it.heard).text, "still here")
      yield* same("further events", yield* it.untaken, { opened: 0, ended: 0 })
    })
  })),
  {
    title: "[SOC2, SOC3] a ping measures the round trip and fails when the peer goes; undeclared, it fails",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      if (!it.socket.capabilities.has("ping")) return yield* refused("ping", connection.ping, "Unsupported")
      const trip = yield* connection.ping
      yield* holds(`a round trip, not ${trip}`, trip >= 0)
      const two = yield* Effect.all([connection.ping, connection.ping], { concurrency: 2 })
      yield* same("pings at once", two.length, 2)
      client.close(4000)
      yield* it.ended
      yield* refused("ping of a peer that went", connection.ping, "ConnectionUnknown")
    })
  },
  {
    title: "[SOC2] a ping that waits fails when its peer goes",
    skills: ["mute"],
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join({ mute: true })
      if (!it.socket.capabilities.has("ping")) return
      const waiting = yield* Effect.forkChild(connection.ping, { startImmediately: true })
      client.close(4000)
      yield* refused("ping", Fiber.join(waiting), "ConnectionUnknown")
    })
  },
  {
    title: "[CON3] who stays silent is closed with 4012",
    skills: ["mute"],
    limits: { pingInterval: 100, pongTimeout: 100 },
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [, connection] = yield* it.join({ mute: true })
      const { code, who } = yield* it.ended
      yield* same("who ended", who.id, connection.id)
      yield* same("the code", code, closeCode.noPong)
    })
  },
  {
    title: "[CON3] who answers pings stays",
    limits: { pingInterval: 50, pongTimeout: 2_000 },
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      // Four heartbeats later it is still there.
      const patient = Effect.sleep(50).pipe(Effect.repeat({ times: 4 }))
      yield* patient
      client.send("still here")
      yield* same("who speaks", (yield* it.heard).from.id, connection.id)
      yield* same("further events", yield* it.untaken, { opened: 0, ended: 0 })
    })
  },
  {
    title: "[SOC2, SOC3] a paused peer is not heard until it is resumed; undeclared, pausing fails",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const [other] = yield* it.join()
      if (!it.socket.capabilities.has("pause")) {
        yield* refused("pause", connection.pause, "Unsupported")
        return yield* refused("resume", connection.resume, "Unsupported")
      }
      yield* connection.pause
      client.send("held back")
      for (let n = 0; n < 20; n++) {
        other.send(`${n}`)
        yield* same("who is heard meanwhile", (yield* it.heard).text, `${n}`)
      }
      yield* connection.resume
      yield* same("what is heard in the end", (yield* it.heard).text, "held back")
    })
  },
  {
    title: "[CON8] what waits beyond the fold is held back, said, and caught up with; the latest signal arrives",
    capability: "backpressure",
    limits: small,
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      for (let seq = 1; seq <= 40; seq++) connection.deliver(delta(seq))
      for (let value = 1; value <= 20; value++) connection.deliver(cursor(value))
      yield* holds("no more to wait than the fold and a frame", connection.bufferedAmount() < small.outboxFold + 11_000)
      const { folded } = yield* it.drained
      const held = seqOf(folded) ?? 0
      connection.deliver(delta(41))
      connection.unfold(topic)
      connection.deliver(delta(42))
      connection.deliver(cursor(21))
      const seqs = yield* numbers(client, "seq", 42)
      yield* same("the deltas before the fold", seqs.slice(0, -1), Array.from({ length: held - 1 }, (_, i) => i + 1))
      yield* same("the last signal", (yield* numbers(client, "value", 21)).at(-1), 21)
    })
  },
  {
    title: "[CON8] listeners hear that there is room again when nothing was held back",
    capability: "backpressure",
    limits: small,
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const large = reply(2 * small.outboxFold)
      connection.deliver(large)
      const { folded, who } = yield* it.drained
      yield* same("who has room", who.id, connection.id)
      yield* same("what was held back", folded.size, 0)
      yield* same("what the client heard", (yield* client.next).length, large.text.length)
      yield* holds("less to wait than the fold", connection.bufferedAmount() <= small.outboxFold)
    })
  },
  {
    title: "[CON8, SEC27] beyond the bound the connection is given up, resumably",
    capability: "backpressure",
    limits: small,
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      for (let n = 0; n < 40; n++) connection.deliver(reply(10_000))
      yield* same("the code that listeners hear", (yield* it.ended).code, closeCode.slowConsumer)
      yield* same("how it ended", (yield* client.closed).code, closeCode.slowConsumer)
    })
  },
  {
    title: "[CON8, SEC27] who stops reading is given up, whatever the network takes on the way",
    capability: "backpressure",
    skills: ["stall"],
    limits: small,
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const [other] = yield* it.join()
      client.stall?.()
      const frame = reply(60_000)
      for (let n = 0; n < 1_000 && (yield* it.untaken).ended === 0; n++) {
        connection.deliver(frame)
        yield* Effect.sleep(1)
      }
      const { code, who } = yield* it.ended
      yield* same("who ended", who.id, connection.id)
      yield* same("the code", code, closeCode.slowConsumer)
      other.send("still here")
      yield* same("what the other says", (yield* it.heard).text, "still here")
    })
  }
]
