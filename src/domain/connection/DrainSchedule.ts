/** When each connection is closed while the server drains (SYN11), so that clients do not all reconnect at once. */
import type { Limits } from "../protocol/Limits.ts"

/** Milliseconds between two closes when few connections are open: they need not wait for the whole spread. */
const maxIntervalMillis = 5

/** The longest `retry_after_ms` of a `goodbye`. */
export const maxRetryMillis = 5_000

/** SYN11: milliseconds between two closes, so that all of `connectionCount` are closed within `drainSpread`. */
export const closeInterval = (connectionCount: number, limits: Pick<Limits, "drainSpread">): number =>
  Math.min(limits.drainSpread / Math.max(1, connectionCount), maxIntervalMillis)

/** SYN11: the `retry_after_ms` in the `goodbye` of the connection at `index`. */
export const retryDelay = (index: number, interval: number): number =>
  Math.min(maxRetryMillis, Math.ceil(index * interval))
