/**
 * Rate limits as data (CON7, SEC25): a bucket of tokens that refills evenly.
 * Counts in 60,000ths of a token, which is what a rate of one per minute adds
 * in a millisecond, so that all arithmetic is in whole numbers.
 */
import { Schema } from "effect"
import { Instant } from "../protocol/Ids.ts"

/** `credit` 60,000ths of a token as of `at`. */
export const TokenBucket = Schema.Struct({ credit: Schema.Natural, at: Instant })
export type TokenBucket = typeof TokenBucket.Type

/** `perMinute` tokens are added per minute, up to `burst`. Whole numbers above zero. */
export interface Rate {
  readonly perMinute: number
  readonly burst: number
}

const unitsPerToken = 60_000

/** A bucket with all of its burst. */
export const makeFull = (rate: Rate, now: Instant): TokenBucket => ({ credit: rate.burst * unitsPerToken, at: now })

/** When the bucket is full again if nothing more is taken. */
export const fullAt = ({ at, credit }: TokenBucket, rate: Rate): Instant =>
  at + Math.ceil(Math.max(0, rate.burst * unitsPerToken - credit) / rate.perMinute)

/**
 * CON7, SEC25: takes `cost` tokens, at most the burst. `wait` is 0 if they were there, otherwise the milliseconds until
 * they will be; the bucket is then left as it is. A clock that runs backwards adds nothing.
 */
export const take = (
  bucket: TokenBucket,
  rate: Rate,
  now: Instant,
  cost = 1
): { readonly bucket: TokenBucket; readonly wait: number } => {
  const price = Math.min(cost, rate.burst) * unitsPerToken
  const elapsed = Math.max(0, now - bucket.at)
  const credit = Math.min(rate.burst * unitsPerToken, bucket.credit + elapsed * rate.perMinute)
  const at = Math.max(bucket.at, now)
  return credit >= price
    ? { bucket: { credit: credit - price, at }, wait: 0 }
    : { bucket: { credit, at }, wait: Math.ceil((price - credit) / rate.perMinute) }
}
