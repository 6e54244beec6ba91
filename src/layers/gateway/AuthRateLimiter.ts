/** How often one address may have a signature or token checked: checking costs more than asking (SEC26). */
import * as TokenBucket from "../../domain/admission/TokenBucket.ts"
import type { Instant } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import { rateLimitKey } from "../net/AdmissionGate.ts"
import type { TimerWheel } from "../runtime/TimerWheel.ts"

/** Draws on the address's budget for a check; the milliseconds to wait when it is spent. */
export type AuthRateLimiter = (address: string, now: Instant) => number

export const make = (limits: Pick<Limits, "authPerMinute" | "authBurst">, wheel: TimerWheel): AuthRateLimiter => {
  const rate: TokenBucket.Rate = { perMinute: limits.authPerMinute, burst: limits.authBurst }
  const buckets = new Map<string, TokenBucket.TokenBucket>()
  /** After this long unused, a bucket is full and need not be kept. */
  const refillMillis = Math.ceil(rate.burst * 60_000 / rate.perMinute)

  const evictBucket = (key: string) => (now: Instant) => {
    const at = buckets.get(key)?.at ?? 0
    return now < at + refillMillis ? at + refillMillis : void buckets.delete(key)
  }

  return (address, now) => {
    const key = rateLimitKey(address)
    const existing = buckets.get(key)
    if (existing === undefined) wheel.scheduleCallback(now + refillMillis, evictBucket(key))
    const { bucket, wait } = TokenBucket.take(existing ?? TokenBucket.makeFull(rate, now), rate, now)
    buckets.set(key, bucket)
    return wait
  }
}
