import { assert, describe, it } from "@effect/vitest"
import * as DrainSchedule from "../../../src/domain/connection/DrainSchedule.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

describe("the schedule of a drain", () => {
  it.each([0, 1, 16, 4_000, 20_000, 1_000_000])(
    "[SYN11] closes %i connections within 20 s, one after another",
    (count) => {
      const interval = DrainSchedule.closeInterval(count, defaults)
      assert.isAbove(interval, 0)
      assert.isAtMost(interval * count, 20_000 + 1e-6)
    }
  )

  it("[SYN11] few connections are closed at once, many over the whole spread", () => {
    assert.isAtMost(DrainSchedule.closeInterval(100, defaults) * 100, 1_000)
    assert.strictEqual(DrainSchedule.closeInterval(20_000, defaults) * 20_000, 20_000)
  })

  it("[SYN11] each connection is asked to return after those before it, and within 5 s", () => {
    const interval = DrainSchedule.closeInterval(20_000, defaults)
    const delays = Array.from({ length: 20_000 }, (_, index) => DrainSchedule.retryDelay(index, interval))
    assert.deepStrictEqual(delays, delays.toSorted((a, b) => a - b))
    assert.strictEqual(delays[0], 0)
    assert.strictEqual(delays.at(-1), 5_000)
  })
})
