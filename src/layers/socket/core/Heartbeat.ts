/** Whether the peer of a connection still lives: who is silent for long is asked, and who does not answer is gone (CON3). */
import type { Instant } from "../../../domain/protocol/Ids.ts"
import type { Limits } from "../../../domain/protocol/Limits.ts"
import type { EngineConnection } from "./EngineConnection.ts"

/** What the heartbeats of all connections share. */
export interface HeartbeatContext {
  readonly limits: Pick<Limits, "pingInterval" | "pongTimeout">
  /** The peer gave a sign of life. */
  readonly onActivity: (connection: EngineConnection) => void
  /** It has not answered. */
  readonly onPongTimeout: (connection: EngineConnection) => void
}

/** Asks a peer for a sign of life when it was silent for long; when to look again, undefined when it has not answered. */
export const checkHeartbeat = (
  connection: EngineConnection,
  now: Instant,
  { onActivity, limits, onPongTimeout }: HeartbeatContext
): Instant | undefined => {
  const { transport } = connection
  // A ping stands behind all that waits, and its answer is as long in coming: whoever takes some of it lives.
  const hasUnsentBytes = transport.unsentBytes() > 0
  const bytesSent = transport.bytesSent?.() ?? -transport.unsentBytes()
  if ((hasUnsentBytes || connection.unsentAtLastCheck) && bytesSent > connection.bytesSentAtLastCheck) {
    onActivity(connection)
  }
  connection.unsentAtLastCheck = hasUnsentBytes
  connection.bytesSentAtLastCheck = bytesSent
  if (connection.pingSentAt !== undefined) {
    if (now < connection.pingSentAt + limits.pongTimeout) return connection.pingSentAt + limits.pongTimeout
    return void onPongTimeout(connection)
  }
  if (now < connection.lastActivityAt + limits.pingInterval) return connection.lastActivityAt + limits.pingInterval
  connection.pingSentAt = now
  transport.ping?.()
  return now + limits.pongTimeout
}
