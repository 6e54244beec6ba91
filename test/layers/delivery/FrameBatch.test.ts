import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as FrameBatch from "../../../src/layers/delivery/FrameBatch.ts"
import * as SendQueue from "../../../src/layers/delivery/SendQueue.ts"
import { Subscribers } from "../../../src/layers/topics/Subscribers.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"

const limits = { outboxFold: 4_000, outboxMax: 40_000 }

/** A subscriber with a send queue that is flushed per turn, or one without batching, which reads at once. */
class FakeSubscriber {
  readonly id: string
  readonly user = "system:test" as const
  readonly supportsBatching: boolean
  readonly queue = new SendQueue.SendQueue()
  readonly received: Array<string> = []
  readonly expected: Array<string> = []
  unsentBytes = 0

  constructor(id: string, supportsBatching: boolean) {
    this.id = id
    this.supportsBatching = supportsBatching
  }

  deliver(frame: OutboundFrame): void {
    if (this.supportsBatching) SendQueue.push(this.queue, frame, this.unsentBytes, limits)
    else this.received.push(frame.text)
  }

  flush(): void {
    const bytes = this.queue.queuedBytes
    const frames = SendQueue.takeAll(this.queue)
    const encoded = frames.map((frame) => [SendQueue.encodeQueuedFrame(frame), FrameBatch.texts(frame)] as const)
    // Texts are short: each is a header of two bytes and itself.
    for (const [wire, texts] of encoded) assert.lengthOf(wire, texts.reduce((sum, text) => sum + text.length + 2, 0))
    const appendedBytes = frames.at(-1)?.appended?.reduce((sum, text) => sum + text.length + 2, 0) ?? 0
    assert.strictEqual(
      bytes + appendedBytes,
      encoded.reduce((sum, [wire]) => sum + wire.length, 0),
      "queued bytes"
    )
    this.received.push(...encoded.flatMap(([, texts]) => texts))
  }
}

const Action = Schema.TaggedUnion({
  Signal: { topic: Schema.Literals([0, 1]) },
  Event: { topic: Schema.Literals([0, 1]) },
  Join: { subscriber: Schema.Literals([0, 1, 2, 3]), topic: Schema.Literals([0, 1]) },
  Leave: { subscriber: Schema.Literals([0, 1, 2, 3]), topic: Schema.Literals([0, 1]) },
  Reply: { subscriber: Schema.Literals([0, 1, 2, 3]) },
  Flush: {}
})

const script = Arbitrary.array(Arbitrary.schema(Action), { minLength: 10, maxLength: 60 })

describe("FrameBatch", () => {
  it.prop(
    "[SYN9] [SYN3] each subscriber receives every message of its time in the topic once and in order",
    { script },
    ({ script }) => {
      const topics = [0, 1].map((n) => new Subscribers(TopicId.make(`room:t${n}`), 10))
      const joined = topics.map(() => new Set<FakeSubscriber>())
      // The last one has no batching, so that its topics have none.
      const subscribersList = [0, 1, 2, 3].map((n) => new FakeSubscriber(`p${n}`, n < 3))
      script.forEach((action, n) => {
        switch (action._tag) {
          case "Signal":
          case "Event": {
            const { topic } = topics[action.topic]!
            const lane: OutboundFrame["lane"] = action._tag === "Signal"
              ? { _tag: "Ephemeral", topic, key: String(n) }
              : { _tag: "Durable", topic, seq: n }
            topics[action.topic]!.deliver({ text: `${action._tag} ${n}`, lane })
            for (const subscriber of joined[action.topic]!) subscriber.expected.push(`${action._tag} ${n}`)
            return
          }
          case "Join":
            topics[action.topic]!.add(subscribersList[action.subscriber]!)
            return joined[action.topic]!.add(subscribersList[action.subscriber]!)
          case "Leave":
            topics[action.topic]!.remove(`p${action.subscriber}`)
            return joined[action.topic]!.delete(subscribersList[action.subscriber]!)
          case "Reply":
            subscribersList[action.subscriber]!.deliver({ text: `Reply ${n}`, lane: { _tag: "Reply" } })
            return subscribersList[action.subscriber]!.expected.push(`Reply ${n}`)
          case "Flush":
            return subscribersList.forEach((subscriber) => subscriber.flush())
        }
      })
      for (const subscriber of subscribersList) {
        subscriber.flush()
        assert.deepStrictEqual(subscriber.received, subscriber.expected)
      }
    },
    { arbitrary: { runs: 400, size: 60 } }
  )

  it("[SYN9] short messages of one turn share a frame; long messages are frames of their own", () => {
    const subscribers = new Subscribers(TopicId.make("room:t"), 10)
    const subscriber = new FakeSubscriber("p", true)
    subscribers.add(subscriber)
    const sendSignal = (text: string) =>
      subscribers.deliver({ text, lane: { _tag: "Ephemeral", topic: subscribers.topic, key: text } })
    for (let n = 0; n < 100; n++) sendSignal(`short ${n}`)
    assert.lengthOf(subscriber.queue.frames, 1)
    sendSignal("x".repeat(2_000))
    sendSignal("short again")
    assert.lengthOf(SendQueue.takeAll(subscriber.queue), 3)
    // A frame that was sent is closed.
    sendSignal("next turn")
    assert.deepStrictEqual(SendQueue.takeAll(subscriber.queue).map(FrameBatch.texts), [["next turn"]])
  })

  it("[CON8] for a slow subscriber the latest of each key is kept, although others batch", () => {
    const subscribers = new Subscribers(TopicId.make("room:t"), 10)
    const [slow, quick] = [new FakeSubscriber("slow", true), new FakeSubscriber("quick", true)]
    slow.unsentBytes = limits.outboxFold + 1
    subscribers.add(quick)
    subscribers.add(slow)
    const sendSignal = (key: string, text: string) =>
      subscribers.deliver({ text, lane: { _tag: "Ephemeral", topic: subscribers.topic, key } })
    sendSignal("a", "a1")
    sendSignal("b", "b1")
    sendSignal("a", "a2")
    assert.deepStrictEqual([...slow.queue.latestByKey?.values() ?? []].flatMap(FrameBatch.texts), ["a2", "b1"])
    assert.deepStrictEqual(SendQueue.takeAll(quick.queue).flatMap(FrameBatch.texts), ["a1", "b1", "a2"])
  })
})
