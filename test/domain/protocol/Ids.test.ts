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

  it("a topic id is a kind, the host of its tenant if it has one, and a name of bounded length", () => {
    assert.isTrue(isTopicId(`${"k".repeat(32)}:${"n".repeat(200)}`))
    assert.isTrue(isTopicId(`thread:${"h".repeat(253)}/${"n".repeat(200)}`))
    for (
      const wrong of [
        "thread",
        "thread:",
        ":a",
        "Thread:a",
        "thread:/b",
        "thread:a/",
        "thread:a/b/c",
        "thread:A/b",
        "thread:-a/b",
        "thread:a\n",
        `thread:${"n".repeat(201)}`,
        `thread:${"h".repeat(254)}/n`
      ]
    ) {
      assert.isFalse(isTopicId(wrong), wrong)
    }
    assert.strictEqual(Ids.kindOf(Ids.TopicId.make("room:a")), "room")
    assert.strictEqual(Ids.kindOf(Ids.TopicId.make("room:example.org/a")), "room")
  })

  it("a topic's tenant is named by its host, and topics of other kinds belong to the same one", () => {
    const [own, hosted] = ["thread:a", "thread:example.org/a"].map((id) => Ids.TopicId.make(id)) as [
      Ids.TopicId,
      Ids.TopicId
    ]
    assert.deepStrictEqual([own, hosted].map(Ids.hostOf), ["", "example.org"])
    assert.deepStrictEqual([own, hosted].map((topic) => Ids.siblingTopic(topic, "ledger", "main")), [
      "ledger:main",
      "ledger:example.org/main"
    ])
  })

  it("[SEC17] an instant is a safe integer", () => {
    assert.isTrue(isInstant(Number.MAX_SAFE_INTEGER))
    for (const wrong of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) assert.isFalse(isInstant(wrong))
  })
})
