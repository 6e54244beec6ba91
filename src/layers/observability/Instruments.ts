/**
 * Metric instruments for hot paths: counting is an addition to a plain field.
 * They are registered in Effect's metric registry as readers, so that every
 * exporter of Effect's metrics (Prometheus, OTLP) exports them.
 */
import type { Metric } from "effect"

/** A number that only grows. */
export interface Counter {
  value: number
}

/** A distribution over fixed buckets. */
export interface Histogram {
  readonly observe: (value: number) => void
}

type Labels = Readonly<Record<string, string>>

/** Makes and registers instruments. A name is unique per labels; label values come from closed sets in the code. */
export interface Instruments {
  readonly registry: Metric.MetricRegistry
  readonly counter: (name: string, description: string, labels?: Labels) => Counter
  /** A counter whose value is read from elsewhere. */
  readonly observableCounter: (name: string, description: string, read: () => number, labels?: Labels) => void
  readonly gauge: (name: string, description: string, read: () => number, labels?: Labels) => void
  readonly histogram: (name: string, description: string, bounds: ReadonlyArray<number>) => Histogram
}

/** Instruments with an empty registry. */
export const make = (): Instruments => {
  const registry: Metric.MetricRegistry = new Map()

  const register = (
    type: Metric.Metric.Type,
    id: string,
    description: string,
    attributes: Labels | undefined,
    get: () => unknown
  ) =>
    void registry.set(`${id} ${JSON.stringify(attributes ?? {})}`, {
      id,
      type,
      description,
      attributes,
      hooks: { get, update: () => {}, modify: () => {} }
    })

  const observableCounter: Instruments["observableCounter"] = (name, description, read, labels) =>
    register("Counter", name, description, labels, () => ({ count: read(), incremental: true }))

  return {
    registry,
    observableCounter,
    counter: (name, description, labels) => {
      const counter = { value: 0 }
      observableCounter(name, description, () => counter.value, labels)
      return counter
    },
    gauge: (name, description, read, labels) => register("Gauge", name, description, labels, () => ({ value: read() })),
    histogram: (name, description, bounds) => {
      const histogram = makeHistogram(bounds)
      register("Histogram", name, description, undefined, histogram.read)
      return histogram
    }
  }
}

const makeHistogram = (bounds: ReadonlyArray<number>): Histogram & { readonly read: () => Metric.HistogramState } => {
  const counts = bounds.map(() => 0)
  let count = 0
  let sum = 0
  let min = Number.POSITIVE_INFINITY
  let max = Number.NEGATIVE_INFINITY
  return {
    observe: (value) => {
      count += 1
      sum += value
      if (value < min) min = value
      if (value > max) max = value
      const bucket = bounds.findIndex((bound) => value <= bound)
      if (bucket >= 0) counts[bucket]! += 1
    },
    read: () => {
      let cumulative = 0
      return {
        buckets: bounds.map((bound, i) => [bound, cumulative += counts[i]!] as const),
        count,
        sum,
        min: count === 0 ? 0 : min,
        max: count === 0 ? 0 : max
      }
    }
  }
}
