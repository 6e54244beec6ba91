/**
 * The simulator's command line: runs a range of seeds, in several processes if asked, and exits with 1 when one fails.
 * A failing seed is printed with its violations, its shrunk fault plan and the command that replays it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as PlantedBugs from "../src/testing/simulation/planted-bugs/PlantedBugs.ts"
import * as SeedRunner from "../src/testing/simulation/SeedRunner.ts"
import { simulate, type SimulationReport } from "../src/testing/simulation/Simulation.ts"
import { parseInteger, parseOptions } from "./ScriptOptions.ts"

const usage = `Runs the simulator over a range of seeds and prints how to replay those that fail.

Usage: npm run simulate -- [options]
  --seeds N      number of seeds (default 100)
  --from N       first seed (default 1)
  --jobs N       number of processes (default 1)
  --bug NAME     run with a planted bug: ${PlantedBugs.bugNames.join(", ")}
  --trace FILE   run the first seed only, and write its trace to FILE
  --help         print this text`

const { bug, from, help, jobs, seeds, trace: traceFile } = parseOptions(() => {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "100" },
      from: { type: "string", default: "1" },
      jobs: { type: "string", default: "1" },
      bug: { type: "string" },
      trace: { type: "string" },
      help: { type: "boolean", default: false }
    }
  })
  const bug = PlantedBugs.bugNames.find((name) => name === values.bug)
  if (values.bug !== bug) throw new Error(`Unknown planted bug '${values.bug}'`)
  return {
    ...values,
    bug,
    seeds: parseInteger("seeds", values.seeds),
    from: parseInteger("from", values.from),
    jobs: parseInteger("jobs", values.jobs)
  }
})

/** Shrinking replays a seed once per fault, so only so many failures are shrunk. */
const shrunkFailuresMax = 5
let failureCount = 0

/** Prints a failing seed. */
const printFailure = Effect.fnUntraced(function*(report: SimulationReport) {
  const faults = failureCount++ < shrunkFailuresMax
    ? yield* SeedRunner.shrinkFaults(report, { plantedBug: bug })
    : report.faults
  yield* Console.log(SeedRunner.formatFailure({ ...report, faults }, bug))
})

/** Runs the whole range in this process. */
const runInThisProcess = Effect.gen(function*() {
  const summary = yield* SeedRunner.runSeeds({ from, seeds, bug, onFailure: printFailure })
  const sums = Object.entries(summary.totals).map(([name, value]) => `${value} ${name}`).join(", ")
  yield* Console.log(`${from} to ${from + seeds - 1}: ${summary.failures.length} of ${seeds} seeds failed (${sums})`)
  return summary.failures.length === 0 ? 0 : 1
})

/** Runs a part of the range in a child process. */
const runInChildProcess = (first: number, count: number) =>
  Effect.callback<number>((resume) => {
    const args = ["--from", `${first}`, "--seeds", `${count}`, ...bug === undefined ? [] : ["--bug", bug]]
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: "inherit" })
    child.on("close", (code) => resume(Effect.succeed(code ?? 1)))
    return Effect.sync(() => child.kill())
  })

const runInParallel = Effect.gen(function*() {
  const share = Math.ceil(seeds / jobs)
  const parts = Array.from(
    { length: Math.ceil(seeds / share) },
    (_, n) => [from + n * share, Math.min(share, seeds - n * share)] as const
  )
  const codes = yield* Effect.forEach(parts, ([first, count]) => runInChildProcess(first, count), {
    concurrency: "unbounded"
  })
  return Math.max(...codes)
})

/** Writes the trace of the first seed to a file. */
const writeTrace = (file: string) =>
  Effect.map(simulate(String(from), { plantedBug: bug, recordTrace: true }), ({ trace: lines, violations }) => {
    writeFileSync(file, lines.join("\n"))
    return violations.length === 0 ? 0 : 1
  })

const program = help
  ? Effect.as(Console.log(usage), 0)
  : traceFile === undefined
  ? jobs > 1 ? runInParallel : runInThisProcess
  : writeTrace(traceFile)
NodeRuntime.runMain(Effect.map(program, (code) => {
  process.exitCode = code
}))
