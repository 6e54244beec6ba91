import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Path } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import type { Entry } from "../../../src/domain/topic/Log.ts"
import * as EventLogSql from "../../../src/layers/eventlog/EventLogSql.ts"
import * as Sqlite from "../../../src/layers/sql/Sqlite.ts"
import { EventLog } from "../../../src/services/EventLog.ts"
import { hostsLayer, readTotal, sendCommand } from "../../support/TopicHostFixture.ts"

const writerProcess = fileURLToPath(new URL("../../support/CrashWriter.ts", import.meta.url))

/** Runs writers and kills them while they write; the receipts they had printed. */
const runAndKill = (filename: string, prefix: string, after: number): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => {
    const child = spawn(process.execPath, [writerProcess, filename, prefix], { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
      if (output.split("\n").length > after) child.kill("SIGKILL")
    })
    child.on("close", () => resume(Effect.succeed(output.split("\n").slice(0, -1))))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** A topic's whole log; reading it verifies its seqs and its hash chain. */
const readAll = Effect.fnUntraced(function*(topic: TopicId) {
  const log = yield* EventLog
  const entries: Array<Entry> = []
  while (true) {
    const page = yield* log.read(topic, { after: entries.length, limit: 500 })
    if (page.length === 0) return entries
    entries.push(...page)
  }
})

const topics = [0, 1, 2, 3].map((n) => TopicId.make(`counter:${n}`))

describe("kill -9", () => {
  it.effect(
    "[FLT1] [TOP6] every acknowledged command is in the log once, and the topics continue",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const filename = path.join(yield* fs.makeTempDirectoryScoped(), "choir.db")
        const log = EventLogSql.layer.pipe(Layer.provide(Sqlite.layer({ filename })))
        const receipts: Array<string> = []
        for (let round = 0; round < 4; round++) {
          receipts.push(...yield* runAndKill(filename, `r${round}`, 200 + 137 * round))
          yield* Effect.gen(function*() {
            const stored = new Map<string, number>()
            for (const topic of topics) {
              const entries = yield* readAll(topic)
              for (const { cause, seq } of entries) {
                assert.isFalse(stored.has(`${topic} ${cause}`), `${cause} is there twice`)
                stored.set(`${topic} ${cause}`, seq)
              }
              assert.strictEqual(yield* readTotal(topic), entries.length)
              // A command that is sent again after the crash is known.
              const last = entries.at(-1)
              if (last === undefined) continue
              const again = yield* sendCommand(topic, { _tag: "add", n: 1 }, { id: last.cause })
              assert.deepInclude(again._tag === "Success" ? again.success : {}, { seq: last.seq, duplicate: true })
            }
            for (const receipt of receipts) {
              const [topic, id, seq] = receipt.split(" ")
              assert.strictEqual(stored.get(`${topic} ${id}`), Number(seq), `${receipt} was acknowledged`)
            }
          }).pipe(Effect.provide(Layer.provideMerge(hostsLayer(), log)))
        }
        assert.isAbove(receipts.length, 1000)
      }).pipe(Effect.provide(NodeServices.layer))
  )
})
