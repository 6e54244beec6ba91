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
import * as Bugs from "../test/simulation/Bugs.ts"
import * as Seeds from "../test/simulation/Seeds.ts"
import { type Report, simulate } from "../test/simulation/Simulation.ts"

const usage = `Runs the simulator over many seeds, and tells of those that fail how to run them again.

Usage: npm run simulate -- [options]
  --seeds N      how many; 100 unless said
  --from N       the first one; 1 unless said
  --jobs N       in how many processes; 1 unless said
  --bug NAME     with a bug that is planted on purpose: ${Bugs.names.join(", ")}
  --story FILE   writes down every step of the first seed, and runs no other
  --help         this`

/** Which seeds, and how; a sentence when that makes no sense. */
const asked = (args: ReadonlyArray<string>) =>
  Result.try({
    try: () => {
      const { values } = parseArgs({
        args: [...args],
        options: {
          seeds: { type: "string", default: "100" },
          from: { type: "string", default: "1" },
          jobs: { type: "string", default: "1" },
          bug: { type: "string" },
          story: { type: "string" },
          help: { type: "boolean", default: false }
        }
      })
      for (const name of ["seeds", "from", "jobs"] as const) {
        if (!/^[1-9]\d{0,14}$/.test(values[name])) throw new Error(`--${name} is a whole number from 1 on`)
      }
      const bug = Bugs.names.find((name) => name === values.bug)
      if (values.bug !== bug) throw new Error(`No bug is called '${values.bug}'`)
      const { from, help, jobs, seeds, story } = values
      return { seeds: Number(seeds), from: Number(from), jobs: Number(jobs), bug, story, help }
    },
    // Node's own sentences are followed by advice.
    catch: (fault) => `${(fault as Error).message.split(/\.\s/, 1)[0]}: see --help.`
  })

const { bug, from, help, jobs, seeds, story } = Result.getOrElse(asked(process.argv.slice(2)), (why) => {
  process.stderr.write(`${why}\n`)
  process.exit(1)
})

let told = 0

/** Says what went wrong; of the first failures, only what matters. */
const explain = Effect.fnUntraced(function*(report: Report) {
  const faults = told++ < 5 ? yield* Seeds.shrink(report, { bug }) : report.faults
  yield* Console.log(Seeds.explain({ ...report, faults }, bug))
})

/** Seeds of this process. */
const here = Effect.gen(function*() {
  const summary = yield* Seeds.run({ from, seeds, bug, tell: explain })
  const sums = Object.entries(summary.stats).map(([name, value]) => `${value} ${name}`).join(", ")
  yield* Console.log(`${from} to ${from + seeds - 1}: ${summary.failed.length} of ${seeds} seeds failed (${sums})`)
  return summary.failed.length === 0 ? 0 : 1
})

/** The same in a process of its own. */
const elsewhere = (first: number, count: number) =>
  Effect.callback<number>((resume) => {
    const args = ["--from", `${first}`, "--seeds", `${count}`, ...bug === undefined ? [] : ["--bug", bug]]
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: "inherit" })
    child.on("close", (code) => resume(Effect.succeed(code ?? 1)))
    return Effect.sync(() => child.kill())
  })

const split = Effect.gen(function*() {
  const share = Math.ceil(seeds / jobs)
  const parts = Array.from(
    { length: Math.ceil(seeds / share) },
    (_, n) => [from + n * share, Math.min(share, seeds - n * share)] as const
  )
  const codes = yield* Effect.forEach(parts, ([first, count]) => elsewhere(first, count), { concurrency: "unbounded" })
  return Math.max(...codes)
})

/** Writes down, line by line, all that happened in one seed. */
const tell = (file: string) =>
  Effect.map(simulate(String(from), { bug, story: true }), ({ story: steps, violations }) => {
    writeFileSync(file, steps.join("\n"))
    return violations.length === 0 ? 0 : 1
  })

const program = help
  ? Effect.as(Console.log(usage), 0)
  : story === undefined
  ? jobs > 1 ? split : here
  : tell(story)
NodeRuntime.runMain(Effect.map(program, (code) => {
  process.exitCode = code
}))
