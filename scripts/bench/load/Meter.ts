/** Measures a window: the server's CPU time, the load generator's own, and how long things took. */
import { Effect } from "effect"
import * as Usage from "../Usage.ts"
import type { Job, Result } from "./Job.ts"

/** Samples kept of one run; later ones replace earlier ones. */
const samplesMax = 1 << 20

/** Latencies in milliseconds. */
export class Latencies {
  private readonly samples = new Float64Array(samplesMax)
  private count = 0

  add(milliseconds: number): void {
    this.samples[this.count++ % samplesMax] = milliseconds
  }

  clear(): void {
    this.count = 0
  }

  report(): Result {
    const sorted = this.samples.slice(0, Math.min(this.count, samplesMax)).sort()
    if (sorted.length === 0) return {}
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
    return { "p50 ms": at(0.5), "p99 ms": at(0.99) }
  }
}

/** What was delivered so far, and how long it took. */
export interface Counts {
  delivered: number
  readonly latencies: Latencies
}

/** Lets the load run for the window, and says what each delivery cost meanwhile. */
export const measure = Effect.fnUntraced(function*(
  { target: { pid }, window }: Job,
  counts: Counts,
  what: string
) {
  yield* Effect.sleep(window.warmup)
  counts.latencies.clear()
  const before = {
    rss: Usage.rss(pid),
    delivered: counts.delivered,
    at: performance.now(),
    ticks: Usage.ticks(pid),
    cpu: Usage.cpu(pid)
  }
  const own = process.cpuUsage()
  yield* Effect.sleep(window.measure)
  const cpu = (Usage.cpu(pid) - before.cpu) / 1000
  const seconds = (performance.now() - before.at) / 1000
  const { system, user } = process.cpuUsage(own)
  const ticks = Usage.ticks(pid)
  const inKernel = ticks.system - before.ticks.system
  const delivered = counts.delivered - before.delivered
  if (delivered === 0) return yield* Effect.die("nothing was delivered")
  return {
    [`µs/${what}`]: cpu / delivered,
    "per second": delivered / seconds,
    "MB grown": (Usage.rss(pid) - before.rss) / 1e6,
    "server cores": cpu / 1e6 / seconds,
    "kernel share": inKernel / Math.max(1, inKernel + ticks.user - before.ticks.user),
    "load cores": (system + user) / 1e6 / seconds,
    ...counts.latencies.report()
  } satisfies Result
})
