/** Healthy people among those who are not: whether they notice. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { setPriority } from "node:os"
import { type DeliveryCounts, LatencyRecorder, measureWindow } from "./LatencyRecorder.ts"
import type { Load, LoadResult, LoadSpec } from "./LoadSpec.ts"
import * as Publish from "./Publish.ts"

type NoisyNeighbourLoad = Extract<Load, { readonly kind: "crowd" }>

/** What the mob's process says next, a line. */
const nextLine = (child: ChildProcess): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const onExit = () => resume(Effect.die("the mob's process ended"))
    child.once("exit", onExit)
    child.stdout?.once("data", (bytes: Buffer) => {
      child.off("exit", onExit)
      resume(Effect.succeed(String(bytes).trim()))
    })
  })

/** Starts the mob. It runs when nobody else wants the processor: elsewhere it would have machines of its own. */
const spawnAbusiveClients = (job: LoadSpec, load: NoisyNeighbourLoad["mob"]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const argument = JSON.stringify({ ...job, load } satisfies LoadSpec)
      const child = spawn(process.execPath, [process.argv[1] ?? "", argument], { stdio: ["pipe", "pipe", "inherit"] })
      if (child.pid !== undefined) setPriority(child.pid, 10)
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Starts the healthy of one server; measures how long their messages take. */
const startHealthyClients = Effect.fnUntraced(function*(job: LoadSpec, load: NoisyNeighbourLoad["healthy"]) {
  const counts: DeliveryCounts = { delivered: 0, latencies: new LatencyRecorder() }
  yield* Publish.startSending(yield* Publish.joinRooms(job, load, counts), load)
  return (window: LoadSpec["window"]) => measureWindow({ ...job, window }, counts, "delivery")
})

export const runNoisyNeighbours = Effect.fnUntraced(function*(job: LoadSpec, load: NoisyNeighbourLoad) {
  const measureLoaded = yield* startHealthyClients(job, load.healthy)
  const measureSpared = yield* startHealthyClients({ ...job, target: load.spared }, load.healthy)
  const baseline = yield* measureLoaded(job.window)
  const abusiveClients = yield* spawnAbusiveClients(job, load.mob)
  yield* nextLine(abusiveClients)
  const window = { ...job.window, measure: load.lasting }
  // At the same time, so that what the machine itself makes them wait is the same.
  const [loaded, spared] = yield* Effect.all([measureLoaded(window), measureSpared(window)], { concurrency: 2 })
  abusiveClients.stdin?.end()
  const abuseResult = JSON.parse(yield* nextLine(abusiveClients)) as LoadResult
  const p99 = (result: LoadResult) => result["p99 ms"] ?? Number.NaN
  return {
    "p99 ms": p99(loaded),
    "quiet p99 ms": p99(baseline),
    "spared p99 ms": p99(spared),
    "p99/quiet": p99(loaded) / p99(baseline),
    "p99/spared": p99(loaded) / p99(spared),
    "p50 ms": loaded["p50 ms"] ?? Number.NaN,
    "server cores": loaded["server cores"] ?? Number.NaN,
    ...abuseResult
  } satisfies LoadResult
}, Effect.scoped)
