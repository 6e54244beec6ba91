/**
 * The simulator's command line: runs a range of seeds, in several processes if asked, and exits with 1 when one fails.
 * A failing seed is printed with its violations, its shrunk fault plan and the command that replays it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Result } from "effect"
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as PlantedBugs from "../src/testing/simulation/planted-bugs/PlantedBugs.ts"
import * as SeedRunner from "../src/testing/simulation/SeedRunner.ts"
import { simulate, type SimulationReport } from "../src/testing/simulation/Simulation.ts"

const usage = `Runs the simulator over a range of seeds and prints how to replay those that fail.

Usage: npm run simulate -- [options]
  --seeds N      number of seeds (default 100)
  --from N       first seed (default 1)
  --jobs N       number of processes (default 1)
  --bug NAME     run with a planted bug: ${PlantedBugs.bugNames.join(", ")}
  --trace FILE   run the first seed only, and write its trace to FILE
  --help         print this text`

/** The options; a sentence when they are invalid. */
const parseOptions = (args: ReadonlyArray<string>) =>
  Result.try({
    try: () => {
      const { values } = parseArgs({
        args: [...args],
        options: {
          seeds: { type: "string", default: "100" },
          from: { type: "string", default: "1" },
          jobs: { type: "string", default: "1" },
          bug: { type: "string" },
          trace: { type: "string" },
          help: { type: "boolean", default: false }
        }
      })
      for (const name of ["seeds", "from", "jobs"] as const) {
        if (!/^[1-9]\d{0,14}$/.test(values[name])) throw new Error(`--${name} must be a positive integer`)
      }
      const bug = PlantedBugs.bugNames.find((name) => name === values.bug)
      if (values.bug !== bug) throw new Error(`Unknown planted bug '${values.bug}'`)
      const { from, help, jobs, seeds, trace } = values
      return { seeds: Number(seeds), from: Number(from), jobs: Number(jobs), bug, trace, help }
    },
    // Node appends advice to its own messages; only their first sentence is kept.
    catch: (error) => `${(error as Error).message.split(/\.\s/, 1)[0]}: see --help.`
  })

const { bug, from, help, jobs, seeds, trace: traceFile } = Result.getOrElse(
  parseOptions(process.argv.slice(2)),
  (message) => {
    process.stderr.write(`${message}\n`)
    process.exit(1)
  }
)

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
