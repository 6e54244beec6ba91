/** What goes out and what comes in: order, selection, sizes, handlers, faults (SOC1, SYN9, CON4). */
import { Effect, Queue, Scope } from "effect"
import { TopicId } from "../domain/protocol/Ids.ts"
import * as OutboundFrame from "../services/OutboundFrame.ts"
import { expectEqual, type Harness, type Scenario, startEngine } from "./Harness.ts"

const messages = Array.from({ length: 300 }, (_, n) => `{"n":${n}}`)
const topic = TopicId.make("room:conformance")

export const messagingChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> => [
  {
    title: "[CON2, SYN9] texts keep their order, in both directions and over several turns",
    run: Effect.gen(function*() {
      const engine = yield* startEngine(harness)
      const [client, connection] = yield* engine.connect()
      for (const text of messages.slice(0, 200)) yield* engine.socket.send(connection.id, text)
      yield* Effect.yieldNow
      for (const text of messages.slice(200)) connection.deliver({ text, lane: { _tag: "Reply" } })
      yield* expectEqual(
        "what the client heard",
        yield* Effect.replicateEffect(client.nextMessage, messages.length),
        messages
      )
      for (const text of messages) client.send(text)
      const received = yield* Effect.replicateEffect(engine.nextMessage, messages.length)
      yield* expectEqual("what the engine heard", received.map(({ text }) => text), messages)
    })
  },
  {
    title: "[SYN9] what joins a frame before it leaves is heard by all who hear it, in order",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [a, first] = yield* it.connect()
      const [b, second] = yield* it.connect()
      const run = OutboundFrame.makeBatch()
      const deliverSignal = (text: string) => {
        const frame: OutboundFrame.OutboundFrame = { text, lane: { _tag: "Ephemeral", topic, key: text } }
        if (OutboundFrame.tryAppend(run, frame)) return
        if (first.supportsBatching === true && second.supportsBatching === true) OutboundFrame.openBatch(run, frame)
        first.deliver(frame)
        second.deliver(frame)
      }
      deliverSignal("1")
      deliverSignal("2")
      second.deliver({ text: "of its own", lane: { _tag: "Reply" } })
      deliverSignal("3")
      deliverSignal("4")
      yield* expectEqual("what the first heard", yield* Effect.replicateEffect(a.nextMessage, 4), ["1", "2", "3", "4"])
      const both = ["1", "2", "of its own", "3", "4"]
      yield* expectEqual("what the second heard", yield* Effect.replicateEffect(b.nextMessage, 5), both)
    })
  },
  {
    title: "[SOC1] a broadcast reaches whom its filter takes, and says how many",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [a, one] = yield* it.connect()
      const [b, two] = yield* it.connect()
      yield* expectEqual("how many", yield* it.socket.broadcast("1", ({ id }) => id === two.id), 1)
      yield* expectEqual("how many of all", yield* it.socket.broadcast("2"), 2)
      yield* expectEqual("how many of none", yield* it.socket.broadcast("3", () => false), 0)
      yield* it.socket.send(one.id, "4")
      yield* two.send("5")
      yield* expectEqual("what the first heard", [yield* a.nextMessage, yield* a.nextMessage], ["2", "4"])
      yield* expectEqual("what the second heard", [yield* b.nextMessage, yield* b.nextMessage, yield* b.nextMessage], [
        "1",
        "2",
        "5"
      ])
    })
  },
  {
    title: "[SOC1] texts arrive as they are: empty, large, of any script",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const texts = ["", `"`, "\u0000\u2028\n\\", "z\u00fcri \u0a95 \u{1f600}", "x".repeat(125), "x".repeat(126)]
      texts.push("x".repeat(65_535), "x".repeat(65_536), "\u20ac".repeat(300_000))
      for (const text of texts) {
        yield* connection.send(text)
        yield* expectEqual("what the client heard", yield* client.nextMessage, text)
      }
      for (const text of texts.slice(0, 7)) {
        client.send(text)
        yield* expectEqual("what the engine heard", (yield* it.nextMessage).text, text)
      }
    })
  },
  {
    title: "[CON6] what was said before a close arrives before it, and the close has its code and reason",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      yield* connection.send("last words")
      yield* connection.close(4408, "why it ends")
      yield* connection.send("too late")
      yield* expectEqual("what the client heard", yield* client.nextMessage, "last words")
      yield* expectEqual("how it ended", yield* client.closed, { code: 4408, reason: "why it ends" })
      yield* expectEqual("the code that listeners hear", (yield* it.nextDisconnection).code, 4408)
    })
  },
  {
    title: "[SOC1] the handler of a type takes its texts; the latest one counts, until its scope closes",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const special = yield* Queue.unbounded<string>()
      const registerHandler = (name: string) =>
        it.socket.registerMessageHandler("special", (_, text) => void Queue.offerUnsafe(special, name + text))
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* registerHandler("first ")
      yield* Scope.provide(registerHandler("second "), scope)
      client.send(`{"type":"special"}`)
      yield* expectEqual("what the special handler took", yield* Queue.take(special), `second {"type":"special"}`)
      client.send(`{"type":"other"}`)
      yield* expectEqual("what the general handler took", (yield* it.nextMessage).text, `{"type":"other"}`)
      client.send("not JSON")
      yield* expectEqual("what it took of nonsense", (yield* it.nextMessage).text, "not JSON")
      yield* it.socket.routeMessage(connection, `{"type":"special","routed":true}`)
      yield* expectEqual("what was routed", yield* Queue.take(special), `second {"type":"special","routed":true}`)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      client.send(`{"type":"special"}`)
      yield* expectEqual("who takes it in the end", (yield* it.nextMessage).text, `{"type":"special"}`)
    })
  },
  {
    title: "[SOC1] what is attached to a connection is there when it is heard and when it ends",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      connection.attachment = "something"
      client.send("1")
      yield* expectEqual("what is attached to who is heard", (yield* it.nextMessage).connection.attachment, "something")
      client.close(1000)
      yield* expectEqual(
        "what is attached to who has ended",
        (yield* it.nextDisconnection).connection.attachment,
        "something"
      )
    })
  },
  {
    title: "[CON4] a handler that throws ends its connection, and no other",
    run: Effect.gen(function*() {
      const it = yield* startEngine(harness)
      const [client, connection] = yield* it.connect()
      const [other] = yield* it.connect()
      const fault = { message: "a defect" }
      yield* it.socket.registerMessageHandler("break", () => {
        throw fault
      })
      client.send(`{"type":"break"}`)
      const failed = yield* it.nextError
      yield* expectEqual("whose fault it was", failed.connection.id, connection.id)
      yield* expectEqual("the fault", failed.fault, fault)
      yield* expectEqual("how it ended", (yield* client.closed).code, 1011)
      yield* expectEqual("who ended", (yield* it.nextDisconnection).connection.id, connection.id)
      other.send("still here")
      yield* expectEqual("what the other says", (yield* it.nextMessage).text, "still here")
    })
  }
]
