import { assert, describe, it } from "@effect/vitest"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as FrameBatch from "../../../src/layers/delivery/FrameBatch.ts"
import * as SendQueue from "../../../src/layers/delivery/SendQueue.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"

const topic = TopicId.make("thread:tea")
const limits = { outboxFold: 100, outboxMax: 1_000 }
const deltaFrame = (seq: number): OutboundFrame => ({ text: `delta ${seq}`, lane: { _tag: "Durable", topic, seq } })
const replyFrame = (size: number): OutboundFrame => ({ text: "x".repeat(size), lane: { _tag: "Reply" } })
const streamFrame: OutboundFrame = { text: "a piece", lane: { _tag: "Stream", topic } }

describe("SendQueue", () => {
  it("[CON8] a stream frame withheld during a catch-up does not let events overtake it", () => {
    const queue = new SendQueue.SendQueue()
    const slow = limits.outboxFold + 1
    SendQueue.push(queue, deltaFrame(1), slow, limits)
    assert.deepStrictEqual([...SendQueue.requeueWithheld(queue, 0, limits)?.keys() ?? []], [topic])
    // The catch-up is being made when the socket is slow again.
    SendQueue.push(queue, streamFrame, slow, limits)
    assert.deepStrictEqual([...SendQueue.requeueWithheld(queue, 0, limits)?.keys() ?? []], [])
    SendQueue.push(queue, deltaFrame(2), 0, limits)
    assert.deepStrictEqual(SendQueue.takeAll(queue), [])
    SendQueue.uncoalesce(queue, topic)
    SendQueue.push(queue, deltaFrame(3), 0, limits)
    assert.deepStrictEqual(SendQueue.takeAll(queue).map((frame) => frame.text), ["delta 3"])
  })

  it("[CON8] a snapshot above the limit is sent, and so are the replies behind it", () => {
    const queue = new SendQueue.SendQueue()
    assert.isTrue(SendQueue.push(queue, replyFrame(5_000), 0, limits))
    const unsent = SendQueue.takeAll(queue).reduce((sum, frame) => sum + SendQueue.encodeQueuedFrame(frame).length, 0)
    for (let i = 0; i < 8; i++) assert.isTrue(SendQueue.push(queue, replyFrame(100), unsent, limits))
    assert.isTrue(SendQueue.push(queue, deltaFrame(7), unsent, limits))
    assert.deepStrictEqual([...queue.coalescedTopics?.keys() ?? []], [topic])
  })

  it("[CON8] behind a large snapshot no more than the limit may be pending, and one more snapshot", () => {
    const queue = new SendQueue.SendQueue()
    SendQueue.push(queue, replyFrame(5_000), 0, limits)
    let taken = 0
    while (taken < 100 && SendQueue.push(queue, replyFrame(100), 0, limits)) taken += 1
    assert.isAtMost(taken * 100, limits.outboxMax + 100)
    const copies = new SendQueue.SendQueue()
    assert.deepStrictEqual([1, 2, 3].map(() => SendQueue.push(copies, replyFrame(5_000), 0, limits)), [
      true,
      true,
      false
    ])
  })

  it("[CON8] once the snapshot has been sent, its bytes are no longer excluded", () => {
    const queue = new SendQueue.SendQueue()
    SendQueue.push(queue, replyFrame(5_000), 0, limits)
    SendQueue.takeAll(queue)
    SendQueue.requeueWithheld(queue, 0, limits)
    assert.isTrue(SendQueue.push(queue, replyFrame(10), limits.outboxMax, limits))
    assert.isFalse(SendQueue.push(queue, replyFrame(10), limits.outboxMax + 1, limits))
  })

  it("[CON8] a withheld frame never overtakes a later one of its key", () => {
    const queue = new SendQueue.SendQueue()
    const signal = (key: string, value: string): OutboundFrame => ({
      text: value,
      lane: { _tag: "Ephemeral", topic, key }
    })
    SendQueue.push(queue, signal("cursor", "old"), limits.outboxFold + 1, limits)
    // Drained in part, but still above the threshold for delivering withheld frames.
    SendQueue.push(queue, signal("cursor", "new"), limits.outboxFold - 20, limits)
    const open = signal("typing", "yes")
    const batch = FrameBatch.make()
    FrameBatch.open(batch, open)
    SendQueue.push(queue, open, limits.outboxFold - 20, limits)
    assert.isFalse(FrameBatch.tryAppend(batch, signal("cursor", "newest")), "it would pass by what is kept")
    assert.deepStrictEqual(SendQueue.takeAll(queue).flatMap(FrameBatch.texts), ["yes"])
    SendQueue.requeueWithheld(queue, 0, limits)
    assert.deepStrictEqual(SendQueue.takeAll(queue).flatMap(FrameBatch.texts), ["new"])
  })

  it("[CON8] appended messages are counted once, whatever is withheld behind them", () => {
    const queue = new SendQueue.SendQueue()
    const signal = (key: string, text: string): OutboundFrame => ({ text, lane: { _tag: "Ephemeral", topic, key } })
    const first = signal("a", "a")
    const batch = FrameBatch.make()
    FrameBatch.open(batch, first)
    SendQueue.push(queue, first, 0, limits)
    assert.isTrue(FrameBatch.tryAppend(batch, signal("b", "b".repeat(limits.outboxFold))))
    for (let seq = 1; seq < 100; seq++) assert.isTrue(SendQueue.push(queue, deltaFrame(seq), 0, limits))
    assert.strictEqual(queue.queuedBytes, 3 + 2 + limits.outboxFold)
  })
})
