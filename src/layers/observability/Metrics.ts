/**
 * What the server counts while it works (OPS3). The layers that do the work
 * hold the counters; `Watch` adds what is only read when somebody looks.
 */
import { Context, Layer, Metric } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import { ErrorCode } from "../../domain/protocol/Rejection.ts"
import * as Instruments from "./Instruments.ts"

/** Seconds: from a tenth of a millisecond up to ten seconds. */
const durationBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10]
/** Appends in one commit. */
const batchSizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096]

const make = () => {
  const instruments = Instruments.make()
  const { counter, histogram } = instruments

  const labelledCounters = <K extends string>(
    name: string,
    description: string,
    label: string,
    values: ReadonlyArray<K>
  ) =>
    Object.fromEntries(values.map((value) => [value, counter(name, description, { [label]: value })])) as Readonly<
      Record<K, Instruments.Counter>
    >

  const runOutcomes = labelledCounters(
    "choir_chorus_runs_total",
    "Runs of the Chorus that ended, by outcome",
    "outcome",
    [
      "yielded",
      "failed",
      "cancelled"
    ]
  )
  const eventCounters = new Map<string, Instruments.Counter>()

  const eventCounter = (kind: string, tag: string): Instruments.Counter => {
    const key = `${kind} ${tag}`
    let eventCount = eventCounters.get(key)
    if (eventCount === undefined) {
      eventCount = counter("choir_events_total", "Events that became durable, by kind of topic", { kind, event: tag })
      eventCounters.set(key, eventCount)
    }
    return eventCount
  }

  return {
    instruments,
    messagesReceived: counter("choir_messages_received_total", "Messages heard from clients"),
    messagesSent: counter("choir_messages_sent_total", "Messages for clients, the shared ones counted once for each"),
    errors: labelledCounters(
      "choir_errors_total",
      "Refusals and faults told to clients, by code",
      "code",
      ErrorCode.literals
    ),
    connectionsOpened: counter("choir_connections_opened_total", "Connections taken"),
    connectionsClosed: labelledCounters(
      "choir_connections_closed_total",
      "Connections that ended, by close code",
      "code",
      [
        ...Object.values(closeCode).map(String),
        "other"
      ]
    ),
    receiptSeconds: histogram(
      "choir_receipt_seconds",
      "From hearing a command to its durable receipt or refusal",
      durationBuckets
    ),
    commitSeconds: histogram("choir_commit_seconds", "One group commit to the log, with its fsync", durationBuckets),
    commitAppends: histogram("choir_commit_appends", "Appends that shared one commit", batchSizeBuckets),
    commitFaults: counter("choir_commit_faults_total", "Commits that the database failed"),
    eventsDelivered: counter("choir_delivery_events_total", "Events sent live to subscribers, counted for each"),
    eventsAcknowledged: counter("choir_delivery_acknowledged_total", "Events of those that subscribers acknowledged"),
    chorusSteps: labelledCounters("choir_chorus_steps_total", "Tries of the Chorus' steps, by outcome", "outcome", [
      "answered",
      "failed"
    ]),
    chorusTokens: labelledCounters(
      "choir_chorus_tokens_total",
      "Tokens of models, as they or an estimate say",
      "direction",
      [
        "input",
        "output"
      ]
    ),
    /** An event became durable. Runs end by events, so they are counted here too. */
    countEvent: (kind: string, value: unknown): void => {
      const { _tag, step } = value as { readonly _tag: string; readonly step?: unknown }
      eventCounter(kind, _tag).value += 1
      if (_tag === "RunFailed") runOutcomes.failed.value += 1
      else if (_tag === "RunCancelled") runOutcomes.cancelled.value += 1
      else if (_tag === "StepCompleted" && step === "yield") runOutcomes.yielded.value += 1
    }
  } as const
}

/** One server's numbers. Without `layer`, all servers of a process share one set. */
export const Metrics = Context.Reference<ReturnType<typeof make>>("choir/layers/observability/Metrics", {
  defaultValue: make
})
export type Metrics = ReturnType<typeof make>

/** A set of its own, which is also what Effect's exporters of metrics read. */
export const layer: Layer.Layer<never> = Layer.suspend(() => {
  const metrics = make()
  return Layer.merge(
    Layer.succeed(Metrics, metrics),
    Layer.succeed(Metric.MetricRegistry, metrics.instruments.registry)
  )
})
