/**
 * Runs the simulator over many seeds: `node scripts/simulate.ts --seeds 50000
 * [--from 1] [--jobs 2] [--bug name] [--story file]`.
 *
 * Ends with 1 when a seed failed; prints what went wrong in it, with the
 * faults that matter, and how to run it again.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect } from "effect"
import { spawn } from "node:child_process"
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Bugs from "../test/simulation/Bugs.ts"
import * as Seeds from "../test/simulation/Seeds.ts"
import { type Report, simulate } from "../test/simulation/Simulation.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
    bug: { type: "string" },
    story: { type: "string" }
  }
})
const seeds = Number(values.seeds)
const from = Number(values.from)
const jobs = Number(values.jobs)
const bug = Bugs.names.find((name) => name === values.bug)

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
  const parts = Array.from({ length: jobs }, (_, n) => [from + n * share, Math.min(share, seeds - n * share)] as const)
  const codes = yield* Effect.forEach(parts, ([first, count]) => elsewhere(first, count), { concurrency: "unbounded" })
  return Math.max(...codes)
})

/** Writes down, line by line, all that happened in one seed. */
const tell = (file: string) =>
  Effect.map(simulate(String(from), { bug, story: true }), ({ story, violations }) => {
    writeFileSync(file, story.join("\n"))
    return violations.length === 0 ? 0 : 1
  })

const program = values.story === undefined ? jobs > 1 ? split : here : tell(values.story)
NodeRuntime.runMain(Effect.map(program, (code) => {
  process.exitCode = code
}))
