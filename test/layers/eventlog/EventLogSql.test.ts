import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { suite } from "../../contract/EventLog.ts"
import { appendEvents, makeAppend } from "./AppendFixture.ts"

const database = Sqlite.layer({ filename: ":memory:" })

suite("SQLite", EventLogSql.layer.pipe(Layer.provide(database)))

const topic = TopicId.make("room:old")

it.effect("[TOP9] tables from before signatures and processed commands are migrated, and the hash chain continues", () =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    yield* appendEvents(topic, 0, 1).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    yield* sql`ALTER TABLE events DROP COLUMN signed`
    yield* sql`ALTER TABLE events DROP COLUMN asked`
    yield* sql`DROP TABLE silent`
    yield* sql`DELETE FROM choir_migrations WHERE migration_id > 1`
    const entries = yield* Effect.gen(function*() {
      const [next] = yield* appendEvents(topic, 1, 1)
      const [first, second] = yield* (yield* EventLog).read(topic, { after: 0, limit: 9 })
      assert.deepStrictEqual(second, next)
      return [first, second]
    }).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    assert.strictEqual(entries[1]?.prev, entries[0]?.hash)
  }).pipe(Effect.provide(database)))

const tables = ["listings", "members", "silent", "events", "topics"] as const

it.effect.each(tables)(
  "[FLT4] [TOP4] an append whose write to %s fails leaves nothing behind, and can be repeated",
  (table) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const contents = Effect.forEach(tables, (name) => sql`SELECT * FROM ${sql(name)}`)
      yield* Effect.gen(function*() {
        const log = yield* EventLog
        const listing = {
          title: "a room",
          visibility: "members",
          status: "active",
          members: ["system:alice"],
          updatedAt: 1
        } as const
        const eventlessCommands = [{ id: CommandId.make("nothing"), seq: 2, author: "system:alice" }] as const
        const append = { ...makeAppend(topic, 0, 2), listing, eventlessCommands }
        const before = yield* contents
        yield* sql`CREATE TRIGGER refusal BEFORE INSERT ON ${sql(table)} BEGIN SELECT RAISE(ABORT, 'refused'); END`
        assert.strictEqual((yield* Effect.flip(log.append(append))).reason._tag, "LogUnavailable")
        yield* sql`DROP TRIGGER refusal`
        assert.deepStrictEqual(yield* contents, before)
        assert.lengthOf(yield* log.append(append), 2)
        // Every table had something to write.
        for (const rows of yield* contents) assert.isAbove(rows.length, 0)
      }).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    }).pipe(Effect.provide(Layer.fresh(database)))
)
