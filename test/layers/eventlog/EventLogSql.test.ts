import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { suite } from "../../contract/EventLog.ts"

const database = Sqlite.layer({ filename: ":memory:" })

suite("SQLite", EventLogSql.layer.pipe(Layer.provide(database)))

const topic = TopicId.make("room:old")

const appendEvent = (expected: number) =>
  Effect.flatMap(EventLog, (log) =>
    log.append({
      topic,
      expectedSeq: expected,
      drafts: [{
        topic,
        seq: expected + 1,
        at: 1,
        cause: CommandId.make(`c${expected}`),
        author: "system:alice",
        version: 1,
        event: {}
      }],
      wakeAt: undefined,
      hasPendingIntents: false,
      listing: undefined
    }))

it.effect("[TOP9] tables from before signatures and processed commands are migrated, and the hash chain continues", () =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* appendEvent(0).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    yield* sql`ALTER TABLE events DROP COLUMN signed`
    yield* sql`ALTER TABLE events DROP COLUMN asked`
    yield* sql`DROP TABLE silent`
    yield* sql`DELETE FROM choir_migrations WHERE migration_id > 1`
    const entries = yield* Effect.gen(function*() {
      const [next] = yield* appendEvent(1)
      const [first, second] = yield* (yield* EventLog).read(topic, { after: 0, limit: 9 })
      assert.deepStrictEqual(second, next)
      return [first, second]
    }).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    assert.strictEqual(entries[1]?.prev, entries[0]?.hash)
  }).pipe(Effect.provide(database)))
