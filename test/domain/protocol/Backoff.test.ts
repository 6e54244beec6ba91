import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Backoff from "../../../src/domain/protocol/Backoff.ts"

const reconnect: Backoff.BackoffPolicy = { base: 500, cap: 20_000 }
const attempt = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_000 })))
const random = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999 }))).pipe(
  Arbitrary.map((n) => n / 1_000_000)
)

describe("Backoff", () => {
  it("[TOP6][STO6][CHO6] the delay before a retry doubles up to the cap, and stays there", () => {
    const delays = Array.from({ length: 8 }, (_, n) => Backoff.delay(reconnect, n))
    assert.deepStrictEqual(delays, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000])
    assert.strictEqual(Backoff.delay(reconnect, 5_000), 20_000)
  })

  it.prop("[SYN10] full jitter spreads reconnects from 0 to 500 ms x 2^n, at most 20 s", { attempt, random }, (
    { attempt, random }
  ) => {
    const millis = Backoff.fullJitter(reconnect, attempt, random)
    assert.strictEqual(millis, Math.floor(random * Math.min(20_000, 500 * 2 ** attempt)))
    assert.isTrue(Number.isSafeInteger(millis) && millis >= 0 && millis < 20_000)
  })

  it.prop("[TOP6][STO6][CHO6] equal jitter never retries before half of the delay", { attempt, random }, (
    { attempt, random }
  ) => {
    const [millis, delay] = [Backoff.equalJitter(reconnect, attempt, random), Backoff.delay(reconnect, attempt)]
    assert.isTrue(Number.isSafeInteger(millis))
    assert.isAtLeast(millis, delay / 2)
    assert.isAtMost(millis, delay)
  })
})
