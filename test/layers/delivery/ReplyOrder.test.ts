import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as ReplyOrder from "../../../src/layers/delivery/ReplyOrder.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"

const topic = TopicId.make("thread:a")
const reply = (text: string): OutboundFrame => ({ text, lane: { _tag: "Reply" } })
const delta = (text: string, of = topic): OutboundFrame => ({ text, lane: { _tag: "Durable", topic: of, seq: 1 } })

const order = Arbitrary.array(Arbitrary.schema(Schema.Natural), { minLength: 1, maxLength: 20 })

describe("ReplyOrder", () => {
  it.prop(
    "[CON2] replies leave in the order of their requests, whichever is ready first",
    { order },
    ({ order }) => {
      const sent: Array<string> = []
      const to = { deliver: (frame: OutboundFrame) => void sent.push(frame.text) }
      const replies = ReplyOrder.make()
      const slots = order.map(() => ReplyOrder.openSlot(replies))
      const left = slots.map((slot, i) => ({ slot, i }))
      for (const pick of order) {
        const [{ i, slot }] = left.splice(pick % left.length, 1) as [typeof left[number]]
        ReplyOrder.reply(replies, slot, reply(String(i)), to)
        ReplyOrder.complete(replies, slot, to)
      }
      assert.deepStrictEqual(sent, slots.map((_, i) => String(i)))
      assert.isUndefined(replies.firstReplySlot)
    }
  )

  it("[CON2] [SYN2] a delta is held behind the snapshot that it builds on; other topics pass", () => {
    const sent: Array<string> = []
    const to = { deliver: (frame: OutboundFrame) => void sent.push(frame.text) }
    const replies = ReplyOrder.make()
    const [slow, subscribe] = [ReplyOrder.openSlot(replies), ReplyOrder.openSlot(replies)]
    ReplyOrder.reply(replies, subscribe, reply("subscribed"), to)
    ReplyOrder.holdBack(replies, subscribe, topic)
    ReplyOrder.deliverOrHold(replies, delta("delta"), to)
    ReplyOrder.deliverOrHold(replies, delta("other", TopicId.make("thread:b")), to)
    ReplyOrder.complete(replies, subscribe, to)
    assert.deepStrictEqual(sent, ["other"])
    assert.strictEqual(replies.heldLength, "delta".length)
    ReplyOrder.reply(replies, slow, reply("receipt"), to)
    ReplyOrder.complete(replies, slow, to)
    ReplyOrder.deliverOrHold(replies, delta("later"), to)
    assert.deepStrictEqual(sent, ["other", "receipt", "subscribed", "delta", "later"])
    assert.strictEqual(replies.heldLength, 0)
  })
})
