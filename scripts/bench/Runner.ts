/** Runs every server of a scenario in turn, round after round, so that what disturbs the machine disturbs all of them. */
import { Console, Effect } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Job, Result, Target, Window } from "./load/Job.ts"
import type { Scenario } from "./Scenarios.ts"
import * as Servers from "./Servers.ts"

export interface Options {
  readonly rounds: number
  readonly quick: boolean
  /** Further arguments for Node when it runs Choir. */
  readonly nodeArgs: ReadonlyArray<string>
}

/** One server's results, one of each round; undefined where a run failed. */
export interface Runs {
  readonly server: string
  readonly rounds: Array<Result | undefined>
}

export interface Measured {
  readonly scenario: Scenario
  readonly runs: ReadonlyArray<Runs>
}

const generator = fileURLToPath(new URL("./load/main.ts", import.meta.url))

/** Milliseconds after which a run counts as failed. */
const patience = 300_000

const load = (job: Job): Effect.Effect<Result | undefined> =>
  Effect.callback<Result | undefined>((resume) => {
    const child = spawn(process.execPath, [generator, JSON.stringify(job)], { stdio: ["ignore", "pipe", "inherit"] })
    let said = ""
    child.stdout.on("data", (bytes: Buffer) => {
      said += bytes.toString()
    })
    child.once("close", (code) => resume(Effect.succeed(code === 0 ? JSON.parse(said) as Result : undefined)))
    return Effect.sync(() => child.kill("SIGKILL"))
  }).pipe(Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.undefined }))

/** Shorter windows: less to average over, but the same load. */
const hurry = ({ measure, warmup }: Window): Window => ({
  warmup: Math.min(700, warmup),
  measure: Math.min(1500, measure)
})

const once = (server: Servers.Server, scenario: Scenario, options: Options): Effect.Effect<Result | undefined> =>
  Effect.scoped(Effect.gen(function*() {
    const start = Effect.map(
      Servers.start(server, scenario.raised, server.dialect === "choir" ? options.nodeArgs : []),
      (running): Target | undefined => running && { ...running, dialect: server.dialect }
    )
    const plan = options.quick ? scenario.quick || scenario.load : scenario.load
    const target = yield* start
    const spared = plan.kind === "crowd" ? yield* start : target
    if (target === undefined || spared === undefined) return undefined
    return yield* load({
      target,
      load: plan.kind === "crowd" ? { ...plan, spared } : plan,
      window: options.quick ? hurry(scenario.window) : scenario.window
    })
  }))

export const run = Effect.fnUntraced(
  function*(scenario: Scenario, servers: ReadonlyArray<Servers.Server>, options: Options) {
    const runs = servers.map(({ name }): Runs => ({ server: name, rounds: [] }))
    for (let round = 0; round < options.rounds; round++) {
      for (const [i, server] of servers.entries()) {
        const result = yield* once(server, scenario, options)
        runs[i]!.rounds.push(result)
        yield* Console.error(
          `${scenario.name} ${server.name} ${round + 1}/${options.rounds}: ${JSON.stringify(result)}`
        )
      }
    }
    return { scenario, runs } satisfies Measured
  }
)
