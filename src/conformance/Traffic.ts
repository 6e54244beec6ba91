/** What goes out and what comes in: order, selection, sizes, handlers, faults (SOC1, SYN9, CON4). */
import { Effect, Queue, Scope } from "effect"
import { TopicId } from "../domain/Ids.ts"
import * as Frame from "../services/Frame.ts"
import { begin, type Harness, same, type Scenario } from "./Harness.ts"

const many = Array.from({ length: 300 }, (_, n) => `{"n":${n}}`)
const topic = TopicId.make("room:conformance")

export const traffic = <R, E>(harness: Harness<R, E>): ReadonlyArray<Scenario<R>> => [
  {
    title: "[CON2, SYN9] texts keep their order, in both directions and over several turns",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      for (const text of many.slice(0, 200)) yield* it.socket.send(connection.id, text)
      yield* Effect.yieldNow
      for (const text of many.slice(200)) connection.deliver({ text, lane: { _tag: "Reply" } })
      yield* same("what the client heard", yield* Effect.replicateEffect(client.next, many.length), many)
      for (const text of many) client.send(text)
      const heard = yield* Effect.replicateEffect(it.heard, many.length)
      yield* same("what the engine heard", heard.map(({ text }) => text), many)
    })
  },
  {
    title: "[SYN9] what joins a frame before it leaves is heard by all who hear it, in order",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [a, one] = yield* it.join()
      const [b, two] = yield* it.join()
      const run = Frame.run()
      const say = (text: string) => {
        const frame: Frame.Frame = { text, lane: { _tag: "Ephemeral", topic, key: text } }
        if (Frame.join(run, frame)) return
        if (one.gathers === true && two.gathers === true) Frame.begin(run, frame)
        one.deliver(frame)
        two.deliver(frame)
      }
      say("1")
      say("2")
      two.deliver({ text: "of its own", lane: { _tag: "Reply" } })
      say("3")
      say("4")
      yield* same("what the first heard", yield* Effect.replicateEffect(a.next, 4), ["1", "2", "3", "4"])
      const both = ["1", "2", "of its own", "3", "4"]
      yield* same("what the second heard", yield* Effect.replicateEffect(b.next, 5), both)
    })
  },
  {
    title: "[SOC1] a broadcast reaches whom its filter takes, and says how many",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [a, one] = yield* it.join()
      const [b, two] = yield* it.join()
      yield* same("how many", yield* it.socket.broadcast("1", ({ id }) => id === two.id), 1)
      yield* same("how many of all", yield* it.socket.broadcast("2"), 2)
      yield* same("how many of none", yield* it.socket.broadcast("3", () => false), 0)
      yield* it.socket.send(one.id, "4")
      yield* two.send("5")
      yield* same("what the first heard", [yield* a.next, yield* a.next], ["2", "4"])
      yield* same("what the second heard", [yield* b.next, yield* b.next, yield* b.next], ["1", "2", "5"])
    })
  },
  {
    title: "[SOC1] texts arrive as they are: empty, large, of any script",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const texts = ["", `"`, "\u0000\u2028\n\\", "z\u00fcri \u0a95 \u{1f600}", "x".repeat(125), "x".repeat(126)]
      texts.push("x".repeat(65_535), "x".repeat(65_536), "\u20ac".repeat(300_000))
      for (const text of texts) {
        yield* connection.send(text)
        yield* same("what the client heard", yield* client.next, text)
      }
      for (const text of texts.slice(0, 7)) {
        client.send(text)
        yield* same("what the engine heard", (yield* it.heard).text, text)
      }
    })
  },
  {
    title: "[CON6] what was said before a close arrives before it, and the close has its code and reason",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      yield* connection.send("last words")
      yield* connection.close(4408, "why it ends")
      yield* connection.send("too late")
      yield* same("what the client heard", yield* client.next, "last words")
      yield* same("how it ended", yield* client.closed, { code: 4408, reason: "why it ends" })
      yield* same("the code that listeners hear", (yield* it.ended).code, 4408)
    })
  },
  {
    title: "[SOC1] the handler of a type takes its texts; the latest one counts, until its scope closes",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const special = yield* Queue.unbounded<string>()
      const take = (name: string) =>
        it.socket.registerMessageHandler("special", (_, text) => void Queue.offerUnsafe(special, name + text))
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* take("first ")
      yield* Scope.provide(take("second "), scope)
      client.send(`{"type":"special"}`)
      yield* same("what the special handler took", yield* Queue.take(special), `second {"type":"special"}`)
      client.send(`{"type":"other"}`)
      yield* same("what the general handler took", (yield* it.heard).text, `{"type":"other"}`)
      client.send("not JSON")
      yield* same("what it took of nonsense", (yield* it.heard).text, "not JSON")
      yield* it.socket.routeMessage(connection, `{"type":"special","routed":true}`)
      yield* same("what was routed", yield* Queue.take(special), `second {"type":"special","routed":true}`)
      yield* Scope.close(scope, yield* Effect.exit(Effect.void))
      client.send(`{"type":"special"}`)
      yield* same("who takes it in the end", (yield* it.heard).text, `{"type":"special"}`)
    })
  },
  {
    title: "[SOC1] what is attached to a connection is there when it is heard and when it ends",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      connection.attachment = "something"
      client.send("1")
      yield* same("what is attached to who is heard", (yield* it.heard).from.attachment, "something")
      client.close(1000)
      yield* same("what is attached to who has ended", (yield* it.ended).who.attachment, "something")
    })
  },
  {
    title: "[CON4] a handler that throws ends its connection, and no other",
    run: Effect.gen(function*() {
      const it = yield* begin(harness)
      const [client, connection] = yield* it.join()
      const [other] = yield* it.join()
      const fault = { message: "a defect" }
      yield* it.socket.registerMessageHandler("break", () => {
        throw fault
      })
      client.send(`{"type":"break"}`)
      const failed = yield* it.failed
      yield* same("whose fault it was", failed.who.id, connection.id)
      yield* same("the fault", failed.fault, fault)
      yield* same("how it ended", (yield* client.closed).code, 1011)
      yield* same("who ended", (yield* it.ended).who.id, connection.id)
      other.send("still here")
      yield* same("what the other says", (yield* it.heard).text, "still here")
    })
  }
]
