import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { canonicalJson } from "../../../src/domain/protocol/CanonicalJson.ts"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as Log from "../../../src/domain/topic/Log.ts"
import { eraseTexts } from "../../../src/domain/topic/SealedText.ts"
import { sha256 } from "../../../src/layers/eventlog/ChainVerification.ts"
import { sealed } from "../../support/SealedFixture.ts"

const topic = TopicId.make("thread:a")
const draft: Log.UnchainedEntry = {
  topic,
  seq: 1,
  at: 5,
  cause: CommandId.make("c"),
  principal: { server: "system:a" },
  depth: 0,
  version: 1,
  event: { _tag: "Said" }
}

const drafts = (count: number, after = 0): ReadonlyArray<Log.UnchainedEntry> =>
  Array.from({ length: count }, (_, i) => ({ ...draft, seq: after + 1 + i, event: { _tag: "Said", n: i } }))
const chain = (head: Log.LogHead, drafts: ReadonlyArray<Log.UnchainedEntry>) =>
  Log.chainDrafts(sha256, head, head.position.seq, drafts)!

describe("appending to a log", () => {
  const empty = Log.emptyHead("e")

  it("[TOP3] an append that expects another seq than the head's adds nothing: another writer was first", () => {
    assert.isUndefined(Log.chainDrafts(sha256, empty, 1, drafts(1, 1)))
    const { entries, head } = chain(empty, drafts(3))
    assert.deepStrictEqual(entries.map(({ seq }) => seq), [1, 2, 3])
    assert.isUndefined(Log.chainDrafts(sha256, head, 0, drafts(1)))
  })

  it("[TOP3] drafts with a gap, a repeat or another topic are not contiguous", () => {
    assert.isTrue(Log.isContiguous(topic, 3, drafts(2, 3)))
    assert.isFalse(Log.isContiguous(topic, 3, drafts(2, 4)))
    assert.isFalse(Log.isContiguous(topic, 3, [...drafts(1, 3), ...drafts(1, 3)]))
    assert.isFalse(Log.isContiguous(TopicId.make("thread:b"), 3, drafts(2, 3)))
  })

  it("[TOP5] each entry holds the hash of the one before it, from the topic's genesis to the head", () => {
    const { entries, genesis, head } = chain(empty, drafts(3))
    assert.deepStrictEqual(entries.map(({ prev }) => prev), [
      Log.genesisHash(sha256, genesis!),
      ...entries.slice(0, 2).map(({ hash }) => hash)
    ])
    assert.deepStrictEqual(head, { position: { epoch: "e", seq: 3 }, hash: entries[2]!.hash })
    const further = chain(head, drafts(1, 3))
    assert.deepStrictEqual([further.genesis, further.entries[0]!.prev], [undefined, head.hash])
  })

  it("[TOP5] [TOP9] the genesis names the format, the topic, its tenant and kind, the epoch and the event version", () => {
    const hosted = TopicId.make("thread:example.org/a")
    const { genesis } = chain(empty, [{ ...draft, topic: hosted, version: 3 }])
    assert.deepStrictEqual(genesis, {
      created: 5,
      epoch: "e",
      format: "choir/log/1",
      host: "example.org",
      kind: "thread",
      topic: hosted,
      version: 3
    })
    assert.strictEqual(chain(empty, drafts(1)).genesis!.host, "")
    assert.isUndefined(chain(empty, []).genesis)
  })

  it("[SYN8] every entry names the epoch in which it was appended", () => {
    assert.deepStrictEqual(chain(empty, drafts(2)).entries.map(({ epoch }) => epoch), ["e", "e"])
  })

  it("[TOP10] an entry comes with the openings of its texts; one that was erased before has none", () => {
    const [said, erased] = [sealed("said"), sealed("erased")]
    const event = eraseTexts({ _tag: "Said", texts: [said, erased] }, new Set([erased.c]))
    const [entry] = chain(empty, [{ ...draft, event }]).entries
    const open = Log.openingsOfEntry(entry!)
    assert.deepStrictEqual(Object.keys(open), [said.c])
    assert.strictEqual(open[said.c]![1], "said")
  })
})

