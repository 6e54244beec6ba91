/**
 * The counters and histograms of a server (OPS3). The layers that do the work increment them; `RuntimeGauges` adds what
 * is read only when it is exported.
 *
 * **When to use**
 *
 * Provide `layer` around each server of a process that runs more than one, or around a test. `App.layer` includes it.
 *
 * **Details**
 *
 * `Metrics` is a reference with a default, so that no layer requires it. `layer` makes a separate set, and the
 * `MetricRegistry` of Effect that holds just that: `/metrics` and OTLP export what it holds.
 *
 * **Gotchas**
 *
 * Counters are plain numbers, incremented on the hot path: `value += 1` is not atomic across threads. Labels are closed
 * sets, so that no user can make a series.
 *
 * **Example**
 *
 * ```ts
 * import { Layers } from "choir"
 * import { Effect, Metric } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const metrics = yield* Layers.Metrics.Metrics
 *   metrics.messagesReceived.value += 2
 *   const snapshot = yield* Metric.snapshot
 *   return snapshot.find(({ id }) => id === "choir_messages_received_total")?.state
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, Layers.Metrics.layer)))
 * // => { count: 2, incremental: true }
 * ```
 */
import { Context, Layer, Metric } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import { ErrorCode } from "../../domain/protocol/Rejection.ts"
import * as Instruments from "./Instruments.ts"

/** Seconds: from a tenth of a millisecond up to ten seconds. */
const durationBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10]
/** Appends in one commit. */
const batchSizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096]

/** A counter per value of one label. */
const labelledCounters = <K extends string>(
  { counter }: Instruments.Instruments,
  name: string,
  description: string,
  label: string,
  values: ReadonlyArray<K>
) =>
  Object.fromEntries(values.map((value) => [value, counter(name, description, { [label]: value })])) as Readonly<
    Record<K, Instruments.Counter>
  >

const makeConnectionMetrics = (instruments: Instruments.Instruments) => ({
  messagesReceived: instruments.counter("choir_messages_received_total", "Messages received from clients"),
  messagesSent: instruments.counter("choir_messages_sent_total", "Messages sent, counted once per receiver"),
  errors: labelledCounters(
    instruments,
    "choir_errors_total",
    "Error messages sent to clients, by code",
    "code",
    ErrorCode.literals
  ),
  connectionsOpened: instruments.counter("choir_connections_opened_total", "Connections accepted"),
  connectionsClosed: labelledCounters(
    instruments,
    "choir_connections_closed_total",
    "Connections ended, by close code",
    "code",
    [...Object.values(closeCode).map(String), "other"]
  ),
  eventsDelivered: instruments.counter("choir_delivery_events_total", "Events sent live, counted once per subscriber"),
  eventsAcknowledged: instruments.counter(
    "choir_delivery_acknowledged_total",
    "Live events that subscribers acknowledged"
  )
})

const makeCommitMetrics = ({ counter, histogram }: Instruments.Instruments) => ({
  receiptSeconds: histogram(
    "choir_receipt_seconds",
    "From receiving a command to its durable receipt or its rejection",
    durationBuckets
  ),
  commitSeconds: histogram("choir_commit_seconds", "One group commit to the log, fsync included", durationBuckets),
  commitAppends: histogram("choir_commit_appends", "Appends that shared one commit", batchSizeBuckets),
  commitFaults: counter("choir_commit_faults_total", "Commits that failed in the database")
})

/** The budgets of a day that can refuse. */
const dailyBudgets = ["runs", "characters", "grants"] as const

const makeChorusMetrics = (instruments: Instruments.Instruments) => ({
  runOutcomes: labelledCounters(
    instruments,
    "choir_chorus_runs_total",
    "Ended runs of the Chorus, by outcome",
    "outcome",
    ["yielded", "failed", "cancelled"]
  ),
  chorusSteps: labelledCounters(
    instruments,
    "choir_chorus_steps_total",
    "Attempts at steps of the Chorus, by outcome",
    "outcome",
    ["answered", "failed"]
  ),
  budgetRefusals: labelledCounters(
    instruments,
    "choir_budget_refusals_total",
    "Requests refused because a budget of the day was used up",
    "budget",
    dailyBudgets
  ),
  chorusTokens: labelledCounters(
    instruments,
    "choir_chorus_tokens_total",
    "Tokens of models, as reported or estimated",
    "direction",
    ["input", "output"]
  )
})

const makeTreasury = ({ gauge }: Instruments.Instruments) => {
  const treasury = { tokens: 0, isLow: false }
  gauge("choir_treasury_tokens", "Tokens of the treasury, as of the last sign-in", () => treasury.tokens)
  return treasury
}

const make = () => {
  const instruments = Instruments.make()
  const { runOutcomes, ...chorusMetrics } = makeChorusMetrics(instruments)
  const eventCounters = new Map<string, Map<string, Instruments.Counter>>()

  const eventCounter = (kind: string, event: string): Instruments.Counter => {
    const ofKind = eventCounters.get(kind) ?? new Map<string, Instruments.Counter>()
    eventCounters.set(kind, ofKind)
    let found = ofKind.get(event)
    if (found === undefined) {
      found = instruments.counter("choir_events_total", "Durable events, by kind of topic", { kind, event })
      ofKind.set(event, found)
    }
    return found
  }

  return {
    instruments,
    ...makeConnectionMetrics(instruments),
    ...makeCommitMetrics(instruments),
    ...chorusMetrics,
    /** What the last sign-in found in the treasury (LED3). */
    treasury: makeTreasury(instruments),
    /** Counts a durable event, and the end of a run, since runs end by events. An event of a log without kinds has no tag. */
    countEvent: (kind: string, value: unknown): void => {
      const { _tag = "other", step } = value as { readonly _tag?: string; readonly step?: unknown }
      eventCounter(kind, _tag).value += 1
      if (_tag === "RunFailed") runOutcomes.failed.value += 1
      else if (_tag === "RunCancelled") runOutcomes.cancelled.value += 1
      else if (_tag === "StepCompleted" && step === "yield") runOutcomes.yielded.value += 1
    }
  } as const
}

/** The metrics of one server. Without `layer`, all servers of a process share one set. */
export const Metrics = Context.Reference<ReturnType<typeof make>>("choir/layers/observability/Metrics", {
  defaultValue: make
})
export type Metrics = ReturnType<typeof make>

/** A separate set of metrics, and the registry that Effect's exporters read, holding just those. */
export const layer: Layer.Layer<never> = Layer.suspend(() => {
  const metrics = make()
  return Layer.merge(
    Layer.succeed(Metrics, metrics),
    Layer.succeed(Metric.MetricRegistry, metrics.instruments.registry)
  )
})
