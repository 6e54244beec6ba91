/**
 * Exponential back-off with jitter: the delay before a retry (TOP6, CHO6, STO6, SYN10).
 *
 * The caller draws the random number and counts the attempts.
 * Source of the formulas: M. Brooker, "Exponential Backoff And Jitter" (2015).
 */

/** The first delay and the longest one, in milliseconds. */
export interface BackoffPolicy {
  readonly base: number
  readonly cap: number
}

/** The delay in milliseconds before retry number `attempt`, from 0: `base` x 2^attempt, at most `cap` (TOP6, CHO6, STO6). */
export const delay = ({ base, cap }: BackoffPolicy, attempt: number): number => Math.min(cap, base * 2 ** attempt)

/** Full jitter: between 0 and the delay. Spreads the reconnects of many clients (SYN10). `random` is in [0, 1). */
export const fullJitter = (policy: BackoffPolicy, attempt: number, random: number): number =>
  Math.floor(random * delay(policy, attempt))

/** Equal jitter: between half of the delay and all of it, for retries that must not follow at once. `random` is in [0, 1). */
export const equalJitter = (policy: BackoffPolicy, attempt: number, random: number): number =>
  Math.round(delay(policy, attempt) / 2 * (1 + random))
