import { assert, describe, it } from "@effect/vitest"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as PublishedMessages from "../../../src/domain/search/PublishedMessages.ts"
import type * as ThreadModel from "../../../src/domain/thread/ThreadModel.ts"
import { threadId } from "../../support/PointFixture.ts"
import { sealed } from "../../support/SealedFixture.ts"
import * as ThreadLogFixture from "../../support/ThreadLogFixture.ts"

const alice = ThreadLogFixture.userOf("B")
const topic = threadId("t")

/** What a log publishes, from the first event on. */
const publish = (events: ReadonlyArray<ThreadModel.Event>) => {
  let state = PublishedMessages.initial
  const messages: Array<PublishedMessages.PublishedMessage> = []
  events.forEach((event, i) => {
    const [next, message] = PublishedMessages.step(state, { topic, seq: i + 1 }, event)
    state = next
    if (message !== undefined) messages.push(message)
  })
  return messages
}

describe("PublishedMessages", () => {
  it("[STO4] a message is published with the seq of its event and the visibility of its thread", () => {
    for (const visibility of ["public", "members"] as const) {
      const messages = publish([
        ThreadLogFixture.threadCreated(alice, visibility),
        ThreadLogFixture.messagePublished("m1", alice, "one", 10),
        ThreadLogFixture.messagePublished("m2", alice, "two", 20)
      ])
      assert.deepStrictEqual(messages, [
        {
          thread: topic,
          message: CommandId.make("m1"),
          author: alice,
          content: sealed("one"),
          visibility,
          log_seq: 2,
          text_seq: 2,
          created_at: 10
        },
        {
          thread: topic,
          message: CommandId.make("m2"),
          author: alice,
          content: sealed("two"),
          visibility,
          log_seq: 3,
          text_seq: 3,
          created_at: 20
        }
      ])
    }
  })

  it("[STO4] [TOP10] a submission is published by its approval, and by no other outcome; its text is in the event that opened it", () => {
    for (const outcome of ["approved", "rejected", "expired", "cancelled"] as const) {
      const messages = publish([
        ThreadLogFixture.threadCreated(alice, "public"),
        ThreadLogFixture.submissionOpened("s1", alice, "text"),
        ThreadLogFixture.submissionSettled("s1", outcome, topic)
      ])
      assert.deepStrictEqual(
        messages.map((
          { author, content, log_seq, message, text_seq }
        ) => [message, author, content, log_seq, text_seq]),
        outcome === "approved" ? [[CommandId.make("s1"), alice, sealed("text"), 3, 2]] : []
      )
    }
  })
})
