/**
 * A program that a test kills: writers send commands to counters in the SQLite file of the first argument without pause,
 * under ids with the prefix of the second, and print each receipt.
 */
import { Effect, Layer } from "effect"
import { writeSync } from "node:fs"
import { CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import * as EventLogSql from "../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../src/layers/sql/Sqlite.ts"
import { Topics } from "../../src/services/Topics.ts"
import { alice, hostsLayer } from "./TopicHostFixture.ts"

const [filename = "", prefix = ""] = process.argv.slice(2)

const writeForever = (topics: Topics["Service"], writer: number, n: number): void => {
  const topic = TopicId.make(`counter:${writer % 4}`)
  const id = CommandId.make(`${prefix}-${writer}-${n}`)
  topics.post(topic, {
    id,
    author: alice,
    input: { _tag: "add", n: 1 },
    reply: (outcome) => {
      if (outcome._tag === "Success") writeSync(1, `${topic} ${id} ${outcome.success.seq}\n`)
      writeForever(topics, writer, n + 1)
    }
  })
}

const logLayer = EventLogSql.layer.pipe(Layer.provide(Sqlite.layer({ filename })))

Effect.runFork(
  Effect.flatMap(Topics, (topics) => {
    for (let writer = 0; writer < 20; writer++) writeForever(topics, writer, 0)
    return Effect.never
  }).pipe(Effect.provide(Layer.provideMerge(hostsLayer({ snapshotEvery: 50 }), logLayer)))
)
