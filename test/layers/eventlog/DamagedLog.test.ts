import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Result } from "effect"
import { SqlClient } from "effect/sql"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { appendEvents } from "./AppendFixture.ts"

const layer = EventLogSql.layer.pipe(Layer.provideMerge(Sqlite.layer({ filename: ":memory:" })))

const topic = TopicId.make("room:one")
const other = TopicId.make("room:two")

/** Each damage, and the seq at which reading must stop. */
const damages: ReadonlyArray<readonly [name: string, sql: string, seq: number]> = [
  ["an event was altered", `UPDATE events SET event = '{"text":"a lime"}' WHERE topic = 'room:one' AND seq = 3`, 3],
  ["an event is not JSON", `UPDATE events SET event = '{' WHERE topic = 'room:one' AND seq = 3`, 3],
  ["a time was altered", `UPDATE events SET at = 2 WHERE topic = 'room:one' AND seq = 1`, 1],
  ["an author was altered", `UPDATE events SET author = 'system:eve' WHERE topic = 'room:one' AND seq = 4`, 4],
  ["a row is nonsense", `UPDATE events SET version = 'x' WHERE topic = 'room:one' AND seq = 2`, 2],
  ["a signature was put in", `UPDATE events SET signed = '{}' WHERE topic = 'room:one' AND seq = 3`, 3],
  ["an event is gone", `DELETE FROM events WHERE topic = 'room:one' AND seq = 3`, 4],
  ["the first is gone", `DELETE FROM events WHERE topic = 'room:one' AND seq = 1`, 2],
  ["the end is gone", `DELETE FROM events WHERE topic = 'room:one' AND seq >= 5`, 5],
  ["the head was altered", `UPDATE topics SET head_hash = 'x' WHERE id = 'room:one'`, 5]
]

describe("a damaged log", () => {
  for (const [name, damage, seq] of damages) {
    it.effect(`[FLT5] is refused, with the place of the damage: ${name}`, () =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const sql = yield* SqlClient.SqlClient
        yield* appendEvents(topic, 0, 5)
        yield* appendEvents(other, 0, 5)
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
      yield* sql`UPDATE events SET hash = 'x' WHERE seq = 2`
      assert.strictEqual((yield* log.read(topic, { after: 3, limit: 9 })).length, 2)
      assert.isTrue(Result.isFailure(yield* Effect.result(log.read(topic, { after: 2, limit: 1 }))))
    }).pipe(Effect.provide(layer)))

  it.effect("[TOP7] a damaged snapshot is ignored", () =>
    Effect.gen(function*() {
      const log = yield* EventLog
      const sql = yield* SqlClient.SqlClient
      yield* appendEvents(topic, 0, 5)
      yield* log.saveSnapshot(topic, { seq: 5, version: 1, state: `{"a":1}` })
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
        Effect.result(appendEvents(topic, 1, 1, "x".repeat(100_000))),
        Effect.result(appendEvents(other, 0, 1))
      ], { concurrency: "unbounded" })
      for (const outcome of outcomes) {
        const error = Result.isFailure(outcome) ? outcome.failure : undefined
        assert.deepInclude(error?.reason, { _tag: "LogUnavailable", fault: "full" })
        assert.isTrue(error?.retryable)
      }
      assert.strictEqual((yield* log.read(topic, { after: 0, limit: 9 })).length, 1)
      yield* sql.unsafe(`PRAGMA max_page_count = 1000000`)
      yield* appendEvents(topic, 1, 1, "x".repeat(100_000))
      assert.strictEqual((yield* log.read(topic, { after: 0, limit: 9 })).length, 2)
    }).pipe(Effect.provide(layer)))
})
