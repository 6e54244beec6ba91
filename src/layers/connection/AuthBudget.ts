/** How often one address may have a signature or token checked: checking costs more than asking (SEC26). */
import * as TokenBucket from "../../domain/connection/TokenBucket.ts"
import type { Instant } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import { countedAs } from "../socket/Admission.ts"
import type { Wheel } from "../socket/Wheel.ts"

/** Draws on the address's budget for a check; the milliseconds to wait when it is spent. */
export type AuthBudget = (address: string, now: Instant) => number

export const make = (limits: Pick<Limits, "authPerMinute" | "authBurst">, wheel: Wheel): AuthBudget => {
  const rate: TokenBucket.Rate = { perMinute: limits.authPerMinute, burst: limits.authBurst }
  const buckets = new Map<string, TokenBucket.TokenBucket>()
  /** After this long unused, a bucket is full and need not be kept. */
  const refill = Math.ceil(rate.burst * 60_000 / rate.perMinute)

  const forget = (key: string) => (now: Instant) => {
    const at = buckets.get(key)?.at ?? 0
    return now < at + refill ? at + refill : void buckets.delete(key)
  }

  return (address, now) => {
    const key = countedAs(address)
    const known = buckets.get(key)
    if (known === undefined) wheel.add(now + refill, forget(key))
    const { bucket, wait } = TokenBucket.take(known ?? TokenBucket.full(rate, now), rate, now)
    buckets.set(key, bucket)
    return wait
  }
}
