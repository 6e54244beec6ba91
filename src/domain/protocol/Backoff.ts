/**
 * Exponential back-off: how long to wait before a retry (TOP6, CHO6, STO6, SYN10).
 *
 * Pure: the caller draws the random number and keeps the count of attempts.
 * Jitter as in M. Brooker, "Exponential Backoff And Jitter" (2015).
 */

/** The delay before the first retry, and the longest one, in milliseconds. */
export interface BackoffPolicy {
  readonly base: number
  readonly cap: number
}

/** Milliseconds before the next retry after `attempt` failed ones, counted from 0: `base` x 2^attempt, at most `cap`. */
export const delay = ({ base, cap }: BackoffPolicy, attempt: number): number => Math.min(cap, base * 2 ** attempt)

/** Full jitter: from 0 up to the delay; `random` in [0, 1). For many clients of one server. */
export const fullJitter = (policy: BackoffPolicy, attempt: number, random: number): number =>
  Math.floor(random * delay(policy, attempt))

/** Equal jitter: half of the delay is fixed, the other half drawn; `random` in [0, 1). For retries that must not come at once. */
export const equalJitter = (policy: BackoffPolicy, attempt: number, random: number): number =>
  Math.round(delay(policy, attempt) / 2 * (1 + random))
