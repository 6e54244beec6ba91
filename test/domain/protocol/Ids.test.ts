import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Ids from "../../../src/domain/protocol/Ids.ts"

const isUserId = Schema.is(Ids.UserId)
const isTopicId = Schema.is(Ids.TopicId)
const isInstant = Schema.is(Ids.Instant)

describe("Ids", () => {
  it("[AUT1] a user id is the base64url of 32 bytes, in its one canonical form", () => {
    const canonical = Buffer.alloc(32, 0xff).toString("base64url")
    assert.isTrue(isUserId(canonical))
    // The last digit encodes four bits; the other two of its six must be zero.
    assert.isFalse(isUserId(`${canonical.slice(0, -1)}9`))
    for (const wrong of ["", canonical.slice(1), `${canonical}=`, `${canonical}A`, canonical.replace("_", "/")]) {
      assert.isFalse(isUserId(wrong), wrong)
    }
  })

  it("[AUT4] no user id can be mistaken for an author of the server", () => {
    assert.isFalse(isUserId("system:clock"))
    assert.isFalse(Ids.isUser("system:clock"))
    assert.isTrue(Ids.isUser(Ids.UserId.make("A".repeat(43))))
  })

  it("a topic id is a kind and a name of bounded length", () => {
    assert.isTrue(isTopicId(`${"k".repeat(32)}:${"n".repeat(200)}`))
    for (
      const wrong of ["thread", "thread:", ":a", "Thread:a", "thread:a/b", "thread:a\n", `thread:${"n".repeat(201)}`]
    ) {
      assert.isFalse(isTopicId(wrong), wrong)
    }
    assert.strictEqual(Ids.kindOf(Ids.TopicId.make("room:a")), "room")
  })

  it("[SEC17] an instant is a safe integer", () => {
    assert.isTrue(isInstant(Number.MAX_SAFE_INTEGER))
    for (const wrong of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) assert.isFalse(isInstant(wrong))
  })
})
