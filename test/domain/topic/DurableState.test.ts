import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { CommandId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"
import { noOpenings } from "../../../src/domain/protocol/Seal.ts"
import { roomKind } from "../../../src/domain/room/Room.ts"
import {
  asDecoded,
  decodeEntry,
  isSameListing,
  isSameLog,
  noEpoch,
  replay
} from "../../../src/domain/topic/DurableState.ts"
import { type Entry, noTextSeqs } from "../../../src/domain/topic/Log.ts"
import { eraseTexts, openingsOf, SealedText } from "../../../src/domain/topic/SealedText.ts"
import type { Listing } from "../../../src/domain/topic/Topic.ts"
import * as CounterKind from "../../support/CounterKind.ts"
import { sealed } from "../../support/SealedFixture.ts"

const { kind } = CounterKind
const topic = TopicId.make("counter:one")
const entry = (
  seq: number,
  event: Entry["event"],
  version = kind.version,
  open: Entry["open"] = noOpenings
): Entry => ({
  topic,
  epoch: "e",
  seq,
  at: 0,
  cause: CommandId.make(`c${seq}`),
  principal: { server: "system:a" },
  depth: 0,
  version,
  event,
  prev: "",
  hash: "",
  open,
  textSeqs: noTextSeqs
})
const user = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const base = { epoch: "e", seq: 0, state: kind.initial(topic) }
const entries = [1, 2, 3, 4].map((n) => asDecoded(entry(n, { _tag: "Added", n })))

describe("replay", () => {
  it("[TOP2] a state is the fold of its log at every seq, however the log is cut in two", () => {
    for (let cut = 0; cut <= entries.length; cut++) {
      const part = replay(kind, base, entries.slice(0, cut))
      const whole = replay(kind, part, entries.slice(cut))
      assert.deepStrictEqual(whole, replay(kind, base, entries))
      assert.deepStrictEqual([part.seq, part.state], [cut, { ...base.state, total: cut * (cut + 1) / 2 }])
    }
  })

  it("[TOP1] [TOP6] derives the timer and the outstanding intents from the state alone", () => {
    const intent = { _tag: "Ask", id: "q", question: "why" }
    const loaded = replay(kind, base, [
      asDecoded(entry(1, { _tag: "WakeSet", at: 9 })),
      asDecoded(entry(2, { _tag: "IntentAdded", intent }))
    ])
    assert.deepStrictEqual([loaded.wakeAt, loaded.pending], [9, [intent]])
  })

  it("[TOP9] an entry of an older version is brought to the kind's own, and one without an upcaster is a fault", () => {
    const old = Result.getOrThrow(decodeEntry(kind, entry(1, 5, 1)))
    assert.deepStrictEqual([old.event, old.decoded], [5, { _tag: "Added", n: 5 }])
    assert.strictEqual((replay(kind, base, [old]).state as CounterKind.State).total, 5)
    assert.deepStrictEqual(decodeEntry(kind, entries[0]!), Result.succeed(entries[0]!))
    assert.isTrue(Result.isFailure(decodeEntry(kind, entry(1, 5, 0))))
    assert.isTrue(Result.isFailure(decodeEntry(kind, entry(1, 5, kind.version + 1))))
  })

  it("[TOP8] an entry that does not fit its kind's schema is a fault", () => {
    assert.isTrue(Result.isFailure(decodeEntry(kind, entry(1, { _tag: "Added", n: "five" }))))
  })

  it("[TOP10] an entry is decoded with its texts, and without those that were erased", () => {
    const [hello, gone] = [sealed("hello"), sealed("gone")]
    const event = (content: SealedText) => ({
      _tag: "MessageSent",
      id: "p",
      by: user,
      content: content.seal,
      at: 1
    })
    const contentOf = (content: SealedText) =>
      Result.getOrThrow(decodeEntry(roomKind, entry(1, event(content), 1, openingsOf(hello)))).decoded
    assert.deepInclude(contentOf(hello), { content: hello })
    assert.deepInclude(contentOf(gone), { content: new SealedText(gone.c, gone.n, null, "") })
  })
})

describe("isSameLog", () => {
  it("[SYN8] a log of another epoch, a shorter one or none at all is loaded anew", () => {
    const at = (seq: number, epoch = "e") => ({ epoch, seq })
    assert.isTrue(isSameLog(at(3), at(3)))
    assert.isTrue(isSameLog(at(3), at(9)))
    assert.isTrue(isSameLog(at(0, noEpoch), at(2)))
    assert.isFalse(isSameLog(at(3), at(2)))
    assert.isFalse(isSameLog(at(3), at(9, "restored")))
    assert.isFalse(isSameLog(at(3), undefined))
  })
})

describe("isSameListing", () => {
  it("[THR10] any change of a directory entry is written", () => {
    const listing: Listing = {
      title: "t",
      visibility: "members",
      status: "active",
      members: ["system:a"],
      updatedAt: 1
    }
    assert.isTrue(isSameListing(listing, { ...listing, members: [...listing.members] }))
    const changes: ReadonlyArray<Partial<Listing>> = [
      { title: "u" },
      { visibility: "public" },
      { status: "closed" },
      { members: [] },
      { updatedAt: 2 }
    ]
    for (const change of changes) assert.isFalse(isSameListing(listing, { ...listing, ...change }))
    assert.isFalse(isSameListing(undefined, listing))
  })

  it("[THR10] [TOP10] titles are compared by commitment, and whether they are erased", () => {
    const listing = { title: sealed("t"), visibility: "public", status: "active", members: [], updatedAt: 1 } as const
    assert.isTrue(isSameListing(listing, { ...listing, title: sealed("t") }))
    assert.isFalse(isSameListing(listing, { ...listing, title: sealed("u") }))
    assert.isFalse(isSameListing(listing, { ...listing, title: eraseTexts(listing.title, new Set([listing.title.c])) }))
  })
})
