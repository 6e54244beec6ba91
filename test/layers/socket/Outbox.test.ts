import { assert, describe, it } from "@effect/vitest"
import { TopicId } from "../../../src/domain/Ids.ts"
import * as Outbox from "../../../src/layers/socket/Outbox.ts"
import * as Frames from "../../../src/services/Frame.ts"

type Frame = Frames.Frame

const topic = TopicId.make("thread:tea")
const limits = { outboxFold: 100, outboxMax: 1_000 }
const delta = (seq: number): Frame => ({ text: `delta ${seq}`, lane: { _tag: "Durable", topic, seq } })
const reply = (size: number): Frame => ({ text: "x".repeat(size), lane: { _tag: "Reply" } })
const text: Frame = { text: "a piece", lane: { _tag: "Stream", topic } }

describe("Outbox", () => {
  it("[CON8] running text that is held back during a catch-up does not let events through before it", () => {
    const box = new Outbox.Outbox()
    const slow = limits.outboxFold + 1
    Outbox.push(box, delta(1), slow, limits)
    assert.deepStrictEqual([...Outbox.recover(box, 0, limits)?.keys() ?? []], [topic])
    // The catch-up is being made when the socket is slow again.
    Outbox.push(box, text, slow, limits)
    assert.deepStrictEqual([...Outbox.recover(box, 0, limits)?.keys() ?? []], [])
    Outbox.push(box, delta(2), 0, limits)
    assert.deepStrictEqual(Outbox.takeAll(box), [])
    Outbox.unfold(box, topic)
    Outbox.push(box, delta(3), 0, limits)
    assert.deepStrictEqual(Outbox.takeAll(box).map((frame) => frame.text), ["delta 3"])
  })

  it("[CON8] a copy larger than all that may wait gets through, and so do the answers behind it", () => {
    const box = new Outbox.Outbox()
    assert.isTrue(Outbox.push(box, reply(5_000), 0, limits))
    const unsent = Outbox.takeAll(box).reduce((sum, frame) => sum + Outbox.wire(frame).length, 0)
    for (let i = 0; i < 8; i++) assert.isTrue(Outbox.push(box, reply(100), unsent, limits))
    assert.isTrue(Outbox.push(box, delta(7), unsent, limits))
    assert.deepStrictEqual([...box.folded?.keys() ?? []], [topic])
  })

  it("[CON8] behind a large copy no more may wait than otherwise, and only one more copy", () => {
    const box = new Outbox.Outbox()
    Outbox.push(box, reply(5_000), 0, limits)
    let taken = 0
    while (taken < 100 && Outbox.push(box, reply(100), 0, limits)) taken += 1
    assert.isAtMost(taken * 100, limits.outboxMax + 100)
    const copies = new Outbox.Outbox()
    assert.deepStrictEqual([1, 2, 3].map(() => Outbox.push(copies, reply(5_000), 0, limits)), [true, true, false])
  })

  it("[CON8] once the copy has left, the limit is the old one", () => {
    const box = new Outbox.Outbox()
    Outbox.push(box, reply(5_000), 0, limits)
    Outbox.takeAll(box)
    Outbox.recover(box, 0, limits)
    assert.isTrue(Outbox.push(box, reply(10), limits.outboxMax, limits))
    assert.isFalse(Outbox.push(box, reply(10), limits.outboxMax + 1, limits))
  })

  it("[CON8] what came later under a key is never overtaken by what was kept back", () => {
    const box = new Outbox.Outbox()
    const signal = (key: string, value: string): Frame => ({ text: value, lane: { _tag: "Ephemeral", topic, key } })
    Outbox.push(box, signal("cursor", "old"), limits.outboxFold + 1, limits)
    // Some room, and not yet enough to let go what was kept.
    Outbox.push(box, signal("cursor", "new"), limits.outboxFold - 20, limits)
    const open = signal("typing", "yes")
    const run = Frames.run()
    Frames.begin(run, open)
    Outbox.push(box, open, limits.outboxFold - 20, limits)
    assert.isFalse(Frames.join(run, signal("cursor", "newest")), "it would pass by what is kept")
    assert.deepStrictEqual(Outbox.takeAll(box).flatMap(Frames.texts), ["yes"])
    Outbox.recover(box, 0, limits)
    assert.deepStrictEqual(Outbox.takeAll(box).flatMap(Frames.texts), ["new"])
  })

  it("[CON8] what has joined a frame is counted once, whatever is held back behind it", () => {
    const box = new Outbox.Outbox()
    const signal = (key: string, text: string): Frame => ({ text, lane: { _tag: "Ephemeral", topic, key } })
    const first = signal("a", "a")
    const run = Frames.run()
    Frames.begin(run, first)
    Outbox.push(box, first, 0, limits)
    assert.isTrue(Frames.join(run, signal("b", "b".repeat(limits.outboxFold))))
    for (let seq = 1; seq < 100; seq++) assert.isTrue(Outbox.push(box, delta(seq), 0, limits))
    assert.strictEqual(box.bytes, 3 + 2 + limits.outboxFold)
  })
})
