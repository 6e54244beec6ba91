import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AsideTexts from "../../../src/domain/search/AsideTexts.ts"
import { threadId } from "../../support/PointFixture.ts"

const topics = [threadId("a"), threadId("b")] as const
const Small = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 }))
const Failure = Schema.Struct({
  which: Schema.Literals([0, 1]),
  seq: Small,
  wait: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100_000 }))
})

describe("AsideTexts", () => {
  it.prop("[STO8] a cursor is before every text of its thread that is set aside, and behind what was read else", [
    Schema.Array(Failure),
    Small
  ], ([failures, readTo]) => {
    let texts: AsideTexts.AsideTexts<number> = new Map()
    let now = 0
    for (const { seq, wait, which } of failures) {
      now += wait
      texts = AsideTexts.addFailure(texts, `${which}/${seq}`, { topic: topics[which], seq, draft: seq }, now)
      assert.isTrue(Array.from(texts.values()).every(({ failures }) => failures < AsideTexts.asidePolicy.maxFailures))
    }
    for (const topic of topics) {
      const seqs = Array.from(texts.values()).filter((text) => text.topic === topic).map(({ seq }) => seq)
      assert.strictEqual(AsideTexts.cursorOf(texts, topic, readTo), Math.min(readTo, ...seqs.map((seq) => seq - 1)))
    }
    const due = AsideTexts.nextDueAt(texts)
    assert.strictEqual(due === undefined, texts.size === 0)
    if (due !== undefined) {
      assert.isAbove(due, 0)
      assert.isNotEmpty(AsideTexts.dueTexts(texts, due))
      assert.isEmpty(AsideTexts.dueTexts(texts, due - 1))
    }
  })

  it("[STO8] the tries of a text are further and further apart, and end", () => {
    let texts: AsideTexts.AsideTexts<string> = new Map()
    const delays: Array<number> = []
    for (let failures = 1; failures <= AsideTexts.asidePolicy.maxFailures; failures++) {
      texts = AsideTexts.addFailure(texts, "id", { topic: topics[0], seq: 1, draft: "text" }, 1_000)
      const due = AsideTexts.nextDueAt(texts)
      if (due !== undefined) delays.push((due - 1_000) / 1_000)
    }
    assert.deepStrictEqual(delays, [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600, 3600])
    assert.strictEqual(texts.size, 0)
  })

  it("[STO8] their number is limited", () => {
    let texts: AsideTexts.AsideTexts<string> = new Map()
    for (let seq = 1; seq <= AsideTexts.asidePolicy.maxTexts + 5; seq++) {
      texts = AsideTexts.addFailure(texts, String(seq), { topic: topics[0], seq, draft: "" }, 0)
    }
    assert.strictEqual(texts.size, AsideTexts.asidePolicy.maxTexts)
    // One that is set aside already fails once more.
    assert.strictEqual(
      AsideTexts.addFailure(texts, "1", { topic: topics[0], seq: 1, draft: "" }, 0).get("1")?.failures,
      2
    )
  })
})
