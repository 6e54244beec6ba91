import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { formatRoute, homeRoute, parseRoute } from "../../../src/web/topic/Route.ts"

const threadIds = Schema.String.check(
  Schema.isPattern(/^thread:(?:[a-z0-9][a-z0-9.-]{0,20}\/)?[A-Za-z0-9._~-]{1,40}$/)
)

describe("the route", () => {
  it.prop(
    "of a thread, of a tenant's thread and of their messages is read back as it was written",
    { topic: threadIds, message: Schema.UndefinedOr(CommandId) },
    ({ message, topic }) => {
      const id = TopicId.make(topic)
      assert.deepStrictEqual(parseRoute(formatRoute(id, message)), { topic: id, message: message?.toWellFormed() })
    }
  )

  it.prop("of any other fragment is a thread's or the home page", { fragment: Schema.String }, ({ fragment }) => {
    const { message, topic } = parseRoute(fragment)
    assert.isTrue(topic === undefined ? message === undefined : topic.startsWith("thread:"))
  })

  it("of what is no address is the home page", () => {
    for (const fragment of ["", "#", "#say", "#thread:", "#room:lobby", "#thread:%E0%A4%A", "#thread:a/%", "#/x"]) {
      assert.deepStrictEqual(parseRoute(fragment), homeRoute, fragment)
    }
  })

  it("may have an encoded colon, as some programs write links", () => {
    assert.deepStrictEqual(parseRoute("#thread%3A1/2"), { topic: TopicId.make("thread:1"), message: "2" })
  })
})
