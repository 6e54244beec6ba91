/** The contract of event log and directory, run against each implementation (TOP3 to TOP7, SYN4, SYN8, STO4, THR10). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, type Layer, Option, Result } from "effect"
import { type Author, CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import { principalOf } from "../../src/domain/protocol/Principal.ts"
import type { Openings } from "../../src/domain/protocol/Seal.ts"
import {
  type AppendedEntry,
  type Entry,
  genesisHash,
  logFormat,
  openingsOfEntry,
  type UnchainedEntry,
  verifyChain
} from "../../src/domain/topic/Log.ts"
import { eraseTexts, openingsOf, openTexts, SealedText, storeTexts, write } from "../../src/domain/topic/SealedText.ts"
import type { Listing } from "../../src/domain/topic/Topic.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"
import { Directory } from "../../src/services/Directory.ts"
import { type AppendRequest, EventLog, type EventLogError } from "../../src/services/EventLog.ts"
import { sealed } from "../support/SealedFixture.ts"

const topic = TopicId.make("room:one")
const other = TopicId.make("room:two")
const alice: Author = `system:alice`
const bob: Author = `system:bob`

const makeDrafts = (
  topic: TopicId,
  expected: number,
  count: number,
  event?: unknown
): ReadonlyArray<UnchainedEntry> =>
  Array.from({ length: count }, (_, i) => ({
    topic,
    seq: expected + 1 + i,
    at: 1_700_000_000_000 + i,
    cause: CommandId.make(`c${expected}`),
    principal: principalOf(alice),
    depth: 0,
    version: 1,
    event: event ??
      { _tag: "Said", text: `line ${i} "\u0000 \ud83d\ude00`, n: [1, 1.5, null, { "10": 1, "9": 2 }] }
  }))

const makeAppend = (
  topic: TopicId,
  expected: number,
  count: number,
  overrides: Partial<AppendRequest> = {}
): AppendRequest => ({
  topic,
  expectedSeq: expected,
  drafts: makeDrafts(topic, expected, count),
  wakeAt: undefined,
  hasPendingIntents: false,
  listing: undefined,
  ...overrides
})

const makeListing = (overrides: Partial<Listing> = {}): Listing => ({
  title: "A thread",
  visibility: "members",
  status: "active",
  members: [alice],
  updatedAt: 1,
  ...overrides
})

/** The fault of a whole log's hash chain, from the genesis that its first append made at this time. */
const faultOf = (entries: ReadonlyArray<Entry>, version = 1) => {
  const { at, epoch, topic } = entries[0]!
  const genesis = { created: at, epoch, format: logFormat, host: "", kind: "room", topic, version } as const
  return verifyChain(sha256, { seq: 0, hash: genesisHash(sha256, genesis) }, entries)
}

/** An append of one event with these texts. */
const sayTexts = (expected: number, texts: ReadonlyArray<SealedText>): AppendRequest => ({
  ...makeAppend(topic, expected, 1),
  drafts: makeDrafts(topic, expected, 1, { _tag: "Said", texts })
})

const erased = (...texts: ReadonlyArray<SealedText>) => ({
  _tag: "Erased",
  seq: 1,
  paths: ["/texts/0"],
  texts: texts.map(({ c }) => c),
  by: alice,
  reason: null,
  because: null,
  at: 1
})

/** An append that erases a text. */
const eraseText = (expected: number, text: SealedText): AppendRequest => ({
  ...makeAppend(topic, expected, 1),
  drafts: makeDrafts(topic, expected, 1, erased(text))
})

const textOf = (openings: Openings, { c }: SealedText): string | null => openings[c]?.[1] ?? null

/** An entry of an append as it is read, if its event has no texts. */
const asRead = (entry: AppendedEntry): Entry => ({ ...entry, open: openingsOfEntry(entry) })

