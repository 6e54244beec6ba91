/** Measures a window: the server's CPU time, the load generator's own, and how long things took. */
import { Effect } from "effect"
import * as ProcessStats from "../ProcessStats.ts"
import type { LoadResult, LoadSpec } from "./LoadSpec.ts"

/** Samples kept of one run; later ones replace earlier ones. */
const samplesMax = 1 << 20

/** Latencies in milliseconds. */
export class LatencyRecorder {
  private readonly samples = new Float64Array(samplesMax)
  private count = 0

  add(milliseconds: number): void {
    this.samples[this.count++ % samplesMax] = milliseconds
  }

  clear(): void {
    this.count = 0
  }

  percentiles(): LoadResult {
    const sorted = this.samples.slice(0, Math.min(this.count, samplesMax)).sort()
    if (sorted.length === 0) return {}
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
    return { "p50 ms": at(0.5), "p99 ms": at(0.99) }
  }
}

/** What was delivered so far, and how long it took. */
export interface DeliveryCounts {
  delivered: number
  readonly latencies: LatencyRecorder
}

/** Lets the load run for the window, and says what each delivery cost meanwhile. */
export const measureWindow = Effect.fnUntraced(function*(
  { target: { pid }, window }: LoadSpec,
  counts: DeliveryCounts,
  operation: string
) {
  yield* Effect.sleep(window.warmup)
  counts.latencies.clear()
  const start = {
    rss: ProcessStats.rssBytes(pid),
    delivered: counts.delivered,
    at: performance.now(),
    ticks: ProcessStats.cpuTicks(pid),
    cpu: ProcessStats.cpuNanos(pid)
  }
  const generatorCpu = process.cpuUsage()
  yield* Effect.sleep(window.measure)
  const cpu = (ProcessStats.cpuNanos(pid) - start.cpu) / 1000
  const seconds = (performance.now() - start.at) / 1000
  const { system, user } = process.cpuUsage(generatorCpu)
  const ticks = ProcessStats.cpuTicks(pid)
  const kernelTicks = ticks.system - start.ticks.system
  const delivered = counts.delivered - start.delivered
  if (delivered === 0) return yield* Effect.die("nothing was delivered")
  return {
    [`µs/${operation}`]: cpu / delivered,
    "per second": delivered / seconds,
    "MB grown": (ProcessStats.rssBytes(pid) - start.rss) / 1e6,
    "server cores": cpu / 1e6 / seconds,
    "kernel share": kernelTicks / Math.max(1, kernelTicks + ticks.user - start.ticks.user),
    "load cores": (system + user) / 1e6 / seconds,
    ...counts.latencies.percentiles()
  } satisfies LoadResult
})
