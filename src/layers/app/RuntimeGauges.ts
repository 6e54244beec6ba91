/**
 * Gauges of a running server, read only when metrics are exported (OPS3).
 *
 * **When to use**
 *
 * Beside `Gateway.layer`, in a server that exports metrics. `App.layer` includes it.
 *
 * **Details**
 *
 * Registers connections, queued bytes, topics in memory, subscriptions, memory and the delay of the event loop with the
 * current `Metrics`, and counts connections by close code.
 *
 * **Gotchas**
 *
 * Provide the same `Metrics.layer` to this layer and to what is measured. Without one, all servers of a process share one
 * set, and each gauge is that of the server that was built last.
 *
 * **Example**
 *
 * ```ts
 * import { Domain, Layers, Services } from "choir"
 * import { Effect, Layer, Metric } from "effect"
 *
 * const limits = Domain.Limits.defaults
 * const server = Layers.RuntimeGauges.layer.pipe(
 *   Layer.provideMerge(Layers.Gateway.layer({ audience: () => "http://localhost", limits })),
 *   Layer.provideMerge(Layers.SignalsLocal.layer(limits)),
 *   Layer.provideMerge(Layers.TopicsLocal.layer()),
 *   Layer.provideMerge(Layers.IntentHandlersLive.layer),
 *   Layer.provideMerge(Layers.EventLogMemory.layer),
 *   Layer.provideMerge(Layers.SessionsMemory.layer(limits)),
 *   Layer.provideMerge(Layer.succeed(Services.Kinds.Kinds, Domain.BuiltInKinds.builtInKinds)),
 *   Layer.provideMerge(Layer.mock(Services.Chorus.Chorus, { modelInfo: { model: "none", offline: true } })),
 *   Layer.provideMerge(Layers.SocketMemory.layer(limits)),
 *   Layer.provideMerge(Layers.Metrics.layer)
 * )
 *
 * const program = Effect.gen(function*() {
 *   const snapshot = yield* Metric.snapshot
 *   return snapshot.some(({ id }) => id === "choir_connections")
 * })
 *
 * console.log(await Effect.runPromise(Effect.scoped(Effect.provide(program, server))))
 * // => true
 * ```
 */
import { Effect, Layer } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Socket } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import { Gateway } from "../gateway/Gateway.ts"
import { Metrics } from "../observability/Metrics.ts"

/** Milliseconds between two samples of the event loop's delay. */
const delayResolutionMillis = 20

/** The delay of the event loop since the last export, in seconds. */
const eventLoopGauges = Effect.gen(function*() {
  const { instruments } = yield* Metrics
  const delays = yield* Effect.acquireRelease(
    Effect.sync(() => monitorEventLoopDelay({ resolution: delayResolutionMillis })),
    (delays) => Effect.sync(() => delays.disable())
  )
  delays.enable()
  // Samples include the sampling interval itself.
  const seconds = (nanos: number) => Math.max(0, Number.isFinite(nanos) ? nanos / 1e9 - delayResolutionMillis / 1e3 : 0)
  const description = "Event loop delay since the last export"
  instruments.gauge("choir_event_loop_delay_p99_seconds", description, () => seconds(delays.percentile(99)))
  instruments.gauge("choir_event_loop_delay_max_seconds", description, () => {
    const max = seconds(delays.max)
    delays.reset()
    return max
  })
})

/** Registers the gauges of a whole server with its metrics. */
export const layer: Layer.Layer<never, never, Socket | Topics | Gateway> = Layer.effectDiscard(Effect.gen(function*() {
  const { connectionsClosed, instruments, connectionsOpened } = yield* Metrics
  const socket = yield* Socket
  const topics = yield* Topics
  const { syncCounts } = yield* Gateway
  const runSync = Effect.runSyncWith(yield* Effect.context())

  yield* socket.onConnection(() => void (connectionsOpened.value += 1))
  yield* socket.onDisconnection((_connection, code) => {
    const label = String(code)
    connectionsClosed[label in connectionsClosed ? label : "other"]!.value += 1
  })
  instruments.gauge("choir_connections", "Connections", () => runSync(socket.getConnectionCount))
  instruments.gauge(
    "choir_outbox_bytes",
    "Bytes queued for clients, of all connections",
    () => runSync(socket.getAllConnections).reduce((sum, connection) => sum + connection.bufferedAmount(), 0)
  )
  instruments.gauge("choir_topics_live", "Topics in memory", () => runSync(topics.stats).loadedTopics)
  instruments.gauge("choir_subscriptions", "Subscriptions to topics", () => runSync(topics.stats).subscriptions)
  for (const [found, count] of [["right", "matches"], ["wrong", "mismatches"]] as const) {
    instruments.observableCounter(
      "choir_state_hashes_total",
      "State hashes that clients compared with their own",
      () => syncCounts[count],
      { found }
    )
  }
  instruments.gauge("choir_process_resident_bytes", "Resident memory of the process", () => process.memoryUsage.rss())
  yield* eventLoopGauges
}))
