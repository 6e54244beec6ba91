/** Checks of messages in both directions: order, selection, sizes, handlers, faults (SOC1, SYN9, CON4). */
import { Effect, Queue, Scope } from "effect"
import { TopicId } from "../domain/protocol/Ids.ts"
import * as FrameBatch from "../layers/delivery/FrameBatch.ts"
import type { OutboundFrame } from "../services/OutboundFrame.ts"
import { expectConnected, expectEqual, type Harness, type Scenario, startEngine } from "./Harness.ts"

const messages = Array.from({ length: 300 }, (_, n) => `{"n":${n}}`)
const topic = TopicId.make("room:conformance")

const keepsOrder = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON2, SYN9] texts keep their order, in both directions and over several turns",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    for (const text of messages.slice(0, 200)) yield* engine.socket.send(connection.id, text)
    yield* Effect.yieldNow
    for (const text of messages.slice(200)) connection.deliver({ text, lane: { _tag: "Reply" } })
    yield* expectEqual(
      "what the client received",
      yield* Effect.replicateEffect(client.nextMessage, messages.length),
      messages
    )
    for (const text of messages) client.send(text)
    const received = yield* Effect.replicateEffect(engine.nextMessage, messages.length)
    yield* expectEqual("what the engine received", received.map(({ text }) => text), messages)
  })
})

const deliversAppendedMessages = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SYN9] messages appended to a queued frame reach all its receivers, in order",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [a, first] = yield* engine.connect()
    const [b, second] = yield* engine.connect()
    const batch = FrameBatch.make()
    const deliverSignal = (text: string) => {
      const frame: OutboundFrame = { text, lane: { _tag: "Ephemeral", topic, key: text } }
      if (FrameBatch.tryAppend(batch, frame)) return
      if (first.supportsBatching === true && second.supportsBatching === true) FrameBatch.open(batch, frame)
      first.deliver(frame)
      second.deliver(frame)
    }
    deliverSignal("1")
    deliverSignal("2")
    second.deliver({ text: "a reply", lane: { _tag: "Reply" } })
    deliverSignal("3")
    deliverSignal("4")
    yield* expectEqual("what the first client received", yield* Effect.replicateEffect(a.nextMessage, 4), [
      "1",
      "2",
      "3",
      "4"
    ])
    const both = ["1", "2", "a reply", "3", "4"]
    yield* expectEqual("what the second client received", yield* Effect.replicateEffect(b.nextMessage, 5), both)
  })
})

const broadcastsByFilter = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] a broadcast reaches the connections that pass its filter, and counts them",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [a, one] = yield* engine.connect()
    const [b, two] = yield* engine.connect()
    yield* expectEqual("the number of recipients", yield* engine.socket.broadcast("1", ({ id }) => id === two.id), 1)
    yield* expectEqual("the number of all recipients", yield* engine.socket.broadcast("2"), 2)
    yield* expectEqual("the number of recipients without any", yield* engine.socket.broadcast("3", () => false), 0)
    yield* engine.socket.send(one.id, "4")
    yield* two.send("5")
    yield* expectEqual("what the first client received", [yield* a.nextMessage, yield* a.nextMessage], ["2", "4"])
    yield* expectEqual("what the second client received", [
      yield* b.nextMessage,
      yield* b.nextMessage,
      yield* b.nextMessage
    ], [
      "1",
      "2",
      "5"
    ])
  })
})

const preservesTexts = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] texts arrive unchanged: empty, large, in any script",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const texts = ["", `"`, "\u0000\u2028\n\\", "z\u00fcri \u0a95 \u{1f600}", "x".repeat(125), "x".repeat(126)]
    texts.push("x".repeat(65_535), "x".repeat(65_536), "\u20ac".repeat(300_000))
    for (const text of texts) {
      yield* connection.send(text)
      yield* expectEqual("what the client received", yield* client.nextMessage, text)
    }
    for (const text of texts.slice(0, 7)) {
      client.send(text)
      yield* expectEqual("what the engine received", (yield* engine.nextMessage).text, text)
    }
  })
})

const sendsBeforeClosing = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON6] texts sent before a close arrive before it, and the close has its code and reason",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    yield* connection.send("the last message")
    yield* connection.close(4408, "the reason")
    yield* connection.send("after the close")
    yield* expectEqual("what the client received", yield* client.nextMessage, "the last message")
    yield* expectEqual("the close", yield* client.closed, { code: 4408, reason: "the reason" })
    yield* expectEqual("the code that listeners get", (yield* engine.nextDisconnection).code, 4408)
  })
})

const routesByType = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] the handler of a type receives its texts; the latest registration wins until its scope closes",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const special = yield* Queue.unbounded<string>()
    const registerHandler = (name: string) =>
      engine.socket.registerMessageHandler("special", (_, text) => void Queue.offerUnsafe(special, name + text))
    const scope = yield* Scope.fork(yield* Effect.scope)
    yield* registerHandler("first ")
    yield* Scope.provide(registerHandler("second "), scope)
    client.send(`{"type":"special"}`)
    yield* expectEqual("what the special handler received", yield* Queue.take(special), `second {"type":"special"}`)
    client.send(`{"type":"other"}`)
    yield* expectEqual("what the general handler received", (yield* engine.nextMessage).text, `{"type":"other"}`)
    client.send("not JSON")
    yield* expectEqual("what it received of a text that is no JSON", (yield* engine.nextMessage).text, "not JSON")
    yield* engine.socket.routeMessage(connection, `{"type":"special","routed":true}`)
    yield* expectEqual("the routed text", yield* Queue.take(special), `second {"type":"special","routed":true}`)
    yield* Scope.close(scope, yield* Effect.exit(Effect.void))
    client.send(`{"type":"special"}`)
    yield* expectEqual(
      "what the general handler received after the scope closed",
      (yield* engine.nextMessage).text,
      `{"type":"special"}`
    )
  })
})

const keepsAttachments = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[SOC1] the attachment of a connection is kept until its end",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    connection.attachment = "something"
    client.send("1")
    yield* expectEqual("the attachment on a message", (yield* engine.nextMessage).connection.attachment, "something")
    client.close(1000)
    yield* expectEqual(
      "the attachment at the end",
      (yield* engine.nextDisconnection).connection.attachment,
      "something"
    )
  })
})

const isolatesThrowingHandlers = <R, E>(harness: Harness<R, E>): Scenario<R> => ({
  title: "[CON4] a handler that throws ends its connection, and no other",
  run: Effect.gen(function*() {
    const engine = yield* startEngine(harness)
    const [client, connection] = yield* engine.connect()
    const other = yield* engine.connect()
    const fault = { message: "a defect" }
    yield* engine.socket.registerMessageHandler("break", () => {
      throw fault
    })
    client.send(`{"type":"break"}`)
    const failed = yield* engine.nextError
    yield* expectEqual("the connection with the fault", failed.connection.id, connection.id)
    yield* expectEqual("the fault", failed.fault, fault)
    yield* expectEqual("the close", (yield* client.closed).code, 1011)
    yield* expectEqual("the connection that ended", (yield* engine.nextDisconnection).connection.id, connection.id)
    yield* expectConnected(engine, other)
  })
})

/** The checks of messages. */
export const messagingChecks = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> =>
  [
    keepsOrder,
    deliversAppendedMessages,
    broadcastsByFilter,
    preservesTexts,
    sendsBeforeClosing,
    routesByType,
    keepsAttachments,
    isolatesThrowingHandlers
  ].map((makeScenario) => makeScenario(harness))
