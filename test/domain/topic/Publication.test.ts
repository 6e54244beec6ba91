import { assert, describe, it } from "@effect/vitest"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { decideBatch } from "../../../src/domain/topic/CommandBatch.ts"
import { notLoaded, replay } from "../../../src/domain/topic/DurableState.ts"
import { chainDrafts, emptyHead } from "../../../src/domain/topic/Log.ts"
import { passesHashMark, publish } from "../../../src/domain/topic/Publication.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import * as CounterKind from "../../support/CounterKind.ts"

const { kind } = CounterKind
const topic = TopicId.make("counter:one")
const start = replay(kind, { epoch: "e", seq: 0, state: kind.initial(topic) }, [])

const decide = (input: CounterKind.Command, durable = start) =>
  decideBatch(kind, topic, durable, [{ id: CommandId.make("a"), author: "system:a", input }], {
    now: 0,
    past: undefined,
    seed: () => 0,
    findProcessed: () => undefined
  })
const entriesOf = ({ drafts }: ReturnType<typeof decide>) =>
  chainDrafts(sha256, emptyHead("e"), 0, drafts)?.entries ?? []

describe("publish", () => {
  it("[TOP4] a decision that was not appended leads to no delta and no intent", () => {
    const decided = decide({ _tag: "ask", question: "why" })
    assert.strictEqual(decided.drafts.length, 1)
    assert.deepStrictEqual(publish(start, start, [], 16), {
      delta: undefined,
      checkReaders: false,
      started: [],
      cancelled: []
    })
  })

  it("[TOP4] [SYN3] appended entries are published as one delta, from the seq before the first to that of the last", () => {
    const decided = decide({ _tag: "ask", question: "why" })
    const { delta, started } = publish(start, decided.after, entriesOf(decided), 16)
    assert.deepStrictEqual(delta, { from: 0, to: 1, hashDue: false })
    assert.deepStrictEqual(started.map(({ id }) => id), ["a"])
  })

  it("[TOP6] after a load every outstanding intent starts again under its old id; a settled one does not", () => {
    const waiting = decide({ _tag: "ask", question: "why" }).after
    assert.deepStrictEqual(publish(notLoaded, waiting, [], 16).started.map(({ id }) => id), ["a"])
    assert.deepStrictEqual(publish(waiting, waiting, [], 16).started, [])
    assert.deepStrictEqual(publish(waiting, start, [], 16).cancelled.map(({ id }) => id), ["a"])
  })

  it("[THR10] subscribers are checked when the readers may have changed", () => {
    const shared = decide({ _tag: "share", readers: ["system:a"] })
    assert.isTrue(publish(start, shared.after, entriesOf(shared), 16).checkReaders)
    const added = decide({ _tag: "add", n: 1 }, { ...shared.after, seq: 0 })
    assert.isFalse(publish(shared.after, added.after, entriesOf(added), 16).checkReaders)
  })
})

describe("passesHashMark", () => {
  it("[SYN7] a delta carries a hash when it reaches or passes a multiple of the interval", () => {
    const ranges = [[0, 3], [3, 4], [4, 5], [4, 10], [10, 11], [11, 20], [16, 16]] as const
    assert.deepStrictEqual(ranges.map(([from, to]) => passesHashMark(from, to, 4)), [
      false,
      true,
      false,
      true,
      false,
      true,
      false
    ])
  })
})
