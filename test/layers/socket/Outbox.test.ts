import { assert, describe, it } from "@effect/vitest"
import { TopicId } from "../../../src/domain/Ids.ts"
import * as Outbox from "../../../src/layers/socket/Outbox.ts"
import type { Frame } from "../../../src/services/Topics.ts"

const topic = TopicId.make("thread:tea")
const limits = { outboxFold: 100, outboxMax: 1_000 }
const delta = (seq: number): Frame => ({ text: `delta ${seq}`, lane: { _tag: "Durable", topic, seq } })
const text: Frame = { text: "a piece", lane: { _tag: "Stream", topic } }

describe("Outbox", () => {
  it("[CON8] running text that is held back during a catch-up does not let events through before it", () => {
    const box = Outbox.make()
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
})
