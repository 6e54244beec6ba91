import { assert, describe, it } from "@effect/vitest"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { chooseMode, eventsUpTo, recentEventsAfter, toPublishedEvent } from "../../../src/domain/topic/CatchUp.ts"
import type { Entry } from "../../../src/domain/topic/Log.ts"

const head = { epoch: "e", seq: 100 }
const entries = Array.from({ length: 20 }, (_, i): Entry => ({
  topic: TopicId.make("counter:one"),
  seq: i + 1,
  at: 0,
  cause: CommandId.make(`c${i}`),
  author: "system:a",
  version: 1,
  event: { _tag: "Added", n: i },
  prev: "",
  hash: ""
}))
const events = entries.map(toPublishedEvent)

describe("chooseMode", () => {
  it("[SYN2] [FLT7] a client that reconnects within the limit gets deltas, one too far behind a snapshot", () => {
    const from = (seq: number) => chooseMode({ epoch: "e", seq }, head, 30)
    assert.deepStrictEqual([100, 99, 70, 69, 0].map(from), ["deltas", "deltas", "deltas", "snapshot", "snapshot"])
    assert.strictEqual(chooseMode(undefined, head, 30), "snapshot")
  })

  it("[SYN8] a stale epoch always gets a snapshot, and so does a position ahead of the log", () => {
    assert.strictEqual(chooseMode({ epoch: "restored", seq: 100 }, head, 30), "snapshot")
    assert.strictEqual(chooseMode({ epoch: "e", seq: 101 }, head, 30), "snapshot")
  })
})

describe("the events of a catch-up", () => {
  it("[SYN2] [SYN3] [FLT7] from memory they are all after the position, up to the head, or none at all", () => {
    for (let kept = 0; kept <= 20; kept++) {
      for (let from = 0; from <= 20; from++) {
        const caughtUp = recentEventsAfter(events.slice(kept), from, 20)
        if (from >= kept) assert.deepStrictEqual(caughtUp, events.slice(from))
        else assert.isUndefined(caughtUp, `events after ${from}, of which those after ${kept} are kept`)
      }
    }
  })

  it("[SYN2] from a log that is ahead they end at the position of the reply: the rest comes as a live delta", () => {
    assert.deepStrictEqual(eventsUpTo(entries.slice(5), 8).map(({ seq }) => seq), [6, 7, 8])
  })
})
