import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result } from "effect"
import { SqlClient } from "effect/sql"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { openingsOf, SealedText } from "../../../src/domain/topic/SealedText.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { Directory } from "../../../src/services/Directory.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { sealed } from "../../support/SealedFixture.ts"
import { appendEvents, makeAppend } from "./AppendFixture.ts"

const layer = EventLogSql.layer.pipe(Layer.provideMerge(Sqlite.layer({ filename: ":memory:" })))

const topic = TopicId.make("room:one")
const other = TopicId.make("room:two")

/** Each damage, and the seq at which reading must stop. */
const damages: ReadonlyArray<readonly [name: string, sql: string, seq: number]> = [
  ["an event was altered", `UPDATE entries SET event = '{"text":"a lime"}' WHERE topic = 'room:one' AND seq = 3`, 3],
  ["an event is not JSON", `UPDATE entries SET event = '{' WHERE topic = 'room:one' AND seq = 3`, 3],
  ["a time was altered", `UPDATE entries SET at = 2 WHERE topic = 'room:one' AND seq = 1`, 1],
  [
    "an author was altered",
    `UPDATE entries SET principal = '{"server":"system:eve"}' WHERE topic = 'room:one' AND seq = 4`,
    4
  ],
  ["a row is nonsense", `UPDATE entries SET version = 'x' WHERE topic = 'room:one' AND seq = 2`, 2],
  ["a signature was put in", `UPDATE entries SET signature = '{}' WHERE topic = 'room:one' AND seq = 3`, 3],
  ["an event is gone", `DELETE FROM entries WHERE topic = 'room:one' AND seq = 3`, 4],
  ["the first is gone", `DELETE FROM entries WHERE topic = 'room:one' AND seq = 1`, 2],
  ["the end is gone", `DELETE FROM entries WHERE topic = 'room:one' AND seq >= 5`, 5],
  [
    "the genesis was altered",
    `UPDATE topics SET genesis = REPLACE(genesis, '"created":1', '"created":2') WHERE id = 'room:one'`,
    1
  ],
  ["the genesis is gone", `UPDATE topics SET genesis = NULL WHERE id = 'room:one'`, 1],
  [
    "a text was altered",
    `UPDATE entries SET open = REPLACE(open, 'line', 'lime') WHERE topic = 'room:one' AND seq = 3`,
    3
  ],
  ["texts are not JSON", `UPDATE entries SET open = 'a line' WHERE topic = 'room:one' AND seq = 3`, 3],
  [
    "a salt was altered",
    `UPDATE entries SET open = REPLACE(open, '["', '["A') WHERE topic = 'room:one' AND seq = 3`,
    3
  ],
  ["the head was altered", `UPDATE topics SET head_hash = 'x' WHERE id = 'room:one'`, 5]
]

/** Five lines, each a text of its own. */
const appendLines = (topic: TopicId) =>
  Effect.forEach([0, 1, 2, 3, 4], (seq) => appendEvents(topic, seq, 1, { text: sealed(`a line ${seq}`) }))

describe("a damaged log", () => {
  for (const [name, damage, seq] of damages) {
    it.effect(`[FLT5] is refused, with the place of the damage: ${name}`, () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const sql = yield* SqlClient.SqlClient
        yield* appendLines(topic)
        yield* appendLines(other)
        yield* sql.unsafe(damage)
        const outcome = yield* Effect.result(log.read(topic, { after: 0, limit: 100 }))
        const reason = Result.isFailure(outcome) ? outcome.failure.reason : undefined
        assert.strictEqual(reason?._tag, "LogCorrupt")
        assert.deepInclude(reason, { topic, seq })
        assert.strictEqual((yield* log.read(other, { after: 0, limit: 100 })).length, 5)
      }).pipe(Effect.provide(layer)))
  }

  it.effect("[FLT5] is refused when only the part after a snapshot is read", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const sql = yield* SqlClient.SqlClient
      yield* appendEvents(topic, 0, 5)
      yield* sql`UPDATE entries SET hash = 'x' WHERE seq = 2`
      assert.strictEqual((yield* log.read(topic, { after: 3, limit: 9 })).length, 2)
      assert.isTrue(Result.isFailure(yield* Effect.result(log.read(topic, { after: 2, limit: 1 }))))
    }).pipe(Effect.provide(layer)))

  it.effect("[FLT5] an altered text is refused by itself as well, and an altered title is not listed", () =>
    Effect.gen(function*() {
      const [log, directory, sql] = [yield* EventLog, yield* Directory, yield* SqlClient.SqlClient]
      const title = SealedText.storedAt(sealed("a title"), 1)
      const sound = sealed("sound")
      const listing = { title, visibility: "public", status: "active", members: [], updatedAt: 1 } as const
      yield* log.append({ ...makeAppend(topic, 0, 1, { title }), listing })
      yield* log.append(makeAppend(topic, 1, 1, { sound }))
      yield* sql`UPDATE entries SET open = REPLACE(open, 'title', 'tithe') WHERE seq = 1`
      const damage = yield* Effect.flip(log.openings(topic, [2, 1]))
      assert.deepInclude(damage.reason, { _tag: "LogCorrupt", topic, seq: 1, damage: "altered" })
      assert.deepStrictEqual((yield* log.openings(topic, [2])).get(2), openingsOf(sound))
      const listed = yield* directory.list("system:bob", { kind: "room", host: "", includePublic: true, limit: 9 })
      assert.deepStrictEqual(listed.map(({ title }) => title), [null])
    }).pipe(Effect.provide(layer)))

  it.effect("[TOP7] a damaged snapshot is ignored", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const sql = yield* SqlClient.SqlClient
      yield* appendEvents(topic, 0, 5)
      yield* log.saveSnapshot(topic, { seq: 5, version: 1, state: `{"a":1}`, textSeqs: [] })
      yield* sql`UPDATE snapshots SET state = ${`{"a":2}`}`
      assert.isTrue(Option.isNone(yield* log.snapshot(topic)))
    }).pipe(Effect.provide(layer)))
})

describe("a disk that is full", () => {
  it.effect("[FLT3] a full disk rejects appends, keeps what is stored, and recovers without a restart", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const sql = yield* SqlClient.SqlClient
      yield* appendEvents(topic, 0, 1)
      const [pages] = yield* sql<{ page_count: number }>`PRAGMA page_count`
      yield* sql.unsafe(`PRAGMA max_page_count = ${pages?.page_count}`)
      const outcomes = yield* Effect.all([
        Effect.result(appendEvents(topic, 1, 1, { text: "x".repeat(100_000) })),
        Effect.result(appendEvents(other, 0, 1))
      ], { concurrency: "unbounded" })
      for (const outcome of outcomes) {
        const error = Result.isFailure(outcome) ? outcome.failure : undefined
        assert.deepInclude(error?.reason, { _tag: "LogUnavailable", fault: "full" })
        assert.isTrue(error?.retryable)
      }
      assert.strictEqual((yield* log.read(topic, { after: 0, limit: 9 })).length, 1)
      yield* sql.unsafe(`PRAGMA max_page_count = 1000000`)
      yield* appendEvents(topic, 1, 1, { text: "x".repeat(100_000) })
      assert.strictEqual((yield* log.read(topic, { after: 0, limit: 9 })).length, 2)
    }).pipe(Effect.provide(layer)))
})
