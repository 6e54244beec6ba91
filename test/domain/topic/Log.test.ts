import { assert, describe, it } from "@effect/vitest"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as Log from "../../../src/domain/topic/Log.ts"

const topic = TopicId.make("thread:a")
const draft: Log.UnchainedEntry = {
  topic,
  seq: 1,
  at: 5,
  cause: CommandId.make("c"),
  author: "system:a",
  version: 1,
  event: { _tag: "Said" }
}
const signed = { topic, command: { _tag: "say" }, timestamp: 4, signature: "s" }

const plainHash = (text: string) => `#${text.length}:${text}`
const drafts = (count: number, after = 0): ReadonlyArray<Log.UnchainedEntry> =>
  Array.from({ length: count }, (_, i) => ({ ...draft, seq: after + 1 + i, event: { _tag: "Said", n: i } }))

describe("appending to a log", () => {
  const head = Log.emptyHead(topic, "e")

  it("[TOP3] an append that expects another seq than the head's adds nothing: another writer was first", () => {
    assert.isUndefined(Log.chainDrafts(plainHash, head, 1, drafts(1, 1)))
    const entries = Log.chainDrafts(plainHash, head, 0, drafts(3)) ?? []
    assert.deepStrictEqual(entries.map(({ seq }) => seq), [1, 2, 3])
    assert.isUndefined(Log.chainDrafts(plainHash, Log.advanceHead(head, entries), 0, drafts(1)))
  })

  it("[TOP3] drafts with a gap, a repeat or another topic are not contiguous", () => {
    assert.isTrue(Log.isContiguous(topic, 3, drafts(2, 3)))
    assert.isFalse(Log.isContiguous(topic, 3, drafts(2, 4)))
    assert.isFalse(Log.isContiguous(topic, 3, [...drafts(1, 3), ...drafts(1, 3)]))
    assert.isFalse(Log.isContiguous(TopicId.make("thread:b"), 3, drafts(2, 3)))
  })

  it("[TOP5] each entry holds the hash of the one before it, from the topic's genesis to the head", () => {
    const entries = Log.chainDrafts(plainHash, head, 0, drafts(3)) ?? []
    assert.deepStrictEqual(entries.map(({ prev }) => prev), [
      Log.genesisHash(topic),
      ...entries.slice(0, 2).map(({ hash }) => hash)
    ])
    assert.deepStrictEqual(Log.advanceHead(head, entries), {
      position: { epoch: "e", seq: 3 },
      hash: entries[2]!.hash
    })
  })
})

describe("verifying a log", () => {
  const empty = Log.emptyHead(topic, "e")
  const entries = Log.chainDrafts(plainHash, empty, 0, drafts(5)) ?? []
  const head = Log.advanceHead(empty, entries)
  const verify = (read: ReadonlyArray<Log.Entry>, first = 1, last = 5) => {
    const chainBreak = Log.verifyRange(plainHash, topic, head, { first, last }, read)
    return chainBreak === undefined ? undefined : `${chainBreak.fault} at ${chainBreak.seq}`
  }

  it("[FLT5] [TOP5] a whole log and any range of it are sound", () => {
    assert.isUndefined(verify(entries))
    for (let first = 1; first <= 5; first++) {
      for (let last = first; last <= 5; last++) assert.isUndefined(verify(entries.slice(first - 1, last), first, last))
    }
  })

  it("[FLT5] names where a log is damaged: a changed field, a lost, moved or cut entry", () => {
    const changed = (i: number, change: Partial<Log.Entry>) =>
      entries.map((entry, n) => n === i ? { ...entry, ...change } : entry)
    assert.strictEqual(verify(changed(2, { event: { _tag: "Forged" } })), "altered at 3")
    assert.strictEqual(verify(changed(2, { author: "system:b" })), "altered at 3")
    assert.strictEqual(verify(changed(2, { prev: "x" })), "unlinked at 3")
    assert.strictEqual(verify(entries.filter((_, n) => n !== 2)), "gap at 4")
    assert.strictEqual(verify([entries[0]!, entries[2]!, entries[1]!, ...entries.slice(3)]), "gap at 3")
    assert.strictEqual(verify(entries.slice(0, 4)), "gap at 5")
  })

  it("[FLT5] [TOP5] a log whose last entries were rewritten does not reach the head's hash", () => {
    const rewritten = Log.chainDrafts(plainHash, empty, 0, [...drafts(4), { ...draft, seq: 5 }]) ?? []
    assert.strictEqual(verify(rewritten), "altered at 5")
  })
})

describe("the preimage of an entry's hash", () => {
  it("[TOP5] never changes, so that old logs verify", () => {
    assert.strictEqual(
      Log.preimage("p", draft),
      `["choir/log/v1","p","thread:a",1,5,"c","system:a",1,{"_tag":"Said"}]`
    )
  })

  it("[TOP5] [AUT5] includes the signature", () => {
    assert.strictEqual(
      Log.preimage("p", { ...draft, signed }),
      `["choir/log/v2","p","thread:a",1,5,"c","system:a",1,{"_tag":"Said"},` +
        `{"topic":"thread:a","command":{"_tag":"say"},"timestamp":4,"signature":"s"}]`
    )
    const entry = Log.chainEntry((text) => text, Log.genesisHash(topic), { ...draft, signed })
    const { signed: _signed, ...stripped } = entry
    const check = (entry: Log.Entry) =>
      Log.verifyChain((text) => text, { seq: 0, hash: Log.genesisHash(topic) }, [entry])?.fault
    assert.isUndefined(check(entry))
    assert.strictEqual(check(stripped), "altered")
    assert.strictEqual(check({ ...entry, signed: { ...signed, signature: "t" } }), "altered")
  })

  it("[TOP5] [SYN4] includes the hash of the command, signed or not", () => {
    const asked = "0123456789abcdef"
    assert.strictEqual(
      Log.preimage("p", { ...draft, asked }),
      `["choir/log/v3","p","thread:a",1,5,"c","system:a",1,{"_tag":"Said"},null,"0123456789abcdef"]`
    )
    assert.include(Log.preimage("p", { ...draft, signed, asked }), `"signature":"s"},"0123456789abcdef"]`)
  })
})
