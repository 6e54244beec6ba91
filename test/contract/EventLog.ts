/** The contract of event log and directory, run against each implementation (TOP3 to TOP7, SYN4, SYN8, STO4, THR10). */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Option, Result } from "effect"
import { type Author, CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import { genesisHash, type UnchainedEntry, verifyChain } from "../../src/domain/topic/Log.ts"
import type { Listing } from "../../src/domain/topic/Topic.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"
import { Directory } from "../../src/services/Directory.ts"
import { type AppendRequest, EventLog, type EventLogError } from "../../src/services/EventLog.ts"

const topic = TopicId.make("room:one")
const other = TopicId.make("room:two")
const alice: Author = `system:alice`
const bob: Author = `system:bob`

const makeDrafts = (
  topic: TopicId,
  expected: number,
  count: number,
  cause = `c${expected}`
): ReadonlyArray<UnchainedEntry> =>
  Array.from({ length: count }, (_, i) => ({
    topic,
    seq: expected + 1 + i,
    at: 1_700_000_000_000 + i,
    cause: CommandId.make(cause),
    author: alice,
    version: 1,
    event: { _tag: "Said", text: `line ${i} "\u0000 \ud83d\ude00`, n: [1, 1.5, null, { "10": 1, "9": 2 }] }
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
        assert.deepStrictEqual(all, [...first, ...second])
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
        assert.isUndefined(verifyChain(sha256, { seq: 0, hash: genesisHash(topic) }, entries))
        const head = Option.getOrThrow(yield* log.head(topic))
        assert.strictEqual(head.position.seq, 6)
        assert.strictEqual(head.hash, entries.at(-1)?.hash)
      }))

    test("[AUT5] a signed command is stored with its event, in the hash chain", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const signed = {
          topic,
          command: { _tag: "say", text: "\ud83d\ude00", b: 1, a: [null] },
          timestamp: 3,
          signature: "s"
        }
        const [first, second] = makeDrafts(topic, 0, 2)
        const mixed = { ...makeAppend(topic, 0, 1), drafts: [{ ...first!, signed }, second!] }
        const written = yield* log.append(mixed)
        const entries = yield* log.read(topic, { after: 0, limit: 100 })
        assert.deepStrictEqual(entries, written)
        assert.deepStrictEqual(entries.map((entry) => entry.signed), [signed, undefined])
        assert.isUndefined(verifyChain(sha256, { seq: 0, hash: genesisHash(topic) }, entries))
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
        const asked = "0123456789abcdef"
        const [first, second] = makeDrafts(topic, 0, 2)
        yield* log.append({ ...makeAppend(topic, 0, 2), drafts: [first!, { ...second!, asked }] })
        const entries = yield* log.read(topic, { after: 0, limit: 9 })
        assert.deepStrictEqual(entries.map((entry) => entry.asked), [undefined, asked])
        assert.isUndefined(verifyChain(sha256, { seq: 0, hash: genesisHash(topic) }, entries))
        const outcome = yield* log.findProcessedCommand(topic, CommandId.make("c0"))
        assert.deepStrictEqual(outcome, Option.some({ seq: 2, author: alice, commandHash: asked }))
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
        yield* log.saveSnapshot(topic, { seq: 2, version: 1, state: "{}" })
        yield* log.saveSnapshot(topic, { seq: 3, version: 1, state: `{"a":"\u00e9"}` })
        assert.deepStrictEqual(
          yield* log.snapshot(topic),
          Option.some({ seq: 3, version: 1, state: `{"a":"\u00e9"}` })
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

  describe(`${name}: directory`, () => {
    test("[THR10] members list their topics, everyone the public ones, newest first", () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const directory = yield* Directory
        yield* log.append(makeAppend(topic, 0, 1, { listing: makeListing({ members: [bob, alice] }) }))
        yield* log.append(makeAppend(other, 0, 1, { listing: makeListing({ visibility: "public", updatedAt: 2 }) }))
        const list = (user: Author, all: boolean) =>
          Effect.map(
            directory.list(user, { kind: "room", includePublic: all, limit: 10 }),
            (listed) => listed.map(({ topic }) => topic)
          )
        assert.deepStrictEqual(yield* list(alice, false), [other, topic])
        assert.deepStrictEqual(yield* list(bob, false), [topic])
        assert.deepStrictEqual(yield* list(bob, true), [other, topic])
        assert.deepStrictEqual(yield* list("system:eve", false), [])
        assert.deepStrictEqual(yield* list("system:eve", true), [other])
        assert.deepStrictEqual(yield* directory.list(bob, { kind: "thread", includePublic: true, limit: 10 }), [])
        assert.deepStrictEqual(yield* directory.list(bob, { kind: "room", includePublic: false, limit: 10 }), [
          { topic, ...makeListing({ members: [bob, alice] }) }
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
        const listing = makeListing({ title: `"\\u0000\u0000\ud83d\ude00\u00e9` })
        for (const id of ["room:a", "room:B", "room:b.c", "room:b-a", "room:bb"]) {
          yield* log.append(makeAppend(TopicId.make(id), 0, 1, { listing }))
        }
        for (const includePublic of [true, false]) {
          const listed = yield* directory.list(alice, { kind: "room", includePublic, limit: 9 })
          assert.deepStrictEqual(
            listed,
            ["room:B", "room:a", "room:b-a", "room:b.c", "room:bb"].map((id) =>
              Object.assign({ topic: TopicId.make(id) }, listing)
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
