/** Records latencies, and measures a window: CPU time of server and load generator, throughput and percentiles. */
import { Effect } from "effect"
import * as ProcessStats from "../ProcessStats.ts"
import type { LoadResult, LoadSpec } from "./LoadSpec.ts"

/** Capacity; later samples replace the oldest. */
const samplesMax = 1 << 20

/** Latency samples in milliseconds, kept exactly instead of in a histogram: runs are short. */
export class LatencyRecorder {
  private readonly samples = new Float64Array(samplesMax)
  private count = 0

  add(milliseconds: number): void {
    this.samples[this.count++ % samplesMax] = milliseconds
  }

  clear(): void {
    this.count = 0
  }

  /** The 50th and 99th percentile; empty without samples. */
  percentiles(): LoadResult {
    const sorted = this.samples.slice(0, Math.min(this.count, samplesMax)).sort()
    if (sorted.length === 0) return {}
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
    return { "p50 ms": at(0.5), "p99 ms": at(0.99) }
  }
}

/** Deliveries so far and their latencies. */
export interface DeliveryCounts {
  delivered: number
  readonly latencies: LatencyRecorder
}

/** Waits for the warm-up, then measures for the window; the cost is per `operation`. */
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
