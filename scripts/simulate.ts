/**
 * Runs the simulator over many seeds.
 *
 * Ends with 1 when a seed failed; prints what went wrong in it, with the
 * faults that matter, and how to run it again.
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

const usage = `Runs the simulator over many seeds, and tells of those that fail how to run them again.

Usage: npm run simulate -- [options]
  --seeds N      how many; 100 unless said
  --from N       the first one; 1 unless said
  --jobs N       in how many processes; 1 unless said
  --bug NAME     with a bug that is planted on purpose: ${PlantedBugs.bugNames.join(", ")}
  --trace FILE   writes down every step of the first seed, and runs no other
  --help         this`

/** Which seeds, and how; a sentence when that makes no sense. */
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
        if (!/^[1-9]\d{0,14}$/.test(values[name])) throw new Error(`--${name} is a whole number from 1 on`)
      }
      const bug = PlantedBugs.bugNames.find((name) => name === values.bug)
      if (values.bug !== bug) throw new Error(`No bug is called '${values.bug}'`)
      const { from, help, jobs, seeds, trace } = values
      return { seeds: Number(seeds), from: Number(from), jobs: Number(jobs), bug, trace, help }
    },
    // Node's own sentences are followed by advice.
    catch: (error) => `${(error as Error).message.split(/\.\s/, 1)[0]}: see --help.`
  })

const { bug, from, help, jobs, seeds, trace: traceFile } = Result.getOrElse(
  parseOptions(process.argv.slice(2)),
  (why) => {
    process.stderr.write(`${why}\n`)
    process.exit(1)
  }
)

let explainedFailures = 0

/** Says what went wrong; of the first failures, only what matters. */
const printFailure = Effect.fnUntraced(function*(report: SimulationReport) {
  const faults = explainedFailures++ < 5 ? yield* SeedRunner.shrinkFaults(report, { plantedBug: bug }) : report.faults
  yield* Console.log(SeedRunner.formatFailure({ ...report, faults }, bug))
})

/** Seeds of this process. */
const runInThisProcess = Effect.gen(function*() {
  const summary = yield* SeedRunner.runSeeds({ from, seeds, bug, tell: printFailure })
  const sums = Object.entries(summary.totals).map(([name, value]) => `${value} ${name}`).join(", ")
  yield* Console.log(`${from} to ${from + seeds - 1}: ${summary.failures.length} of ${seeds} seeds failed (${sums})`)
  return summary.failures.length === 0 ? 0 : 1
})

/** The same in a process of its own. */
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

/** Writes down, line by line, all that happened in one seed. */
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
