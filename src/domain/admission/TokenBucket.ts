/**
 * Rate limits as data (CON7, SEC25): a bucket of tokens that refills evenly.
 * Counts in 60,000ths of a token, which is what a rate of one per minute adds
 * in a millisecond, so that all arithmetic is in whole numbers.
 */
import { Schema } from "effect"
import { Instant } from "../protocol/Ids.ts"

/** `credit` 60,000ths of a token as of `at`; negative while more was charged than there was. */
export const TokenBucket = Schema.Struct({ credit: Schema.Int, at: Instant })
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

/** The bucket at a later time. A clock that runs backwards adds nothing. */
const refill = ({ at, credit }: TokenBucket, rate: Rate, now: Instant): TokenBucket => ({
  credit: Math.min(rate.burst * unitsPerToken, credit + Math.max(0, now - at) * rate.perMinute),
  at: Math.max(at, now)
})

/** 0 if there are so many tokens, otherwise the milliseconds until there will be. */
export const waitFor = (bucket: TokenBucket, rate: Rate, now: Instant, tokens = 1): number =>
  Math.max(0, Math.ceil((tokens * unitsPerToken - refill(bucket, rate, now).credit) / rate.perMinute))

/** CON7: takes any number of tokens, also more than there are: the debt is paid by waiting. */
export const charge = (bucket: TokenBucket, rate: Rate, now: Instant, tokens: number): TokenBucket => {
  const { at, credit } = refill(bucket, rate, now)
  return { credit: credit - tokens * unitsPerToken, at }
}

/**
 * CON7, SEC25: takes `cost` tokens if there is one; what is missing is a debt, so that after a cheap message a dear one need
 * not wait. `wait` is 0, or the milliseconds until there is a token; the bucket is then left as it is.
 */
export const take = (
  bucket: TokenBucket,
  rate: Rate,
  now: Instant,
  cost = 1
): { readonly bucket: TokenBucket; readonly wait: number } => {
  const wait = waitFor(bucket, rate, now)
  return { bucket: wait === 0 ? charge(bucket, rate, now, cost) : refill(bucket, rate, now), wait }
}
