/** What the server is like right now: read when somebody asks for metrics, and at no other time. */
import { Effect, Layer } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { Socket } from "../../services/Socket.ts"
import { Topics } from "../../services/Topics.ts"
import { Gateway } from "../connection/Gateway.ts"
import { Metrics } from "./Metrics.ts"

/** Milliseconds between two looks at the event loop. */
const resolution = 20

/** How long the event loop was held up since the last reading, in seconds. */
const eventLoop = Effect.gen(function*() {
  const { meters } = yield* Metrics
  const delays = yield* Effect.acquireRelease(
    Effect.sync(() => monitorEventLoopDelay({ resolution })),
    (delays) => Effect.sync(() => delays.disable())
  )
  delays.enable()
  // The timer's own period is part of what it measures.
  const seconds = (nanos: number) => Math.max(0, Number.isFinite(nanos) ? nanos / 1e9 - resolution / 1e3 : 0)
  const description = "How long the event loop was held up since the last reading"
  meters.gauge("choir_event_loop_delay_p99_seconds", description, () => seconds(delays.percentile(99)))
  meters.gauge("choir_event_loop_delay_max_seconds", description, () => {
    const longest = seconds(delays.max)
    delays.reset()
    return longest
  })
})

/** Adds the gauges of a whole server to its metrics. */
export const layer: Layer.Layer<never, never, Socket | Topics | Gateway> = Layer.effectDiscard(Effect.gen(function*() {
  const { closed, meters, opened } = yield* Metrics
  const socket = yield* Socket
  const topics = yield* Topics
  const { sync } = yield* Gateway
  const runSync = Effect.runSyncWith(yield* Effect.context())

  yield* socket.onConnection(() => void (opened.value += 1))
  yield* socket.onDisconnection((_connection, code) => {
    const known = String(code)
    closed[known in closed ? known : "other"]!.value += 1
  })
  meters.gauge("choir_connections", "Connections", () => runSync(socket.getConnectionCount))
  meters.gauge(
    "choir_outbox_bytes",
    "Bytes that wait for clients, of all connections",
    () => runSync(socket.getAllConnections).reduce((sum, connection) => sum + connection.bufferedAmount(), 0)
  )
  meters.gauge("choir_topics_live", "Topics in memory", () => runSync(topics.stats).live)
  meters.gauge("choir_subscriptions", "Subscriptions to topics", () => runSync(topics.stats).subscriptions)
  meters.total(
    "choir_state_hashes_total",
    "Hashes of states that clients compared with their own",
    () => sync.matches,
    {
      found: "right"
    }
  )
  meters.total(
    "choir_state_hashes_total",
    "Hashes of states that clients compared with their own",
    () => sync.mismatches,
    {
      found: "wrong"
    }
  )
  meters.gauge("choir_process_resident_bytes", "Memory of the process", () => process.memoryUsage.rss())
  yield* eventLoop
}))
