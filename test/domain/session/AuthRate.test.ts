import { assert, describe, it } from "@effect/vitest"
import type { TokenBucket } from "../../../src/domain/admission/TokenBucket.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as AuthRate from "../../../src/domain/session/AuthRate.ts"

const rate = AuthRate.authRate(defaults)

/** Asks for `count` verifications at one instant; gives the bucket and how many were granted. */
const ask = (bucket: TokenBucket | undefined, count: number, at: number) => {
  let current = bucket
  let granted = 0
  for (let i = 0; i < count; i++) {
    const taken = AuthRate.takeVerification(current, rate, at)
    current = taken.bucket
    if (taken.wait === 0) granted += 1
  }
  return { bucket: current!, granted }
}

describe("the verification rate of an address", () => {
  it("[SEC26] allows 64 verifications at once and 120 a minute", () => {
    const burst = ask(undefined, 5_000, 0)
    assert.strictEqual(burst.granted, 64)
    assert.strictEqual(AuthRate.takeVerification(burst.bucket, rate, 0).wait, 500)
    let { bucket } = burst
    let granted = 0
    for (let at = 100; at <= 60_000; at += 100) {
      const taken = ask(bucket, 50, at)
      bucket = taken.bucket
      granted += taken.granted
    }
    assert.strictEqual(granted, 120)
  })

  it("[SEC26] evicting an idle address grants no additional verification", () => {
    const { bucket } = ask(undefined, 64, 0)
    const at = AuthRate.forgettableAt(bucket, rate, 0)
    assert.strictEqual(at, 32_000)
    assert.isUndefined(AuthRate.forgettableAt(bucket, rate, 32_000))
    assert.strictEqual(ask(bucket, 100, 32_000).granted, ask(undefined, 100, 32_000).granted)
    assert.isBelow(ask(bucket, 100, 31_999).granted, 64)
  })
})
