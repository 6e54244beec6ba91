/**
 * Rate limits as data (CON7): a bucket of tokens that refills evenly. It counts
 * in 60,000ths of a token, what a rate of one a minute brings in a millisecond,
 * so that all of it is whole numbers.
 */
import { Schema } from "effect"
import { Instant } from "../protocol/Ids.ts"

export const TokenBucket = Schema.Struct({ credit: Schema.Natural, at: Instant })
export type TokenBucket = typeof TokenBucket.Type

/** `perMinute` tokens come back in a minute; at most `burst` are held. Whole numbers above zero. */
export interface Rate {
  readonly perMinute: number
  readonly burst: number
}

const unitsPerToken = 60_000

export const makeFull = (rate: Rate, now: Instant): TokenBucket => ({ credit: rate.burst * unitsPerToken, at: now })

/** When a bucket from which nothing more is taken is full again. */
export const fullAt = ({ at, credit }: TokenBucket, rate: Rate): Instant =>
  at + Math.ceil(Math.max(0, rate.burst * unitsPerToken - credit) / rate.perMinute)

/**
 * Takes one token. `wait` is 0 when it was there, else the milliseconds until
 * it will be; the bucket then keeps what it has. Time running backwards adds nothing.
 */
export const take = (
  bucket: TokenBucket,
  rate: Rate,
  now: Instant
): { readonly bucket: TokenBucket; readonly wait: number } => {
  const elapsed = Math.max(0, now - bucket.at)
  const credit = Math.min(rate.burst * unitsPerToken, bucket.credit + elapsed * rate.perMinute)
  const at = Math.max(bucket.at, now)
  return credit >= unitsPerToken
    ? { bucket: { credit: credit - unitsPerToken, at }, wait: 0 }
    : { bucket: { credit, at }, wait: Math.ceil((unitsPerToken - credit) / rate.perMinute) }
}
