/**
 * Runs the servers of a scenario one after another, round after round, so that disturbances of the machine affect all of
 * them. Every run has a fresh server process and a fresh load generator.
 */
import { Console, Effect } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { LoadResult, LoadSpec, MeasurementWindow, ServerTarget } from "./load/LoadSpec.ts"
import type { Scenario } from "./Scenarios.ts"
import * as Servers from "./Servers.ts"

/** How scenarios are run. */
export interface RunOptions {
  readonly rounds: number
  readonly quick: boolean
  /** Additional Node arguments for Choir. */
  readonly nodeArgs: ReadonlyArray<string>
}

/** One server's results by round; undefined where a run failed. */
export interface ServerRuns {
  readonly server: string
  readonly rounds: Array<LoadResult | undefined>
}

/** All results of a scenario. */
export interface ScenarioResult {
  readonly scenario: Scenario
  readonly runs: ReadonlyArray<ServerRuns>
}

const loadGenerator = fileURLToPath(new URL("./load/main.ts", import.meta.url))

/** Milliseconds after which a run counts as failed. */
const runTimeoutMillis = 300_000

const generateLoad = (job: LoadSpec): Effect.Effect<LoadResult | undefined> =>
  Effect.callback<LoadResult | undefined>((resume) => {
    const child = spawn(process.execPath, [loadGenerator, JSON.stringify(job)], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let stdout = ""
    child.stdout.on("data", (bytes: Buffer) => {
      stdout += bytes.toString()
    })
    child.once("close", (code) => resume(Effect.succeed(code === 0 ? JSON.parse(stdout) as LoadResult : undefined)))
    return Effect.sync(() => child.kill("SIGKILL"))
  }).pipe(Effect.timeoutOrElse({ duration: runTimeoutMillis, orElse: () => Effect.undefined }))

/** A shorter window with the same load, for `--quick`. */
const shortenWindow = ({ measure, warmup }: MeasurementWindow): MeasurementWindow => ({
  warmup: Math.min(700, warmup),
  measure: Math.min(1500, measure)
})

const runOnce = (
  server: Servers.BenchServer,
  scenario: Scenario,
  options: RunOptions
): Effect.Effect<LoadResult | undefined> =>
  Effect.scoped(Effect.gen(function*() {
    const start = Effect.map(
      Servers.startServer(server, scenario.raisedLimits, server.adapter === "choir" ? options.nodeArgs : []),
      (running): ServerTarget | undefined => running && { ...running, adapter: server.adapter }
    )
    const load = options.quick ? scenario.quick || scenario.load : scenario.load
    const target = yield* start
    const spared = load.kind === "noisy-neighbours" ? yield* start : target
    if (target === undefined || spared === undefined) return undefined
    return yield* generateLoad({
      target,
      load: load.kind === "noisy-neighbours" ? { ...load, spared } : load,
      window: options.quick ? shortenWindow(scenario.window) : scenario.window
    })
  }))

/** Runs a scenario on servers, `options.rounds` times each; every other round in reverse, since the first of a round is slower. */
export const runScenario = Effect.fnUntraced(
  function*(scenario: Scenario, servers: ReadonlyArray<Servers.BenchServer>, options: RunOptions) {
    const runs = servers.map(({ name }): ServerRuns => ({ server: name, rounds: [] }))
    for (let round = 0; round < options.rounds; round++) {
      const order = [...servers.entries()]
      for (const [i, server] of round % 2 === 0 ? order : order.toReversed()) {
        const result = yield* runOnce(server, scenario, options)
        runs[i]!.rounds.push(result)
        yield* Console.error(
          `${scenario.name} ${server.name} ${round + 1}/${options.rounds}: ${JSON.stringify(result)}`
        )
      }
    }
    return { scenario, runs } satisfies ScenarioResult
  }
)
