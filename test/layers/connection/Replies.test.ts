import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { TopicId } from "../../../src/domain/Ids.ts"
import * as Replies from "../../../src/layers/connection/Replies.ts"
import type { Frame } from "../../../src/services/Frame.ts"

const topic = TopicId.make("thread:a")
const reply = (text: string): Frame => ({ text, lane: { _tag: "Reply" } })
const delta = (text: string, of = topic): Frame => ({ text, lane: { _tag: "Durable", topic: of, seq: 1 } })

const order = Arbitrary.array(Arbitrary.schema(Schema.Natural), { minLength: 1, maxLength: 20 })

describe("Replies", () => {
  it.prop(
    "[CON2] answers leave in the order of their questions, in whatever order they come",
    { order },
    ({ order }) => {
      const sent: Array<string> = []
      const to = { deliver: (frame: Frame) => void sent.push(frame.text) }
      const replies = Replies.make()
      const slots = order.map(() => Replies.open(replies))
      const left = slots.map((slot, i) => ({ slot, i }))
      for (const pick of order) {
        const [{ i, slot }] = left.splice(pick % left.length, 1) as [typeof left[number]]
        Replies.say(replies, slot, reply(String(i)), to)
        Replies.done(replies, slot, to)
      }
      assert.deepStrictEqual(sent, slots.map((_, i) => String(i)))
      assert.isUndefined(replies.firstSlot)
    }
  )

  it("[CON2] [SYN2] a delta waits behind the snapshot it builds on; other topics pass", () => {
    const sent: Array<string> = []
    const to = { deliver: (frame: Frame) => void sent.push(frame.text) }
    const replies = Replies.make()
    const [slow, subscribe] = [Replies.open(replies), Replies.open(replies)]
    Replies.say(replies, subscribe, reply("subscribed"), to)
    Replies.hold(replies, subscribe, topic)
    Replies.pass(replies, delta("delta"), to)
    Replies.pass(replies, delta("other", TopicId.make("thread:b")), to)
    Replies.done(replies, subscribe, to)
    assert.deepStrictEqual(sent, ["other"])
    assert.strictEqual(replies.heldSize, "delta".length)
    Replies.say(replies, slow, reply("receipt"), to)
    Replies.done(replies, slow, to)
    Replies.pass(replies, delta("later"), to)
    assert.deepStrictEqual(sent, ["other", "receipt", "subscribed", "delta", "later"])
    assert.strictEqual(replies.heldSize, 0)
  })
})