describe("verifying a log", () => {
  const { entries, genesis, head } = chain(Log.emptyHead("e"), drafts(5))
  const verify = (read: ReadonlyArray<Log.LinkedEntry>, first = 1, last = 5, of = genesis) => {
    const chainBreak = Log.verifyRange(sha256, topic, head, { first, last, genesis: of }, read)
    return chainBreak === undefined ? undefined : `${chainBreak.fault} at ${chainBreak.seq}`
  }

  it("[FLT5] [TOP5] a whole log and any range of it are sound", () => {
    assert.isUndefined(verify(entries))
    for (let first = 1; first <= 5; first++) {
      for (let last = first; last <= 5; last++) assert.isUndefined(verify(entries.slice(first - 1, last), first, last))
    }
  })

  it("[FLT5] names where a log is damaged: a changed field, a lost, moved or cut entry", () => {
    const changed = (i: number, change: Partial<Log.LinkedEntry>) =>
      entries.map((entry, n) => n === i ? { ...entry, ...change } : entry)
    assert.strictEqual(verify(changed(2, { event: { _tag: "Forged" } })), "altered at 3")
    assert.strictEqual(verify(changed(2, { principal: { server: "system:b" } })), "altered at 3")
    assert.strictEqual(verify(changed(2, { prev: "x" })), "unlinked at 3")
    assert.strictEqual(verify(entries.filter((_, n) => n !== 2)), "gap at 4")
    assert.strictEqual(verify([entries[0]!, entries[2]!, entries[1]!, ...entries.slice(3)]), "gap at 3")
    assert.strictEqual(verify(entries.slice(0, 4)), "gap at 5")
  })

  it("[FLT5] [TOP5] a log whose last entries were rewritten does not reach the head's hash", () => {
    const rewritten = chain(Log.emptyHead("e"), [...drafts(4), { ...draft, seq: 5 }]).entries
    assert.strictEqual(verify(rewritten), "altered at 5")
  })

  it("[FLT5] [TOP5] the first entry is linked to the log's own genesis: not to another one, nor to none", () => {
    assert.strictEqual(verify(entries, 1, 5, { ...genesis!, created: 6 }), "unlinked at 1")
    assert.strictEqual(Log.verifyRange(sha256, topic, head, { first: 1, last: 5, genesis: undefined }, entries)?.seq, 1)
  })
})

describe("the hash of an entry", () => {
  const signature = { audience: "a", topic, command: { _tag: "say" }, timestamp: 4, signature: "s" }

  it("[TOP5] is of the canonical JSON of its fields under a tag, and never changes, so that old logs verify", () => {
    const hashed: Array<string> = []
    const record = (text: string) => {
      hashed.push(text)
      return "h"
    }
    Log.chainDrafts(record, Log.emptyHead("e"), 0, [{ ...draft, signature, command_hash: "0123456789abcdef" }])
    assert.deepStrictEqual(hashed, [
      "choir/genesis/1\n" +
      `{"created":5,"epoch":"e","format":"choir/log/1","host":"","kind":"thread","topic":"thread:a","version":1}`,
      "choir/entry/1\n" +
      `{"at":5,"cause":"c","command_hash":"0123456789abcdef","depth":0,"epoch":"e","event":{"_tag":"Said"},"prev":"h",` +
      `"principal":{"server":"system:a"},"seq":1,"signature":{"audience":"a","command":{"_tag":"say"},` +
      `"signature":"s","timestamp":4,"topic":"thread:a"},"topic":"thread:a","version":1}`
    ])
  })

  const { hash: _hash, ...covered } = Log.Entry.fields
  it.prop(
    "[TOP5] covers every field of an entry: it changes with each of them, and with nothing else",
    { entry: Arbitrary.schema(Log.Entry), other: Arbitrary.schema(Log.Entry) },
    ({ entry, other }) => {
      for (const field of Object.keys(covered) as Array<keyof typeof covered>) {
        const changed = { ...entry, [field]: other[field] }
        assert.strictEqual(
          Log.entryHash(sha256, changed) === Log.entryHash(sha256, entry),
          canonicalJson([other[field] ?? null]) === canonicalJson([entry[field] ?? null])
        )
      }
      assert.strictEqual(
        Log.entryHash(sha256, Object.assign({}, entry, { hash: other.hash })),
        Log.entryHash(sha256, entry)
      )
    }
  )

  it.prop(
    "[TOP5] of a genesis covers each of its fields",
    { genesis: Arbitrary.schema(Log.Genesis), other: Arbitrary.schema(Log.Genesis) },
    ({ genesis, other }) => {
      for (const field of Object.keys(Log.Genesis.fields) as Array<keyof Log.Genesis>) {
        assert.strictEqual(
          Log.genesisHash(sha256, { ...genesis, [field]: other[field] }) === Log.genesisHash(sha256, genesis),
          canonicalJson([other[field] ?? null]) === canonicalJson([genesis[field] ?? null])
        )
      }
    }
  )

  it.prop(
    "[TOP5] [TOP10] stays the same when texts are erased, and is the same for an event as decided and as stored",
    { text: Schema.String },
    ({ text }) => {
      const said = sealed(text)
      const event = { _tag: "Said", said }
      const [entry] = chain(Log.emptyHead("e"), [{ ...draft, event }]).entries
      const { open: _open, ...stored } = { ...entry!, event: JSON.parse(JSON.stringify(event)) as unknown }
      const erased = { ...entry!, event: eraseTexts(event, new Set([said.c])) }
      assert.isUndefined(Log.verifyChain(sha256, { seq: 0, hash: entry!.prev }, [stored]))
      assert.isUndefined(Log.verifyChain(sha256, { seq: 0, hash: entry!.prev }, [erased]))
    }
  )
})
