/**
 * How many bytes each user may read per minute by queries and subscriptions (CON7, SEC25), over all of the user's
 * connections and event streams. A read is begun while the bucket is not empty, and charged when its size is known: the
 * user waits until the debt is paid.
 */
import { Context, Layer } from "effect"
import * as TokenBucket from "../../domain/admission/TokenBucket.ts"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { RequestRejection } from "./ServerMessages.ts"

/** The buckets of all users. */
export interface ReadBudgetService {
  /** 0, or the milliseconds until the user may read again. */
  readonly wait: (user: UserId, now: Instant) => number
  /** Takes the bytes of a reply. */
  readonly charge: (user: UserId, bytes: number, now: Instant) => void
}

/** The budget of reads. Without `layer` there is no limit. */
export const ReadBudget = Context.Reference<ReadBudgetService>("choir/layers/gateway/ReadBudget", {
  defaultValue: () => ({ wait: () => 0, charge: () => {} })
})

/** The limits of reads. */
export type ReadLimits = Pick<Limits, "readBytesPerMinute" | "readBytesBurst">

/** Buckets between two removals of full ones, at least. */
const minSweepInterval = 1_024

/** A budget that forgets users whose buckets are full. */
export const make = ({ readBytesBurst, readBytesPerMinute }: ReadLimits): ReadBudgetService => {
  const rate = { perMinute: readBytesPerMinute, burst: readBytesBurst }
  const buckets = new Map<UserId, TokenBucket.TokenBucket>()
  let sweepAt = minSweepInterval

  const forgetFull = (now: Instant) => {
    for (const [user, bucket] of buckets) if (TokenBucket.fullAt(bucket, rate) <= now) buckets.delete(user)
    sweepAt = Math.max(minSweepInterval, 2 * buckets.size)
  }

  return {
    wait: (user, now) => {
      const bucket = buckets.get(user)
      return bucket === undefined ? 0 : TokenBucket.waitFor(bucket, rate, now)
    },
    charge: (user, bytes, now) => {
      if (buckets.size >= sweepAt) forgetFull(now)
      buckets.set(user, TokenBucket.charge(buckets.get(user) ?? TokenBucket.makeFull(rate, now), rate, now, bytes))
    }
  }
}

/** The budget of one server. */
export const layer = (limits: ReadLimits): Layer.Layer<never> => Layer.sync(ReadBudget, () => make(limits))

/** The rejection of a read that must wait. */
export const readLimitRejection = (wait: number): RequestRejection => ({
  code: "rate_limited",
  message: "too much was read in the last minute: retry later",
  wait
})
