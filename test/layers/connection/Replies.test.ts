import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { TopicId } from "../../../src/domain/Ids.ts"
import * as Replies from "../../../src/layers/connection/Replies.ts"
import type { Frame } from "../../../src/services/Topics.ts"

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
      const deliver = (frame: Frame) => void sent.push(frame.text)
      const replies = Replies.make()
      const slots = order.map(() => Replies.open(replies))
      const left = slots.map((slot, i) => ({ slot, i }))
      for (const pick of order) {
        const [{ i, slot }] = left.splice(pick % left.length, 1) as [typeof left[number]]
        Replies.say(replies, slot, reply(String(i)), deliver)
        Replies.done(replies, slot, deliver)
      }
      assert.deepStrictEqual(sent, slots.map((_, i) => String(i)))
      assert.lengthOf(replies.slots, 0)
    }
  )

  it("[CON2] [SYN2] a delta waits behind the snapshot it builds on; other topics pass", () => {
    const sent: Array<string> = []
    const deliver = (frame: Frame) => void sent.push(frame.text)
    const replies = Replies.make()
    const [slow, subscribe] = [Replies.open(replies), Replies.open(replies)]
    Replies.say(replies, subscribe, reply("subscribed"), deliver)
    Replies.hold(replies, subscribe, topic)
    Replies.pass(replies, delta("delta"), deliver)
    Replies.pass(replies, delta("other", TopicId.make("thread:b")), deliver)
    Replies.done(replies, subscribe, deliver)
    assert.deepStrictEqual(sent, ["other"])
    assert.strictEqual(replies.size, "delta".length)
    Replies.say(replies, slow, reply("receipt"), deliver)
    Replies.done(replies, slow, deliver)
    Replies.pass(replies, delta("later"), deliver)
    assert.deepStrictEqual(sent, ["other", "receipt", "subscribed", "delta", "later"])
    assert.strictEqual(replies.size, 0)
  })
})
