/** The verification buckets of all addresses, in memory (SEC26); the rule is in `domain/session/AuthRate`. */
import { rateLimitKey } from "../../domain/admission/IpAddress.ts"
import type { TokenBucket } from "../../domain/admission/TokenBucket.ts"
import type { Instant } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import * as AuthRate from "../../domain/session/AuthRate.ts"
import type { TimerWheel } from "../runtime/TimerWheel.ts"

/** Takes one verification from an address's bucket; 0, or the milliseconds until one is available. */
export type AuthRateLimiter = (address: string, now: Instant) => number

/** A limiter that forgets an address when its bucket is full again. */
export const make = (limits: Pick<Limits, "authPerMinute" | "authBurst">, wheel: TimerWheel): AuthRateLimiter => {
  const rate = AuthRate.authRate(limits)
  const buckets = new Map<string, TokenBucket>()

  const evictBucket = (key: string) => (now: Instant) => {
    const bucket = buckets.get(key)
    const at = bucket && AuthRate.forgettableAt(bucket, rate, now)
    return at === undefined ? void buckets.delete(key) : at
  }

  return (address, now) => {
    const key = rateLimitKey(address)
    const existing = buckets.get(key)
    const { bucket, wait } = AuthRate.takeVerification(existing, rate, now)
    if (existing === undefined) {
      wheel.scheduleCallback(AuthRate.forgettableAt(bucket, rate, now) ?? now, evictBucket(key))
    }
    buckets.set(key, bucket)
    return wait
  }
}
