/**
 * A process that is made to be killed: writers that never rest command counters
 * on the SQLite file of the first argument, under ids that begin with the second, and print each receipt.
 */
import { Effect, Layer } from "effect"
import { writeSync } from "node:fs"
import { CommandId, TopicId } from "../../src/domain/Ids.ts"
import * as Sql from "../../src/layers/eventlog/Sql.ts"
import * as Sqlite from "../../src/layers/sql/Sqlite.ts"
import { Topics } from "../../src/services/Topics.ts"
import { alice, hosts } from "./Hosted.ts"

const [filename = "", prefix = ""] = process.argv.slice(2)

const write = (topics: Topics["Service"], writer: number, n: number): void => {
  const topic = TopicId.make(`counter:${writer % 4}`)
  const id = CommandId.make(`${prefix}-${writer}-${n}`)
  topics.post(topic, {
    id,
    author: alice,
    input: { _tag: "add", n: 1 },
    reply: (outcome) => {
      if (outcome._tag === "Success") writeSync(1, `${topic} ${id} ${outcome.success.seq}\n`)
      write(topics, writer, n + 1)
    }
  })
}

const log = Sql.layer.pipe(Layer.provide(Sqlite.layer({ filename })))

Effect.runFork(
  Effect.flatMap(Topics, (topics) => {
    for (let writer = 0; writer < 20; writer++) write(topics, writer, 0)
    return Effect.never
  }).pipe(Effect.provide(Layer.provideMerge(hosts({ snapshotEvery: 50 }), log)))
)
