/**
 * How many signatures and tokens of one address are verified (SEC26): verifying costs the server more than asking costs
 * the client. Addresses are counted by rate limit key, IPv6 by /64.
 */
import * as TokenBucket from "../admission/TokenBucket.ts"
import type { Instant } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"

/** SEC26: the token bucket of one address. */
export const authRate = (limits: Pick<Limits, "authPerMinute" | "authBurst">): TokenBucket.Rate => ({
  perMinute: limits.authPerMinute,
  burst: limits.authBurst
})

/** SEC26: takes one verification from an address's bucket; `wait` is 0 or the milliseconds until one is available. */
export const takeVerification = (
  bucket: TokenBucket.TokenBucket | undefined,
  rate: TokenBucket.Rate,
  now: Instant
): { readonly bucket: TokenBucket.TokenBucket; readonly wait: number } =>
  TokenBucket.take(bucket ?? TokenBucket.makeFull(rate, now), rate, now)

/**
 * When an unused bucket may be forgotten, or undefined if it may be now: a full bucket equals none, so forgetting it
 * grants no extra verification.
 */
export const forgettableAt = (
  bucket: TokenBucket.TokenBucket,
  rate: TokenBucket.Rate,
  now: Instant
): Instant | undefined => {
  const fullAt = TokenBucket.fullAt(bucket, rate)
  return fullAt > now ? fullAt : undefined
}
