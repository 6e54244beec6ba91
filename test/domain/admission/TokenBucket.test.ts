import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as TokenBucket from "../../../src/domain/admission/TokenBucket.ts"

const rate = { perMinute: 100, burst: 20 }
const gaps = Arbitrary.array(Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: -100, maximum: 2_000 }))), {
  maxLength: 200
})

describe("TokenBucket", () => {
  it("[CON7] the burst is available at once, then one token every 600 ms", () => {
    let bucket = TokenBucket.makeFull(rate, 0)
    const waits = Array.from({ length: 21 }, () => {
      const taken = TokenBucket.take(bucket, rate, 0)
      bucket = taken.bucket
      return taken.wait
    })
    assert.deepStrictEqual(waits, [...Array<number>(20).fill(0), 600])
    assert.strictEqual(TokenBucket.take(bucket, rate, 599).wait, 1)
    assert.strictEqual(TokenBucket.take(bucket, rate, 600).wait, 0)
  })

  it.prop("[CON7] [SEC25] never grants more than the burst and what the time added", { gaps }, ({ gaps }) => {
    let bucket = TokenBucket.makeFull(rate, 0)
    let now = 0
    let latest = 0
    let granted = 0
    for (const gap of gaps) {
      now = Math.max(0, now + gap)
      latest = Math.max(latest, now)
      const taken = TokenBucket.take(bucket, rate, now)
      bucket = taken.bucket
      if (taken.wait === 0) granted += 1
      assert.isAtMost(granted, rate.burst + latest * rate.perMinute / 60_000 + 1e-6)
    }
  })

  it.prop("[CON7] fullAt is the first time at which a bucket is full", { gaps }, ({ gaps }) => {
    let bucket = TokenBucket.makeFull(rate, 0)
    assert.strictEqual(TokenBucket.fullAt(bucket, rate), 0)
    let now = 0
    for (const gap of gaps) {
      now += Math.abs(gap)
      bucket = TokenBucket.take(bucket, rate, now).bucket
      const at = TokenBucket.fullAt(bucket, rate)
      const burst = (at: number) => {
        let left = bucket
        return Array.from({ length: rate.burst }, () => {
          const taken = TokenBucket.take(left, rate, at)
          left = taken.bucket
          return taken.wait
        }).every((wait) => wait === 0)
      }
      assert.isTrue(burst(at))
      assert.isFalse(burst(at - 1))
    }
  })

  it.prop("[CON7] what is charged is paid by waiting, however much it is", {
    tokens: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 })))
  }, ({ tokens }) => {
    const charged = TokenBucket.charge(TokenBucket.makeFull(rate, 0), rate, 0, tokens)
    const wait = TokenBucket.waitFor(charged, rate, 0)
    assert.strictEqual(wait, Math.max(0, (tokens + 1 - rate.burst) * 60_000 / rate.perMinute))
    assert.strictEqual(TokenBucket.waitFor(charged, rate, wait), 0)
    assert.strictEqual(TokenBucket.fullAt(charged, rate), tokens * 60_000 / rate.perMinute)
  })

  it.prop("[CON7] a clock that was set back neither takes nor adds: time stands still until it is reached again", {
    gaps,
    back: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })))
  }, ({ back, gaps }) => {
    let bucket = TokenBucket.makeFull(rate, 0)
    let now = 0
    for (const gap of gaps) {
      now += Math.abs(gap) % 50
      const { at } = bucket
      assert.deepStrictEqual(TokenBucket.take(bucket, rate, at - back), TokenBucket.take(bucket, rate, at))
      bucket = TokenBucket.take(bucket, rate, now).bucket
    }
  })

  it.prop("[CON7] a token is available after the stated wait, and no millisecond earlier", {
    gaps,
    perMinute: Arbitrary.schema(Schema.Literals([1, 7, 100, 999]))
  }, ({ gaps, perMinute }) => {
    const odd = { perMinute, burst: 3 }
    let bucket = TokenBucket.makeFull(odd, 0)
    let now = 0
    for (const gap of gaps) {
      now += Math.abs(gap) % 50
      const { bucket: taken, wait } = TokenBucket.take(bucket, odd, now)
      bucket = taken
      if (wait === 0) continue
      const granted = TokenBucket.take(bucket, odd, now + wait)
      assert.strictEqual(granted.wait, 0)
      assert.isAtLeast(granted.bucket.credit, 0, "a token that was there")
      assert.strictEqual(TokenBucket.take(bucket, odd, now + wait - 1).wait, 1)
    }
  })
})
