/** Every data folder in `test/data/logs`, which a release wrote by `npm run fixture`, must load for ever. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { copyFileSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { FixtureServer, layer, until } from "../../../scripts/fixture/FixtureServer.ts"
import { type FixtureLog, type FixtureState, readLogs } from "../../../scripts/fixture/ReadLogs.ts"
import { builtInKinds } from "../../../src/domain/BuiltInKinds.ts"
import { kindOf, TopicId } from "../../../src/domain/protocol/Ids.ts"
import { threadKind } from "../../../src/domain/thread/Thread.ts"
import { commandTags } from "../../../src/domain/topic/CommandTags.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { temporaryFolder } from "../../support/ServerProcess.ts"

const fixtures = fileURLToPath(new URL("../../data/logs", import.meta.url))
const numbers = readdirSync(fixtures).map(Number).sort((a, b) => a - b)
const newest = numbers.at(-1)!

const readExpected = (number: number) => {
  const read = (name: string) => JSON.parse(readFileSync(join(fixtures, `${number}`, `${name}.json`), "utf8"))
  return {
    logs: read("log") as Readonly<Record<TopicId, FixtureLog>>,
    states: read("states") as Readonly<Record<TopicId, FixtureState>>
  }
}

/** A copy of a fixture's database. */
const copyLogs = Effect.fnUntraced(function*(number: number) {
  const filename = join(yield* temporaryFolder, "choir.db")
  copyFileSync(join(fixtures, `${number}`, "choir.db"), filename)
  return filename
})

for (const number of numbers) {
  it.effect(`[TOP9] fixture ${number} loads: its chain, its events and states, from the log and from snapshots`, () =>
    Effect.gen(function*() {
      const database = Layer.fresh(Sqlite.layer({ filename: yield* copyLogs(number) }))
      const { resumed, ...contents } = yield* Effect.provide(readLogs, Layer.provide(EventLogSql.layer, database))
      const expected = readExpected(number)
      assert.deepStrictEqual(contents, expected)
      for (const [topic, state] of Object.entries(resumed)) {
        assert.deepStrictEqual(state, expected.states[topic as TopicId], `from the snapshot of ${topic}`)
      }
      if (number === newest) {
        assert.sameMembers(Object.keys(resumed).map((topic) => kindOf(topic as TopicId)), ["ledger", "room", "thread"])
      }
    }).pipe(Effect.scoped))

  it.effect(`[TOP6] [TOP9] what is under way in fixture ${number} goes on: a submission's text comes with its stake's answer`, () =>
    Effect.gen(function*() {
      const now = Math.max(
        ...Object.values(readExpected(number).logs).flatMap(({ events }) => events.map(({ at }) => at))
      )
      yield* Effect.gen(function*() {
        const { topics } = yield* FixtureServer
        const submissions = Effect.map(
          topics.stateOf(threadKind, TopicId.make("thread:waiting"), "system:fixture"),
          ({ submissions }) => submissions.map(({ content }) => content.text?.slice(0, 34))
        )
        assert.deepStrictEqual(yield* submissions, ["Who votes on this?"])
        yield* topics.recover
        yield* until(Effect.map(submissions, ({ length }) => length === 2))
        assert.deepStrictEqual(yield* submissions, ["Who votes on this?", "The ledger has not offered this ye"])
      }).pipe(Effect.provide(layer(yield* copyLogs(number), now)))
    }).pipe(Effect.scoped))
}

it("[TOP9] the newest fixture has every event of the present version of every built-in kind: a new one needs a new fixture", () => {
  const logs = Object.entries(readExpected(newest).logs)
  for (const { Event, name, version } of builtInKinds.values()) {
    const events = logs.flatMap(([topic, log]) => kindOf(topic as TopicId) === name ? log.events : [])
    const tags = events.filter((entry) => entry.version === version).map(({ event }) => event._tag)
    // Nobody writes texts into a ledger, or into the topic of a user.
    const isWritten = (tag: string) => tag !== "Erased" || !["ledger", "user"].includes(name)
    assert.sameMembers([...new Set(tags)], [...commandTags(Event.ast)].filter(isWritten), name)
  }
})
