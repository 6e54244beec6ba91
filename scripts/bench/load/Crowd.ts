/** Healthy people among those who are not: whether they notice. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { setPriority } from "node:os"
import type { Job, Load, Result } from "./Job.ts"
import { type Counts, Latencies, measure } from "./Meter.ts"
import * as Publish from "./Publish.ts"

type Crowd = Extract<Load, { readonly kind: "crowd" }>

/** What the mob's process says next, a line. */
const said = (mob: ChildProcess): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const end = () => resume(Effect.die("the mob's process ended"))
    mob.once("exit", end)
    mob.stdout?.once("data", (bytes: Buffer) => {
      mob.off("exit", end)
      resume(Effect.succeed(String(bytes).trim()))
    })
  })

/** Starts the mob. It runs when nobody else wants the processor: elsewhere it would have machines of its own. */
const call = (job: Job, mob: Crowd["mob"]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const argument = JSON.stringify({ ...job, load: mob } satisfies Job)
      const child = spawn(process.execPath, [process.argv[1] ?? "", argument], { stdio: ["pipe", "pipe", "inherit"] })
      if (child.pid !== undefined) setPriority(child.pid, 10)
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Starts the healthy of one server; measures how long their messages take. */
const healthy = Effect.fnUntraced(function*(job: Job, load: Crowd["healthy"]) {
  const counts: Counts = { delivered: 0, latencies: new Latencies() }
  yield* Publish.start(yield* Publish.enter(job, load, counts), load)
  return (window: Job["window"]) => measure({ ...job, window }, counts, "delivery")
})

export const run = Effect.fnUntraced(function*(job: Job, load: Crowd) {
  const here = yield* healthy(job, load.healthy)
  const there = yield* healthy({ ...job, target: load.spared }, load.healthy)
  const quiet = yield* here(job.window)
  const mob = yield* call(job, load.mob)
  yield* said(mob)
  const window = { ...job.window, measure: load.lasting }
  // At the same time, so that what the machine itself makes them wait is the same.
  const [loud, spared] = yield* Effect.all([here(window), there(window)], { concurrency: 2 })
  mob.stdin?.end()
  const visited = JSON.parse(yield* said(mob)) as Result
  const p99 = (result: Result) => result["p99 ms"] ?? Number.NaN
  return {
    "p99 ms": p99(loud),
    "quiet p99 ms": p99(quiet),
    "spared p99 ms": p99(spared),
    "p99/quiet": p99(loud) / p99(quiet),
    "p99/spared": p99(loud) / p99(spared),
    "p50 ms": loud["p50 ms"] ?? Number.NaN,
    "server cores": loud["server cores"] ?? Number.NaN,
    ...visited
  } satisfies Result
}, Effect.scoped)
