/** Rate limits as data (CON7): a bucket of tokens that refills evenly. */
import { Schema } from "effect"
import { Instant } from "./Ids.ts"

export const TokenBucket = Schema.Struct({ tokens: Schema.Finite, at: Instant })
export type TokenBucket = typeof TokenBucket.Type

/** `perMinute` tokens come back in a minute; at most `burst` are held. */
export interface Rate {
  readonly perMinute: number
  readonly burst: number
}

export const full = (rate: Rate, now: Instant): TokenBucket => ({ tokens: rate.burst, at: now })

/**
 * Takes one token. `wait` is 0 when it was there, else the milliseconds until
 * it will be; the bucket then keeps what it has. Time running backwards adds nothing.
 */
export const take = (
  bucket: TokenBucket,
  rate: Rate,
  now: Instant
): { readonly bucket: TokenBucket; readonly wait: number } => {
  const passed = Math.max(0, now - bucket.at)
  const tokens = Math.min(rate.burst, bucket.tokens + passed * rate.perMinute / 60_000)
  const at = Math.max(bucket.at, now)
  return tokens >= 1
    ? { bucket: { tokens: tokens - 1, at }, wait: 0 }
    : { bucket: { tokens, at }, wait: Math.max(1, Math.ceil((1 - tokens) * 60_000 / rate.perMinute)) }
}
