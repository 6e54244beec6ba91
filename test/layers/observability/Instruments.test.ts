import { assert, describe, it } from "@effect/vitest"
import { Context, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import * as Instruments from "../../../src/layers/observability/Instruments.ts"

const prometheusLines = ({ registry }: Instruments.Instruments) =>
  PrometheusMetrics.formatUnsafe(Context.make(Metric.MetricRegistry, registry)).trim().split("\n")

describe("Instruments", () => {
  it("[OPS3] counters are exported with one line per set of labels", () => {
    const meters = Instruments.make()
    const one = meters.counter("choir_things_total", "Things", { kind: "one" })
    meters.counter("choir_things_total", "Things", { kind: "two" })
    meters.gauge("choir_now", "Now", () => one.value * 2)
    one.value += 3
    assert.deepStrictEqual(prometheusLines(meters), [
      "# HELP choir_things_total Things",
      "# TYPE choir_things_total counter",
      `choir_things_total{kind="one"} 3`,
      `choir_things_total{kind="two"} 0`,
      "# HELP choir_now Now",
      "# TYPE choir_now gauge",
      "choir_now 6"
    ])
  })

  it("[OPS3] a histogram's buckets are cumulative, and values above the last bound are in the count only", () => {
    const meters = Instruments.make()
    const { observe } = meters.histogram("choir_seconds", "Time", [1, 2])
    for (const value of [0.5, 1, 1.5, 9]) observe(value)
    assert.deepStrictEqual(prometheusLines(meters).slice(2), [
      `choir_seconds_bucket{le="1"} 2`,
      `choir_seconds_bucket{le="2"} 3`,
      `choir_seconds_bucket{le="+Inf"} 4`,
      "choir_seconds_sum 12",
      "choir_seconds_count 4"
    ])
  })
})
