/**
 * What the server counts while it works (OPS3). The layers that do the work
 * hold the counters; `Watch` adds what is only read when somebody looks.
 */
import { Context, Layer, Metric } from "effect"
import { closeCode } from "../../domain/connection/CloseCode.ts"
import { ErrorCode } from "../../domain/Rejection.ts"
import * as Meter from "./Meter.ts"

/** Seconds: from a tenth of a millisecond up to ten seconds. */
const durations = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10]
/** Appends in one commit. */
const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096]

const make = () => {
  const meters = Meter.make()
  const { counter, histogram } = meters

  const labelled = <K extends string>(name: string, description: string, label: string, values: ReadonlyArray<K>) =>
    Object.fromEntries(values.map((value) => [value, counter(name, description, { [label]: value })])) as Readonly<
      Record<K, Meter.Counter>
    >

  const runs = labelled("choir_chorus_runs_total", "Runs of the Chorus that ended, by outcome", "outcome", [
    "yielded",
    "failed",
    "cancelled"
  ])
  const events = new Map<string, Meter.Counter>()

  const event = (kind: string, tag: string): Meter.Counter => {
    const key = `${kind} ${tag}`
    let found = events.get(key)
    if (found === undefined) {
      found = counter("choir_events_total", "Events that became durable, by kind of topic", { kind, event: tag })
      events.set(key, found)
    }
    return found
  }

  return {
    meters,
    received: counter("choir_messages_received_total", "Messages heard from clients"),
    sent: counter("choir_messages_sent_total", "Messages for clients, the shared ones counted once for each"),
    errors: labelled("choir_errors_total", "Refusals and faults told to clients, by code", "code", ErrorCode.literals),
    opened: counter("choir_connections_opened_total", "Connections taken"),
    closed: labelled("choir_connections_closed_total", "Connections that ended, by close code", "code", [
      ...Object.values(closeCode).map(String),
      "other"
    ]),
    receipt: histogram("choir_receipt_seconds", "From hearing a command to its durable receipt or refusal", durations),
    commit: histogram("choir_commit_seconds", "One group commit to the log, with its fsync", durations),
    commitSize: histogram("choir_commit_appends", "Appends that shared one commit", sizes),
    commitFaults: counter("choir_commit_faults_total", "Commits that the database failed"),
    owed: counter("choir_delivery_events_total", "Events sent live to subscribers, counted for each"),
    acked: counter("choir_delivery_acknowledged_total", "Events of those that subscribers acknowledged"),
    steps: labelled("choir_chorus_steps_total", "Tries of the Chorus' steps, by outcome", "outcome", [
      "answered",
      "failed"
    ]),
    tokens: labelled("choir_chorus_tokens_total", "Tokens of models, as they or an estimate say", "direction", [
      "input",
      "output"
    ]),
    /** An event became durable. Runs end by events, so they are counted here too. */
    happened: (kind: string, value: unknown): void => {
      const { _tag, step } = value as { readonly _tag: string; readonly step?: unknown }
      event(kind, _tag).value += 1
      if (_tag === "RunFailed") runs.failed.value += 1
      else if (_tag === "RunCancelled") runs.cancelled.value += 1
      else if (_tag === "StepCompleted" && step === "yield") runs.yielded.value += 1
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
  return Layer.merge(Layer.succeed(Metrics, metrics), Layer.succeed(Metric.MetricRegistry, metrics.meters.registry))
})
