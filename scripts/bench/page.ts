/**
 * The benchmark of the page, in Chromium, in a thread of 2,000 messages: the built page against a real server. Prints a
 * table of the figures and their limits, and writes `docs/bench/page.json`. `docs/performance.md` explains the figures.
 *
 * Usage: `npm run build && npm run bench:page -- [options]`
 *   --rounds=N         rounds (default 3)
 *   --messages=N       messages of the thread (default 2000)
 *   --seconds=N        for how long an answer streams (default 60)
 *   --checkout=FOLDER  measures another checkout, which is built; writes no file
 *   --profile=FOLDER   writes CPU profiles of the last round; writes no file
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { parseInteger, parseOptions } from "../ScriptOptions.ts"
import * as PageReport from "./page/PageReport.ts"
import * as PageRound from "./page/PageRound.ts"

const { checkout, messages, profile, rounds, seconds } = parseOptions(() => {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      messages: { type: "string", default: "2000" },
      seconds: { type: "string", default: "60" },
      checkout: { type: "string" },
      profile: { type: "string" }
    }
  })
  return {
    ...values,
    rounds: parseInteger("rounds", values.rounds),
    messages: parseInteger("messages", values.messages),
    seconds: parseInteger("seconds", values.seconds)
  }
})

const main = Effect.gen(function*() {
  if (profile !== undefined) mkdirSync(profile, { recursive: true })
  const results: Array<PageRound.Figures> = []
  const loads: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    results.push(
      yield* PageRound.run({
        main: join(checkout ?? "", "dist/main.js"),
        messages,
        seconds,
        profiles: round === rounds - 1 ? profile : undefined
      })
    )
    loads.push(loadavg()[0]!)
    yield* Console.error(`round ${round + 1} of ${rounds}: ${JSON.stringify(results.at(-1))}`)
  }
  yield* Console.log(PageReport.renderTable(results))
  if (checkout !== undefined || profile !== undefined) return
  const about = {
    node: process.versions.node,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    // Of the whole machine: figures that were taken beside other work are worse than they would be.
    loads,
    messages,
    seconds
  }
  writeFileSync("docs/bench/page.json", `${JSON.stringify({ ...about, rounds: results }, undefined, 2)}\n`)
})

NodeRuntime.runMain(main)
