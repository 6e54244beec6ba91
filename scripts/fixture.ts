/**
 * Writes a data folder of the present log format for the tests: `choir.db` as a server leaves it, and what it holds as JSON.
 * `log.json` is as final as the log; `states.json` is what the kinds of this version make of it. What a release has written
 * stays: no folder is written twice.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as EventLogSql from "../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../src/layers/sql/Sqlite.ts"
import { sendCommands } from "./fixture/FixtureCommands.ts"
import { layer } from "./fixture/FixtureServer.ts"
import { readLogs } from "./fixture/ReadLogs.ts"
import { parseOptions } from "./ScriptOptions.ts"

const usage = `Writes a fixture of the log format that this version writes.

Usage: npm run fixture -- N
  N         the folder below test/data/logs: the number after the newest
  --states  only write what this version makes of the logs of an existing folder
  --help    print this text`

const { folder, help, states: hasLogs } = parseOptions(() => {
  const { positionals: [number = ""], values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", default: false }, states: { type: "boolean", default: false } }
  })
  const folder = `test/data/logs/${number}`
  if (values.help) return { ...values, folder }
  if (!/^[1-9]\d*$/.test(number)) throw new Error("N must be a positive integer")
  if (values.states && !existsSync(folder)) throw new Error(`'${folder}' does not exist`)
  if (!values.states && existsSync(folder)) throw new Error(`'${folder}' exists, and stays as it is`)
  return { ...values, folder }
})

const database = join(folder, "choir.db")

const writeJson = (name: string, value: object) =>
  Effect.sync(() => writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 1)}\n`))

const writeFolder = Effect.gen(function*() {
  mkdirSync(folder)
  const { logs, states } = yield* Effect.andThen(sendCommands, readLogs).pipe(Effect.provide(layer(database)))
  // The lock of the process. The last connection to a file takes its write-ahead log with it.
  rmSync(`${database}-lock`)
  yield* writeJson("log", logs)
  yield* writeJson("states", states)
})

const writeStates = Effect.gen(function*() {
  const copies = mkdtempSync(join(tmpdir(), "choir-"))
  const filename = join(copies, "choir.db")
  copyFileSync(database, filename)
  const log = Layer.provide(EventLogSql.layer, Sqlite.layer({ filename }))
  const { states } = yield* Effect.provide(readLogs, log)
  yield* writeJson("states", states)
  rmSync(copies, { recursive: true })
})

NodeRuntime.runMain(
  help
    ? Console.log(usage)
    : Effect.andThen(hasLogs ? writeStates : writeFolder, Console.log(`${folder} is written: commit it`))
)
