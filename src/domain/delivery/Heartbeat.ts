/**
 * Heartbeat: when to ping a silent peer, and when to close it (CON3). Times
 * are milliseconds. Called for every connection, so nothing is allocated.
 */
import type { Instant } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"

/** The limits: the silence before a ping, and the time for its pong. */
export type HeartbeatLimits = Pick<Limits, "pingInterval" | "pongTimeout">

/**
 * CON3: whether the peer took bytes since the last check, which counts as activity. A ping is queued behind everything
 * unsent, and its pong is delayed by as much, so a slow but reading peer must not be closed.
 */
export const hasDrained = (
  hadUnsentBytes: boolean,
  hasUnsentBytes: boolean,
  bytesSentBefore: number,
  bytesSent: number
): boolean => (hadUnsentBytes || hasUnsentBytes) && bytesSent > bytesSentBefore

/**
 * CON3: what is due at `now`: `"ping"` after `pingInterval` without activity, `"timeout"` when a ping went unanswered
 * for `pongTimeout`, otherwise the time of the next check. `pingSentAt` is undefined unless a ping is unanswered.
 */
export const checkHeartbeat = (
  lastActivityAt: Instant,
  pingSentAt: Instant | undefined,
  now: Instant,
  { pingInterval, pongTimeout }: HeartbeatLimits
): Instant | "ping" | "timeout" => {
  if (pingSentAt !== undefined) return now < pingSentAt + pongTimeout ? pingSentAt + pongTimeout : "timeout"
  return now < lastActivityAt + pingInterval ? lastActivityAt + pingInterval : "ping"
}
