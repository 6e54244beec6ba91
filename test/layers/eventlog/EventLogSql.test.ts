import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { realpathSync } from "node:fs"
import { join } from "node:path"
import { CommandId, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { openingsOf } from "../../../src/domain/topic/SealedText.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { asideTtl, EventLog } from "../../../src/services/EventLog.ts"
import { suite } from "../../contract/EventLog.ts"
import * as OutdatedLog from "../../support/OutdatedLog.ts"
import { sealed } from "../../support/SealedFixture.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"
import { makeAppend } from "./AppendFixture.ts"

const database = Sqlite.layer({ filename: ":memory:" })

suite("SQLite", EventLogSql.layer.pipe(Layer.provide(database)))

const topic = TopicId.make("room:one")
const other = TopicId.make("room:two")

it.effect("[TOP9] logs of a version before log format 1 are refused in one sentence, and left as they are", () =>
  Effect.gen(function*() {
    const filename = join(yield* temporaryFolder, "choir.db")
    const database = Sqlite.layer({ filename })
    const contents = Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      return [yield* sql`SELECT name, sql FROM sqlite_master ORDER BY name`, yield* sql`SELECT * FROM events`]
    }).pipe(Effect.provide(Layer.fresh(database)))
    yield* OutdatedLog.create.pipe(Effect.provide(Layer.fresh(database)))
    const before = yield* contents
    const refused = yield* Effect.flip(Layer.build(EventLogSql.layer.pipe(Layer.provide(Layer.fresh(database)))))
    assert.deepInclude(refused, { _tag: "LogFormatOutdated", database: realpathSync(filename) })
    assert.match(
      refused.message,
      /^[^\n]+ keep it for the version that wrote it, and start this one with a new CHOIR_DATA/
    )
    assert.deepStrictEqual(yield* contents, before)
    assert.lengthOf(before[1]!, 1)
  }).pipe(Effect.scoped))

it.effect("[TOP10] texts that were set aside outlast a restart, and are dropped when no topic can wait for them any more", () =>
  Effect.gen(function*() {
    const [waiting, later] = [sealed("waiting"), sealed("later")]
    const found = Effect.gen(function*() {
      const texts = yield* (yield* EventLog).openingsAside(topic, [waiting.c, later.c])
      return [waiting, later].map(({ c }) => texts[c]?.[1])
    }).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    yield* Effect.gen(function*() {
      const log = yield* EventLog
      yield* log.setAside(topic, openingsOf(waiting), 0)
      yield* log.setAside(topic, openingsOf(later), 1)
    }).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    yield* TestClock.adjust(asideTtl)
    assert.deepStrictEqual(yield* found, ["waiting", "later"])
    yield* TestClock.adjust(1)
    assert.deepStrictEqual(yield* found, [undefined, "later"])
  }).pipe(Effect.provide(Layer.fresh(database))))

it.effect("[TOP10] one column holds texts, and no other", () =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const canary = sealed("canary")
    yield* Effect.gen(function*() {
      const log = yield* EventLog
      yield* log.append({
        ...makeAppend(topic, 0, 1, { said: canary }),
        listing: { title: canary, visibility: "public", status: "active", members: [], updatedAt: 1 }
      })
    }).pipe(Effect.provide(Layer.fresh(EventLogSql.layer)))
    const names = yield* sql<{ name: string }>`SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
    const holding: Array<string> = []
    for (const { name } of names) {
      for (const row of yield* sql`SELECT * FROM ${sql(name)}`) {
        const columns = Object.entries(row).filter(([, value]) => String(value).includes("canary"))
        holding.push(...columns.map(([column]) => `${name}.${column}`))
      }
    }
    assert.deepStrictEqual(holding, ["entries.open"])
  }).pipe(Effect.provide(Layer.fresh(database))))

const tables = ["listings", "members", "eventless_commands", "entries", "sources", "topics"] as const

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
        const source = sealed("a source")
        const append = {
          ...makeAppend(topic, 0, 2, { text: sealed("a line") }),
          listing,
          eventlessCommands,
          sources: [{ topic: other, seq: 1, c: source.c }]
        }
        yield* log.append(makeAppend(other, 0, 1, { source }))
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
