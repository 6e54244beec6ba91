import { assert, describe, it } from "@effect/vitest"
import { isIdle, isUnused } from "../../../src/domain/topic/Passivation.ts"

const unused = { subscribers: 0, runningIntents: 0, queuedMessages: 0, maybeBehindLog: false }

describe("passivation", () => {
  it("[ROO8] a topic is unused without subscribers, running intents and queued messages", () => {
    assert.isTrue(isUnused(unused))
    for (const use of ["subscribers", "runningIntents", "queuedMessages"]) {
      assert.isFalse(isUnused({ ...unused, [use]: 1 }), use)
    }
  })

  it("[ROO8] [TOP6] a topic that may be behind its log stays in memory", () =>
    assert.isFalse(isUnused({ ...unused, maybeBehindLog: true })))

  it("[ROO8] a topic is idle once nothing happened for the given time", () => {
    assert.deepStrictEqual([1_059, 1_060].map((now) => isIdle(1_000, now, 60)), [false, true])
  })
})
