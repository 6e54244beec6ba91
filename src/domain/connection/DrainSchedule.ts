/** When each connection is closed while the server drains (SYN11), so that clients do not all reconnect at once. */
import type { Limits } from "../protocol/Limits.ts"

/** Milliseconds between two closes when few connections are open: they need not wait for the whole spread. */
const maxIntervalMillis = 5

/** The longest delay that a `goodbye` asks for, in milliseconds. */
export const maxRetryMillis = 5_000

/** SYN11: milliseconds between two closes, so that all of `connectionCount` are closed within `drainSpread`. */
export const closeInterval = (connectionCount: number, limits: Pick<Limits, "drainSpread">): number =>
  Math.min(limits.drainSpread / Math.max(1, connectionCount), maxIntervalMillis)

/** SYN11: the delay, in milliseconds, that the `goodbye` of the connection at `index` asks for before it reconnects. */
export const retryDelay = (index: number, interval: number): number =>
  Math.min(maxRetryMillis, Math.ceil(index * interval))
