/** The state and dependencies shared by all connections of one engine. */
import type { ConnectionId, Instant } from "../../../domain/protocol/Ids.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import type { Capability } from "../../../services/Socket.ts"
import type { OutboundBudgetService } from "../../delivery/OutboundBudget.ts"
import type { Metrics } from "../../observability/Metrics.ts"
import type { TimerWheel } from "../../runtime/TimerWheel.ts"
import type { FlushQueue } from "./FlushQueue.ts"
import type { Listeners } from "./Listeners.ts"

/** Milliseconds after the close frame until the socket of a peer that does not answer is terminated. */
export const closeTimeout = 1_000

/** Dependencies of a connection. */
export interface EngineContext {
  readonly limits: Limits
  readonly capabilities: ReadonlySet<Capability>
  readonly now: () => Instant
  /** Makes message ids. */
  readonly nextId: () => string
  readonly wheel: TimerWheel
  readonly flushQueue: FlushQueue
  readonly listeners: Listeners
  /** Told of connections that read slowly. */
  readonly outboundBudget: OutboundBudgetService
  /** Frames are counted by their sender; the messages appended to them are counted when they are written. */
  readonly metrics: Pick<Metrics, "messagesSent">
  /** Removes a closed connection from the engine's connections. */
  readonly remove: (id: ConnectionId) => void
}
