/**
 * Measures durable appends per second through `EventLogSql`, on SQLite or on a Postgres server: many topics, each with one
 * append at a time, as their hosts have. An append is what a message in a thread writes: a signed event and the thread's
 * entry in the directory.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer, Redacted } from "effect"
import type { SqlClient } from "effect/sql"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { CommandId, TopicId, UserId } from "../src/domain/protocol/Ids.ts"
import { commitTexts, write } from "../src/domain/topic/SealedText.ts"
import { sha256 } from "../src/layers/eventlog/ChainVerification.ts"
import * as EventLogSql from "../src/layers/eventlog/EventLogSql.ts"
import * as Postgres from "../src/layers/sql/Postgres.ts"
import * as Sqlite from "../src/layers/sql/Sqlite.ts"
import { type AppendRequest, EventLog } from "../src/services/EventLog.ts"
import { parseInteger, parseOptions } from "./ScriptOptions.ts"

const usage = `Measures appends per second to topics' logs.

Usage: node scripts/appends.ts [options]
  --postgres URL  on an empty database of a Postgres server; without it on SQLite in a temporary folder
  --topics N      topics that are appended to at once (default 1000)
  --seconds N     duration of a round (default 3)
  --rounds N      rounds, of which the first warms up (default 4)
  --help          print this text`

const { help, postgres, rounds, seconds, topics } = parseOptions(() => {
  const { values } = parseArgs({
    options: {
      postgres: { type: "string" },
      topics: { type: "string", default: "1000" },
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "4" },
      help: { type: "boolean", default: false }
    }
  })
  return {
    ...values,
    topics: parseInteger("topics", values.topics),
    seconds: parseInteger("seconds", values.seconds),
    rounds: parseInteger("rounds", values.rounds)
  }
})

const author = UserId.make("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
const text = "Steep green tea at 80 degrees for two minutes, and black tea at 95 degrees for four. ".repeat(2)

/** What a message writes to its thread's log. */
const makeAppend = (topic: TopicId, expectedSeq: number): AppendRequest => {
  const cause = CommandId.make(`00000000-0000-4000-8000-${String(expectedSeq + 1).padStart(12, "0")}`)
  const command = commitTexts({ _tag: "submit_message", content: write(text) }, () => cause, sha256)
  const signature = {
    audience: "http://127.0.0.1:4100",
    topic,
    command: JSON.parse(JSON.stringify(command)),
    timestamp: 1_700_000_000_000,
    signature: "s".repeat(86)
  }
  const event = {
    _tag: "MessagePublished",
    at: signature.timestamp,
    author,
    content: command.content,
    id: cause,
    source: null
  }
  const command_hash = "0123456789abcdef"
  return {
    topic,
    expectedSeq,
    drafts: [{
      topic,
      seq: expectedSeq + 1,
      at: signature.timestamp,
      cause,
      principal: { person: author },
      depth: 0,
      version: 1,
      event,
      signature,
      command_hash
    }],
    wakeAt: undefined,
    hasPendingIntents: false,
    listing: {
      title: "Notes on tea",
      visibility: "members",
      status: "active",
      members: [author, "system:ada"],
      updatedAt: signature.timestamp + expectedSeq
    }
  }
}

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "choir-appends-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const database = postgres === undefined
  ? Layer.orDie(
    Layer.unwrap(Effect.map(temporaryFolder, (folder) => Sqlite.layer({ filename: join(folder, "choir.db") })))
  )
  : Layer.orDie(Postgres.layer({ url: Redacted.make(postgres) }))

const logLayer = Layer.provide(EventLogSql.layer, database as Layer.Layer<SqlClient.SqlClient>)

const program = Effect.gen(function*() {
  const log = yield* EventLog
  const heads = new Map(Array.from({ length: topics }, (_, n) => [TopicId.make(`thread:${n}`), 0]))
  for (let round = 0; round < rounds; round++) {
    const [start, cpu] = [performance.now(), process.cpuUsage()]
    let appends = 0
    yield* Effect.forEach(heads.keys(), (topic) =>
      Effect.gen(function*() {
        while (performance.now() - start < seconds * 1000) {
          const head = heads.get(topic) ?? 0
          yield* log.append(makeAppend(topic, head))
          heads.set(topic, head + 1)
          appends += 1
        }
      }), { concurrency: "unbounded", discard: true })
    const elapsed = (performance.now() - start) / 1000
    const { system, user } = process.cpuUsage(cpu)
    yield* Console.log(
      `${Math.round(appends / elapsed)} appends/s, ` +
        `${((system + user) / appends).toFixed(0)} µs of this process's CPU each${round === 0 ? " (warming up)" : ""}`
    )
  }
})

NodeRuntime.runMain(help ? Console.log(usage) : program.pipe(Effect.provide(logLayer), Effect.orDie))
