/**
 * The noisy-neighbour load: latency of healthy clients before and during abuse, compared with healthy clients of a second,
 * unattacked server on the same machine.
 */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { setPriority } from "node:os"
import { type DeliveryCounts, LatencyRecorder, measureWindow } from "./LatencyRecorder.ts"
import type { Load, LoadResult, LoadSpec } from "./LoadSpec.ts"
import * as Publish from "./Publish.ts"

type NoisyNeighbourLoad = Extract<Load, { readonly kind: "noisy-neighbours" }>

/** The next line that the abusive process prints. */
const nextLine = (child: ChildProcess): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const onExit = () => resume(Effect.die("the abusive process exited"))
    child.once("exit", onExit)
    child.stdout?.once("data", (bytes: Buffer) => {
      child.off("exit", onExit)
      resume(Effect.succeed(String(bytes).trim()))
    })
  })

/** Starts the abusive clients at low priority: in production they would use other machines. */
const spawnAbusiveClients = (job: LoadSpec, load: NoisyNeighbourLoad["abuse"]) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const argument = JSON.stringify({ ...job, load } satisfies LoadSpec)
      const child = spawn(process.execPath, [process.argv[1] ?? "", argument], { stdio: ["pipe", "pipe", "inherit"] })
      if (child.pid !== undefined) setPriority(child.pid, 10)
      return child
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

/** Starts the healthy clients of one server; the result measures their latency in a window. */
const startHealthyClients = Effect.fnUntraced(function*(job: LoadSpec, load: NoisyNeighbourLoad["healthy"]) {
  const counts: DeliveryCounts = { delivered: 0, latencies: new LatencyRecorder() }
  yield* Publish.startSending(yield* Publish.joinRooms(job, load, counts), load)
  return (window: LoadSpec["window"]) => measureWindow({ ...job, window }, counts, "delivery")
})

/** Runs the load; `p99/quiet` is the ratio to before, `p99/spared` to the control server. */
export const runNoisyNeighbours = Effect.fnUntraced(function*(job: LoadSpec, load: NoisyNeighbourLoad) {
  const measureLoaded = yield* startHealthyClients(job, load.healthy)
  const measureSpared = yield* startHealthyClients({ ...job, target: load.spared }, load.healthy)
  const baseline = yield* measureLoaded(job.window)
  const abusiveClients = yield* spawnAbusiveClients(job, load.abuse)
  yield* nextLine(abusiveClients)
  const window = { ...job.window, measure: load.duration }
  // Measured at the same time, so that delays of the machine itself are equal in both.
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
