import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as FrameBatch from "../../../src/layers/delivery/FrameBatch.ts"
import * as SendQueue from "../../../src/layers/delivery/SendQueue.ts"
import { Subscribers } from "../../../src/layers/topics/Subscribers.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"

const limits = { outboxFold: 4_000, outboxMax: 40_000 }

/** A socket's line, which is sent at the end of a turn, or somebody who reads at once. */
class FakeSubscriber {
  readonly id: string
  readonly user = "system:test" as const
  readonly supportsBatching: boolean
  readonly queue = new SendQueue.SendQueue()
  readonly received: Array<string> = []
  readonly expected: Array<string> = []
  unsentBytes = 0

  constructor(id: string, gathers: boolean) {
    this.id = id
    this.supportsBatching = gathers
  }

  deliver(frame: OutboundFrame): void {
    if (this.supportsBatching) SendQueue.push(this.queue, frame, this.unsentBytes, limits)
    else this.received.push(frame.text)
  }

  flush(): void {
    const bytes = this.queue.queuedBytes
    const frames = SendQueue.takeAll(this.queue)
    const encoded = frames.map((frame) => [SendQueue.encodeFrame(frame), FrameBatch.texts(frame)] as const)
    // Texts are short: each is a header of two bytes and itself.
    for (const [wire, texts] of encoded) assert.lengthOf(wire, texts.reduce((sum, text) => sum + text.length + 2, 0))
    const appendedBytes = frames.at(-1)?.appended?.reduce((sum, text) => sum + text.length + 2, 0) ?? 0
    assert.strictEqual(
      bytes + appendedBytes,
      encoded.reduce((sum, [wire]) => sum + wire.length, 0),
      "bytes of what waits"
    )
    this.received.push(...encoded.flatMap(([, texts]) => texts))
  }
}

const Action = Schema.TaggedUnion({
  Signal: { topic: Schema.Literals([0, 1]) },
  Event: { topic: Schema.Literals([0, 1]) },
  Enter: { who: Schema.Literals([0, 1, 2, 3]), topic: Schema.Literals([0, 1]) },
  Leave: { who: Schema.Literals([0, 1, 2, 3]), topic: Schema.Literals([0, 1]) },
  Reply: { who: Schema.Literals([0, 1, 2, 3]) },
  Flush: {}
})

const script = Arbitrary.array(Arbitrary.schema(Action), { minLength: 10, maxLength: 60 })

describe("frames that several messages share", () => {
  it.prop(
    "[SYN9] [SYN3] everybody hears all that was said while they were there, once and in the order it was said",
    { script },
    ({ script }) => {
      const topics = [0, 1].map((n) => new Subscribers(TopicId.make(`room:t${n}`), 10))
      const inside = topics.map(() => new Set<FakeSubscriber>())
      // The last one reads at once, so that nothing is gathered where it is.
      const people = [0, 1, 2, 3].map((n) => new FakeSubscriber(`p${n}`, n < 3))
      script.forEach((action, n) => {
        switch (action._tag) {
          case "Signal":
          case "Event": {
            const { topic } = topics[action.topic]!
            const lane: OutboundFrame["lane"] = action._tag === "Signal"
              ? { _tag: "Ephemeral", topic, key: String(n) }
              : { _tag: "Durable", topic, seq: n }
            topics[action.topic]!.deliver({ text: `${action._tag} ${n}`, lane })
            for (const listener of inside[action.topic]!) listener.expected.push(`${action._tag} ${n}`)
            return
          }
          case "Enter":
            topics[action.topic]!.add(people[action.who]!)
            return inside[action.topic]!.add(people[action.who]!)
          case "Leave":
            topics[action.topic]!.remove(`p${action.who}`)
            return inside[action.topic]!.delete(people[action.who]!)
          case "Reply":
            people[action.who]!.deliver({ text: `Reply ${n}`, lane: { _tag: "Reply" } })
            return people[action.who]!.expected.push(`Reply ${n}`)
          case "Flush":
            return people.forEach((listener) => listener.flush())
        }
      })
      for (const listener of people) {
        listener.flush()
        assert.deepStrictEqual(listener.received, listener.expected)
      }
    },
    { arbitrary: { runs: 400, size: 60 } }
  )

  it("[SYN9] what is said in one turn to a room of one is one frame; long messages stand alone", () => {
    const subscribers = new Subscribers(TopicId.make("room:t"), 10)
    const listener = new FakeSubscriber("p", true)
    subscribers.add(listener)
    const say = (text: string) =>
      subscribers.deliver({ text, lane: { _tag: "Ephemeral", topic: subscribers.topic, key: text } })
    for (let n = 0; n < 100; n++) say(`short ${n}`)
    assert.lengthOf(listener.queue.frames, 1)
    say("x".repeat(2_000))
    say("short again")
    assert.lengthOf(SendQueue.takeAll(listener.queue), 3)
    // What has left is joined by nothing.
    say("next turn")
    assert.deepStrictEqual(SendQueue.takeAll(listener.queue).map(FrameBatch.texts), [["next turn"]])
  })

  it("[CON8] a slow socket keeps the latest of each key, although others gather", () => {
    const subscribers = new Subscribers(TopicId.make("room:t"), 10)
    const [slow, quick] = [new FakeSubscriber("slow", true), new FakeSubscriber("quick", true)]
    slow.unsentBytes = limits.outboxFold + 1
    subscribers.add(quick)
    subscribers.add(slow)
    const say = (key: string, text: string) =>
      subscribers.deliver({ text, lane: { _tag: "Ephemeral", topic: subscribers.topic, key } })
    say("a", "a1")
    say("b", "b1")
    say("a", "a2")
    assert.deepStrictEqual([...slow.queue.latestByKey?.values() ?? []].flatMap(FrameBatch.texts), ["a2", "b1"])
    assert.deepStrictEqual(SendQueue.takeAll(quick.queue).flatMap(FrameBatch.texts), ["a1", "b1", "a2"])
  })
})
