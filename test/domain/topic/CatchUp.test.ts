import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { PublishedEvent } from "../../../src/domain/protocol/Protocol.ts"
import { noOpenings } from "../../../src/domain/protocol/Seal.ts"
import { chooseMode, eventsUpTo, recentEventsAfter, toPublishedEvent } from "../../../src/domain/topic/CatchUp.ts"
import * as Log from "../../../src/domain/topic/Log.ts"
import { eraseTexts, openingsOf } from "../../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import { sealed } from "../../support/SealedFixture.ts"

const head = { epoch: "e", seq: 100 }
const entries = Array.from({ length: 20 }, (_, i): Log.Entry => ({
  topic: TopicId.make("counter:one"),
  epoch: "e",
  seq: i + 1,
  at: 0,
  cause: CommandId.make(`c${i}`),
  principal: { server: "system:a" },
  depth: 0,
  version: 1,
  event: { _tag: "Added", n: i },
  prev: "",
  hash: sha256("entry"),
  open: noOpenings,
  textSeqs: Log.noTextSeqs
}))
const decodeEvent = Schema.decodeUnknownSync(PublishedEvent)
const events = entries.map(toPublishedEvent)

describe("toPublishedEvent", () => {
  it.prop(
    "[TOP5] a reader who knows the topic, the epoch and the hash before can compute the hash of an event",
    { entry: Arbitrary.schema(Log.Entry) },
    ({ entry: { epoch, prev, topic, ...entry } }) => {
      const event = toPublishedEvent({ ...entry, epoch, prev, topic, open: noOpenings, textSeqs: Log.noTextSeqs })
      const received = decodeEvent(JSON.parse(JSON.stringify(event)))
      assert.deepStrictEqual(Object.keys(received).toSorted(), Object.keys(entry).toSorted())
      assert.strictEqual(
        Log.entryHash(sha256, { ...received, epoch, prev, topic }),
        Log.entryHash(sha256, { ...entry, epoch, prev, topic })
      )
    }
  )

  it("[TOP10] an event holds seals, and the texts beside them", () => {
    const [said, gone] = [sealed("said"), sealed("gone")]
    const event = { _tag: "Said", said, gone: eraseTexts(gone, new Set([gone.c])) }
    const published = toPublishedEvent({ ...entries[0]!, event, open: openingsOf(event) })
    const received = decodeEvent(JSON.parse(JSON.stringify(published)))
    assert.deepStrictEqual<unknown>(received.event, { _tag: "Said", said: said.seal, gone: gone.seal })
    assert.deepStrictEqual(Object.entries(received.open ?? {}).map(([c, [, text]]) => [c, text]), [[said.c, "said"]])
    assert.isUndefined(toPublishedEvent(entries[0]!).open)
  })
})

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