/** Registers the suite. Every test gets an empty log. */
export const suite = <E>(name: string, layer: Layer.Layer<EventLog | Directory, E>): void => {
  const test = (title: string, body: () => Effect.Effect<void, EventLogError, EventLog | Directory>) =>
    it.effect(title, () => body().pipe(Effect.provide(layer)))

  describe(`${name}: appending`, () => {
    test("[TOP3] seqs have no gap, and are read back", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const first = yield* log.append(makeAppend(topic, 0, 3))
        const second = yield* log.append(makeAppend(topic, 3, 2))
        const all = yield* log.read(topic, { after: 0, limit: 100 })
        assert.deepStrictEqual(all, [...first, ...second].map(asRead))
        assert.deepStrictEqual(all.map((entry) => entry.seq), [1, 2, 3, 4, 5])
        assert.deepStrictEqual(yield* log.read(topic, { after: 2, limit: 2 }), all.slice(2, 4))
        assert.deepStrictEqual(yield* log.read(topic, { after: 5, limit: 2 }), [])
        assert.deepStrictEqual(yield* log.read(topic, { after: 9, limit: 2 }), [])
        assert.deepStrictEqual(yield* log.read(other, { after: 0, limit: 2 }), [])
      }))

    test("[TOP3] an append that expects another seq fails with SeqConflict and changes nothing", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 2))
        for (const expected of [0, 1, 3]) {
          const outcome = yield* Effect.result(log.append(makeAppend(topic, expected, 1)))
          const error = Result.isFailure(outcome) ? outcome.failure : undefined
          assert.strictEqual(error?.reason._tag, "SeqConflict")
          assert.isFalse(error?.retryable)
        }
        assert.strictEqual((yield* log.read(topic, { after: 0, limit: 100 })).length, 2)
      }))

    test("[TOP3] of concurrent appends one succeeds per seq; one that fails does not affect the others", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const appends = [topic, other].flatMap((topic) => Array.from({ length: 10 }, () => makeAppend(topic, 0, 2)))
        const outcomes = yield* Effect.forEach(appends, (append) => Effect.result(log.append(append)), {
          concurrency: "unbounded"
        })
        assert.strictEqual(outcomes.filter(Result.isSuccess).length, 2)
        assert.strictEqual((yield* log.read(topic, { after: 0, limit: 100 })).length, 2)
        assert.strictEqual((yield* log.read(other, { after: 0, limit: 100 })).length, 2)
      }))

    test("[TOP5] entries form a hash chain from the topic's genesis to its head", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 3))
        yield* log.append(makeAppend(topic, 3, 3))
        const entries = yield* log.read(topic, { after: 0, limit: 100 })
        assert.isUndefined(faultOf(entries))
        const head = Option.getOrThrow(yield* log.head(topic))
        assert.strictEqual(head.position.seq, 6)
        assert.strictEqual(head.hash, entries.at(-1)?.hash)
      }))

    test("[AUT5] a signed command is stored with its event, in the hash chain", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const signature = {
          audience: "https://choir.example",
          topic,
          command: { _tag: "say", text: "\ud83d\ude00", b: 1, a: [null] },
          timestamp: 3,
          signature: "s"
        }
        const [first, second] = makeDrafts(topic, 0, 2)
        const mixed = { ...makeAppend(topic, 0, 1), drafts: [{ ...first!, signature }, second!] }
        const written = yield* log.append(mixed)
        const entries = yield* log.read(topic, { after: 0, limit: 100 })
        assert.deepStrictEqual(entries, written.map(asRead))
        assert.deepStrictEqual(entries.map((entry) => entry.signature), [signature, undefined])
        assert.isUndefined(faultOf(entries))
      }))

    test("[SYN8] a log keeps its epoch, and no two logs have the same", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        assert.isTrue(Option.isNone(yield* log.head(topic)))
        yield* log.append(makeAppend(topic, 0, 1))
        yield* log.append(makeAppend(other, 0, 1))
        const epoch = Option.getOrThrow(yield* log.head(topic)).position.epoch
        yield* log.append(makeAppend(topic, 1, 1))
        assert.strictEqual(Option.getOrThrow(yield* log.head(topic)).position.epoch, epoch)
        assert.notStrictEqual(Option.getOrThrow(yield* log.head(other)).position.epoch, epoch)
        assert.match(epoch, /^[0-9a-f]{32}$/)
      }))

    test("[TOP4] listeners are notified of durable appends, until they are removed", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const notified: Array<TopicId> = []
        const stop = log.onAppend((topic) => notified.push(topic))
        yield* log.append(makeAppend(topic, 0, 1))
        yield* Effect.exit(log.append(makeAppend(topic, 0, 1)))
        yield* log.append(makeAppend(other, 0, 1))
        stop()
        yield* log.append(makeAppend(topic, 1, 1))
        assert.deepStrictEqual(notified, [topic, other])
      }))
  })

  describe(`${name}: querying a log`, () => {
    test("[SYN4] a command's outcome is the last seq it wrote", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 3))
        yield* log.append(makeAppend(topic, 3, 1))
        const outcome = (id: string) => log.findProcessedCommand(topic, CommandId.make(id))
        assert.deepStrictEqual(yield* outcome("c0"), Option.some({ seq: 3, author: alice }))
        assert.deepStrictEqual(yield* outcome("c3"), Option.some({ seq: 4, author: alice }))
        assert.isTrue(Option.isNone(yield* log.findProcessedCommand(topic, CommandId.make("never"))))
        assert.isTrue(Option.isNone(yield* log.findProcessedCommand(other, CommandId.make("c0"))))
      }))

    test("[SYN4] the hash of a command is stored with the last of its events, in the hash chain", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const command_hash = "0123456789abcdef"
        const [first, second] = makeDrafts(topic, 0, 2)
        yield* log.append({ ...makeAppend(topic, 0, 2), drafts: [first!, { ...second!, command_hash }] })
        const entries = yield* log.read(topic, { after: 0, limit: 9 })
        assert.deepStrictEqual(entries.map((entry) => entry.command_hash), [undefined, command_hash])
        assert.isUndefined(faultOf(entries))
        const outcome = yield* log.findProcessedCommand(topic, CommandId.make("c0"))
        assert.deepStrictEqual(outcome, Option.some({ seq: 2, author: alice, commandHash: command_hash }))
      }))

    test("[SYN4] commands without an event are stored beside those with one, or alone", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const notified: Array<TopicId> = []
        log.onAppend((topic) => notified.push(topic))
        const eventless = (id: string, seq: number) => [
          { id: CommandId.make(id), seq, author: bob, commandHash: "0123456789abcdef" }
        ]
        const alone = (expected: number, id: string): AppendRequest => ({
          ...makeAppend(topic, expected, 0),
          eventlessCommands: eventless(id, expected)
        })
        const outcome = (id: string) =>
          Effect.map(log.findProcessedCommand(topic, CommandId.make(id)), Option.getOrUndefined)
        yield* log.append(alone(0, "before"))
        const born = Option.getOrThrow(yield* log.head(topic))
        assert.strictEqual(born.position.seq, 0)
        yield* log.append({ ...makeAppend(topic, 0, 2), eventlessCommands: eventless("with", 1) })
        yield* log.append(alone(2, "after"))
        assert.isTrue(Result.isFailure(yield* Effect.result(log.append(alone(1, "late")))))
        const seqs = yield* Effect.forEach(["before", "c0", "with", "after", "late"], outcome)
        assert.deepStrictEqual(seqs.map((carried) => carried?.seq), [0, 2, 1, 2, undefined])
        assert.deepStrictEqual(seqs[3], { seq: 2, author: bob, commandHash: "0123456789abcdef" })
        const head = Option.getOrThrow(yield* log.head(topic))
        assert.deepStrictEqual(head.position, { epoch: born.position.epoch, seq: 2 })
        assert.lengthOf(yield* log.read(topic, { after: 0, limit: 9 }), 2)
        assert.deepStrictEqual(yield* log.topicsToRecover, [])
        assert.deepStrictEqual(notified, [topic])
      }))

    test("[TOP7] the latest snapshot replaces the one before", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 3))
        assert.isTrue(Option.isNone(yield* log.snapshot(topic)))
        yield* log.saveSnapshot(topic, { seq: 2, version: 1, state: "{}", textSeqs: [] })
        yield* log.saveSnapshot(topic, { seq: 3, version: 1, state: `{"a":"\u00e9"}`, textSeqs: [1, 3] })
        assert.deepStrictEqual(
          yield* log.snapshot(topic),
          Option.some({ seq: 3, version: 1, state: `{"a":"\u00e9"}`, textSeqs: [1, 3] })
        )
      }))

    test("[TOP6] topics with a timer or outstanding intents are found for recovery", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 1, { wakeAt: 1_800_000_000_000 }))
        yield* log.append(makeAppend(other, 0, 1, { hasPendingIntents: true }))
        yield* log.append(makeAppend(TopicId.make("room:idle"), 0, 1))
        assert.deepStrictEqual(yield* log.topicsToRecover, [
          { topic, wakeAt: 1_800_000_000_000, hasPendingIntents: false },
          { topic: other, wakeAt: undefined, hasPendingIntents: true }
        ])
        yield* log.append(makeAppend(topic, 1, 1))
        yield* log.append(makeAppend(other, 1, 1))
        assert.deepStrictEqual(yield* log.topicsToRecover, [])
      }))

    test("[STO4] a projection finds the topics whose log is ahead of its cursor", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 3))
        yield* log.append(makeAppend(other, 0, 1))
        yield* log.setCursor("search", other, 1)
        yield* log.setCursor("search", topic, 2)
        assert.deepStrictEqual(yield* log.laggingTopics("search"), [{ topic, seq: 2 }])
        assert.deepStrictEqual(yield* log.laggingTopics("hooks"), [{ topic, seq: 0 }, { topic: other, seq: 0 }])
      }))

    test("[STO4] a cursor is where it was set last, forwards or back", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 9))
        for (const seq of [1, 4, 7, 2, 0, 8]) {
          yield* log.setCursor("search", topic, seq)
          assert.deepStrictEqual(yield* log.laggingTopics("search"), [{ topic, seq }])
        }
        yield* log.setCursor("search", topic, 9)
        assert.deepStrictEqual(yield* log.laggingTopics("search"), [])
      }))
  })

  describe(`${name}: texts beside the log`, () => {
    const [one, two] = [sealed("one"), sealed(`two \u0000 "\ud83d\ude00`)]

    test("[TOP10] come with the entries that hold their seals, and by these; the log itself has the seals only", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const [appended] = yield* log.append(sayTexts(0, [one, two]))
        const [entry] = yield* log.read(topic, { after: 0, limit: 9 })
        assert.deepStrictEqual<unknown>(entry!.event, { _tag: "Said", texts: [one.seal, two.seal] })
        assert.deepStrictEqual([entry!.open, entry!.hash], [openingsOfEntry(appended!), appended!.hash])
        assert.deepStrictEqual([one, two].map((text) => textOf(entry!.open, text)), [one.text, two.text])
        assert.deepStrictEqual(yield* log.openings(topic, [2, 1]), new Map([[1, openingsOf([one, two])]]))
        assert.deepStrictEqual(yield* log.openings(other, [1]), new Map())
        assert.deepStrictEqual(yield* log.openings(topic, []), new Map())
      }))

    test("[TOP10] those of some entries, near or far from each other, are read by themselves", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const texts = Array.from({ length: 30 }, (_, n) => sealed(`text ${n}`))
        yield* log.append({
          ...makeAppend(topic, 0, 30),
          drafts: texts.flatMap((text, n) =>
            makeDrafts(topic, n, 1, { _tag: "Said", texts: n % 3 === 0 ? [] : [text] })
          )
        })
        for (const seqs of [[2, 5, 3], [3, 3, 1], [29, 2], [31, 2], Array.from({ length: 40 }, (_, n) => n)]) {
          const wanted = texts.flatMap((text, n) =>
            n % 3 !== 0 && seqs.includes(n + 1) ? [[n + 1, openingsOf(text)] as const] : []
          )
          const found = [...yield* log.openings(topic, seqs)].sort(([a], [b]) => a - b)
          assert.deepStrictEqual(found, wanted)
        }
      }))

    test("[TOP10] a later entry that repeats a seal is opened too, and has no text of its own", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(sayTexts(0, [one]))
        const [entry] = yield* log.read(topic, { after: 0, limit: 1 })
        const stored = openTexts(eraseTexts(one, new Set([one.c])), entry!.open, () => 1)
        yield* log.append(sayTexts(1, [two, stored]))
        const entries = yield* log.read(topic, { after: 0, limit: 9 })
        assert.deepStrictEqual(entries.map(({ open }) => textOf(open, one)), ["one", "one"])
        assert.deepStrictEqual(entries.map(({ textSeqs }) => textSeqs[one.c]), [undefined, 1])
        assert.deepStrictEqual((yield* log.openings(topic, [2])).get(2), openingsOf(two))
        assert.isUndefined(faultOf(entries))
      }))

    test("[TOP10] are set aside until an entry has them, or they are dropped", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 1))
        yield* log.setAside(topic, openingsOf([one, two]), 1)
        yield* log.setAside(topic, openingsOf(one), 2)
        const aside = yield* log.openingsAside(topic, [one.c, two.c, sealed("never").c])
        assert.deepStrictEqual(aside, openingsOf([one, two]))
        assert.deepStrictEqual(yield* log.openingsAside(other, [one.c]), {})
        yield* log.append(sayTexts(1, [openTexts(eraseTexts(one, new Set([one.c])), aside)]))
        const [entry] = yield* log.read(topic, { after: 1, limit: 1 })
        assert.strictEqual(textOf(entry!.open, one), "one")
        assert.deepStrictEqual(yield* log.openingsAside(topic, [one.c, two.c]), openingsOf(two))
        yield* log.dropAside(topic, [one.c, two.c])
        assert.deepStrictEqual(yield* log.openingsAside(topic, [one.c, two.c]), {})
      }))

    test("[TOP10] may be set aside for a log that has not begun, and do not begin it", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.setAside(topic, openingsOf(one), 1)
        assert.isTrue(Option.isNone(yield* log.head(topic)))
        assert.deepStrictEqual(yield* log.read(topic, { after: 0, limit: 9 }), [])
      }))

    test("[TOP10] that do not fit their commitment are refused, and nothing is stored", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(makeAppend(topic, 0, 1))
        const salt = SealedText.saltOf(one)
        const misfits = [
          new SealedText(one.c, one.n, "One", salt),
          new SealedText(one.c, one.n, one.text, "t".repeat(22)),
          new SealedText(one.c, one.n + 1, one.text, salt),
          write("one")
        ]
        for (const misfit of misfits) {
          assert.isTrue(Exit.hasDies(yield* Effect.exit(log.append(sayTexts(1, [two, misfit])))))
        }
        const altered = { [one.c]: [salt, "One"] } as const
        assert.isTrue(Exit.hasDies(yield* Effect.exit(log.setAside(topic, altered, 1))))
        assert.deepStrictEqual(yield* log.openings(topic, [1, 2]), new Map())
        assert.deepStrictEqual(yield* log.openingsAside(topic, [one.c, two.c]), {})
        assert.strictEqual(Option.getOrThrow(yield* log.head(topic)).position.seq, 1)
      }))

    test("[TOP10] erased by an entry are out of reach, in whatever entry their seals are, until they are deleted", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(sayTexts(0, [one, two]))
        yield* log.append(sayTexts(1, storeTexts([one], 1)))
        // Named by an entry that only repeats it.
        yield* log.append({
          ...makeAppend(topic, 2, 1),
          drafts: makeDrafts(topic, 2, 1, { ...erased(one), seq: 2 })
        })
        const entries = yield* log.read(topic, { after: 0, limit: 9 })
        assert.deepStrictEqual(entries.map(({ open }) => textOf(open, one)), [null, null, null])
        assert.strictEqual(textOf(entries[0]!.open, two), two.text)
        assert.isUndefined(faultOf(entries))
        assert.deepStrictEqual(yield* log.openings(topic, [1, 2]), new Map([[1, openingsOf(two)]]))
        const texts = yield* log.erasedTexts()
        assert.deepStrictEqual(texts, [{ topic, c: one.c, text: "one", by: 3 }])
        yield* log.deleteErased(texts)
        assert.deepStrictEqual(yield* log.erasedTexts(), [])
        yield* log.append(eraseText(3, two))
        assert.deepStrictEqual(yield* log.openings(topic, [1, 2]), new Map())
      }))

    test("[TOP10] erased twice belong to the first erasure", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        yield* log.append(sayTexts(0, [one, two]))
        yield* log.append({
          ...makeAppend(topic, 1, 2),
          drafts: [...makeDrafts(topic, 1, 1, erased(one)), ...makeDrafts(topic, 2, 1, erased(one, two))]
        })
        yield* log.append(eraseText(3, one))
        const bySeq = (yield* log.erasedTexts()).map(({ by, c }) => [by, c])
        assert.deepStrictEqual(bySeq, [[2, one.c], [3, two.c]])
      }))

    test("[TOP10] that were erased are read page after page, each once", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const texts = Array.from({ length: 150 }, (_, i) => sealed(`${i}`))
        const expected: Array<string> = []
        // More than a page, of topics that languages sort otherwise than bytes.
        for (const topic of ["room:a", "room:B"].map((id) => TopicId.make(id))) {
          const events = [{ _tag: "Said", texts }, erased(...texts.slice(0, 50)), erased(...texts.slice(50))]
          const drafts = events.flatMap((event, i) => makeDrafts(topic, i, 1, event))
          yield* log.append({ ...makeAppend(topic, 0, 0), drafts })
          expected.push(...texts.map(({ c, text }, i) => `${topic} ${c} ${text} ${i < 50 ? 2 : 3}`))
        }
        const read: Array<string> = []
        for (let page = yield* log.erasedTexts(); page.length > 0; page = yield* log.erasedTexts(page.at(-1))) {
          read.push(...page.map(({ by, c, text, topic }) => `${topic} ${c} ${text} ${by}`))
        }
        assert.deepStrictEqual(read.toSorted(), expected.toSorted())
      }))

    test("[TOP10] entries that are made from another topic's text are found by it, and refused once it is erased", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const from = (c: string, expected: number) =>
          Effect.result(
            log.append({ ...makeAppend(other, expected, 1), sources: [{ topic, seq: 1, c }, { topic, seq: 2, c }] })
          )
        yield* log.append(sayTexts(0, [one]))
        yield* log.append(sayTexts(1, storeTexts([one], 1)))
        assert.isTrue(Result.isSuccess(yield* from(one.c, 0)))
        assert.deepStrictEqual(yield* log.derivedTopics({ topic, c: one.c }), [other])
        assert.deepStrictEqual(yield* log.derivedTopics({ topic, c: two.c }), [])
        yield* log.append(eraseText(2, one))
        const refused = yield* from(one.c, 1)
        assert.strictEqual(Result.isFailure(refused) && refused.failure.reason._tag, "SourceErased")
        assert.strictEqual(Option.getOrThrow(yield* log.head(other)).position.seq, 1)
      }))
  })

  describe(`${name}: directory`, () => {
    test("[THR10] [TOP10] a title that people wrote is the text that stands beside the log, and is gone when that is erased", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        const titles = Effect.map(
          directory.list(alice, { kind: "room", host: "", includePublic: true, limit: 9 }),
          (listed) => listed.map(({ title }) => title)
        )
        const title = SealedText.storedAt(sealed(`A title \u0000`), 1)
        yield* log.append({ ...sayTexts(0, [title]), listing: makeListing({ title }) })
        assert.deepStrictEqual(yield* titles, [title.text])
        yield* log.append(eraseText(1, title))
        assert.deepStrictEqual(yield* titles, [null])
      }))

    test("[THR10] the topics of each tenant are listed by themselves", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        const hosted = TopicId.make("room:example.org/one")
        for (const id of [topic, hosted]) yield* log.append(makeAppend(id, 0, 1, { listing: makeListing() }))
        for (const [host, id] of [["", topic], ["example.org", hosted], ["elsewhere", undefined]] as const) {
          const listed = yield* directory.list(alice, { kind: "room", host, includePublic: true, limit: 9 })
          assert.deepStrictEqual(listed.map(({ topic }) => topic), id === undefined ? [] : [id])
        }
      }))

    test("[THR10] members list their topics, everyone the public ones, newest first", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        yield* log.append(makeAppend(topic, 0, 1, { listing: makeListing({ members: [bob, alice] }) }))
        yield* log.append(makeAppend(other, 0, 1, { listing: makeListing({ visibility: "public", updatedAt: 2 }) }))
        const list = (user: Author, all: boolean) =>
          Effect.map(
            directory.list(user, { kind: "room", host: "", includePublic: all, limit: 10 }),
            (listed) => listed.map(({ topic }) => topic)
          )
        assert.deepStrictEqual(yield* list(alice, false), [other, topic])
        assert.deepStrictEqual(yield* list(bob, false), [topic])
        assert.deepStrictEqual(yield* list(bob, true), [other, topic])
        assert.deepStrictEqual(yield* list("system:eve", false), [])
        assert.deepStrictEqual(yield* list("system:eve", true), [other])
        assert.deepStrictEqual(
          yield* directory.list(bob, { kind: "thread", host: "", includePublic: true, limit: 10 }),
          []
        )
        const mine = { kind: "room", host: "", includePublic: false, limit: 10 } as const
        assert.deepStrictEqual(yield* directory.list(bob, mine), [
          Object.assign({ topic }, makeListing({ members: [bob, alice] }), { title: "A thread" })
        ])
        assert.isFalse(yield* directory.canRead("system:eve", topic))
        assert.isTrue(yield* directory.canRead("system:eve", other))
        assert.isTrue(yield* directory.canRead(bob, topic))
      }))

    test("[THR10] a directory entry changes with the append that carries it, and can be removed", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        yield* log.append(makeAppend(topic, 0, 1, { listing: makeListing() }))
        yield* Effect.exit(log.append(makeAppend(topic, 0, 1, { listing: makeListing({ members: [bob] }) })))
        const membersOnly = (...members: ReadonlyArray<Author>) =>
          new Map([[topic, { visibility: "members", members } as const]])
        assert.deepStrictEqual(yield* directory.readersOf([topic]), membersOnly(alice))
        yield* log.append(makeAppend(topic, 1, 1, { listing: makeListing({ members: [bob] }) }))
        yield* log.append(makeAppend(topic, 2, 1))
        assert.deepStrictEqual(yield* directory.readersOf([topic, other]), membersOnly(bob))
        assert.isFalse(yield* directory.canRead(alice, topic))
        assert.deepStrictEqual(yield* directory.topicsSharedBy(topic), [topic])
        yield* log.append(makeAppend(topic, 3, 1, { listing: null }))
        assert.isFalse(yield* directory.canRead(bob, topic))
        assert.deepStrictEqual(yield* directory.readersOf([topic]), new Map())
        assert.deepStrictEqual(yield* directory.topicsSharedBy(topic), [])
      }))

    test("[THR10] a title may hold any character, and topics of one moment are listed by the bytes of their ids", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        const title = `"\\u0000\u0000\ud83d\ude00\u00e9`
        const listing = makeListing({ title })
        for (const id of ["room:a", "room:B", "room:b.c", "room:b-a", "room:bb"]) {
          yield* log.append(makeAppend(TopicId.make(id), 0, 1, { listing }))
        }
        for (const includePublic of [true, false]) {
          const listed = yield* directory.list(alice, { kind: "room", host: "", includePublic, limit: 9 })
          assert.deepStrictEqual(
            listed,
            ["room:B", "room:a", "room:b-a", "room:b.c", "room:bb"].map((id) =>
              Object.assign({ topic: TopicId.make(id) }, listing, { title })
            )
          )
        }
      }))

    test("[CHO13] the topics that all members of one share: those whose members include all of its members", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        const carol: Author = "system:carol"
        const lists = {
          "room:pair": makeListing({ members: [bob, alice] }),
          "room:same": makeListing({ members: [alice, bob] }),
          "room:more": makeListing({ members: [carol, alice, bob] }),
          "room:alone": makeListing(),
          "room:other": makeListing({ members: [bob, carol] }),
          "room:open": makeListing({ visibility: "public", members: [alice] })
        }
        for (const [name, listing] of Object.entries(lists)) {
          yield* log.append(makeAppend(TopicId.make(name), 0, 1, { listing }))
        }
        const sharedBy = (name: string): Effect.Effect<ReadonlyArray<string>, EventLogError> =>
          directory.topicsSharedBy(TopicId.make(name))
        assert.deepStrictEqual(yield* sharedBy("room:pair"), ["room:more", "room:pair", "room:same"])
        assert.deepStrictEqual(yield* sharedBy("room:more"), ["room:more"])
        assert.deepStrictEqual(yield* sharedBy("room:open"), [])
        assert.deepStrictEqual(yield* sharedBy("room:nowhere"), [])
        assert.deepStrictEqual(
          yield* directory.readersOf([TopicId.make("room:open"), TopicId.make("room:nowhere")]),
          new Map([[TopicId.make("room:open"), { visibility: "public", members: [alice] }]])
        )
      }))
  })
}
