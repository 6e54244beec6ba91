/**
 * The benchmark: measures Choir and comparable servers under the same load, interleaved, and writes docs/bench.
 * `docs/performance.md` explains the method. Linux only; an idle machine gives better results.
 *
 * Usage: `npm run bench -- [options]`
 *   --quick            smaller loads, one round: two minutes
 *   --growth           scenarios for the growth of Choir's costs instead of comparisons
 *   --only=NAME,…      these scenarios only; writes no files
 *   --rounds=N         rounds per scenario (default 3; 1 with --quick or --growth)
 *   --against=FOLDER   also measures another checkout of Choir, in pairs; with 3 to 16 rounds, ratios have intervals
 *   --choir            measures no other servers; writes nothing
 *   --flags=FLAG,…     Node flags for Choir
 *   --profile=FOLDER   writes CPU profiles of Choir
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem } from "effect"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import * as Plot from "./Plot.ts"
import * as Report from "./Report.ts"
import * as Runner from "./Runner.ts"
import * as Scenarios from "./Scenarios.ts"
import * as Servers from "./Servers.ts"

const { values: flags } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    against: { type: "string" },
    choir: { type: "boolean", default: false },
    profile: { type: "string" },
    flags: { type: "string" },
    growth: { type: "boolean", default: false }
  }
})

const options: Runner.RunOptions = {
  quick: flags.quick,
  rounds: Number(flags.rounds ?? (flags.quick || flags.growth ? 1 : 3)),
  nodeArgs: [
    ...flags.flags?.split(",") ?? [],
    ...flags.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${flags.profile}`]
  ]
}

const selectedScenarios = flags.only?.split(",")
const choirServers = [
  Servers.choirServer("choir", Servers.root),
  ...flags.against === undefined ? [] : [Servers.choirServer("choir before", flags.against)]
]

/** uWebSockets.js is on no registry, so it is compared only where it is installed. */
const hasUws = Effect.map(
  Effect.option(Effect.tryPromise(() => import(`${"uWebSockets.js"}`))),
  (found) => found._tag === "Some"
)

const main = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const withUws = yield* hasUws
  const measured: Array<Runner.ScenarioResult> = []
  for (const scenario of flags.growth ? Scenarios.growthScenarios : Scenarios.comparisonScenarios) {
    if (
      selectedScenarios === undefined
        ? options.quick && scenario.quick === false
        : !selectedScenarios.includes(scenario.name)
    ) continue
    const others = flags.choir ?
      [] :
      scenario.comparedWith.filter((server) =>
        (server !== Servers.uwsServer || withUws) && (server !== Servers.socketIoServer || !options.quick)
      )
    measured.push(yield* Runner.runScenario(scenario, [...choirServers, ...others], options))
  }
  yield* Console.log(Report.renderTable(measured))
  if (selectedScenarios !== undefined || flags.choir) return
  const about = { node: process.versions.node, cpu: cpus()[0]?.model, cores: cpus().length, ...options }
  const name = flags.growth ? "growth" : options.quick ? "quick" : "results"
  yield* fs.makeDirectory("docs/bench", { recursive: true })
  yield* fs.writeFileString(`docs/bench/${name}.json`, Report.renderJson(measured, about))
  if (!flags.growth) yield* fs.writeFileString(`docs/bench/${name}.svg`, Plot.renderSvg(measured))
})

NodeRuntime.runMain(Effect.provide(main, NodeServices.layer))
