import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as CompressionPolicy from "../../../src/domain/delivery/CompressionPolicy.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

const fragments = Arbitrary.array(
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 20_000 }))),
  { minLength: 1, maxLength: 64 }
)

describe("CompressionPolicy", () => {
  it("[SEC15] [CON9] nothing is negotiated unless compression is on; then no context is taken over", () => {
    assert.isFalse(CompressionPolicy.deflateOffer(false))
    assert.deepStrictEqual(CompressionPolicy.deflateOffer(true), {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true
    })
  })

  it("[CON9] texts from 1 KB are compressed, up to a size that would block the event loop", () => {
    assert.isFalse(CompressionPolicy.shouldDeflate(1_023))
    assert.isTrue(CompressionPolicy.shouldDeflate(1_024))
    assert.isTrue(CompressionPolicy.shouldDeflate(262_144))
    assert.isFalse(CompressionPolicy.shouldDeflate(262_145))
  })

  it("[CON9] a compressed frame is sent only when it is smaller", () => {
    assert.isTrue(CompressionPolicy.isWorthwhile(999, 1_000))
    assert.isFalse(CompressionPolicy.isWorthwhile(1_000, 1_000))
  })

  it.prop(
    "[SEC15] [CON9] a message inflates to at most 10 times what was received, and to the payload limit",
    { fragments },
    ({ fragments }) => {
      let received = 0
      let inflated = 0
      for (const size of fragments) {
        received += size
        const allowed = CompressionPolicy.remainingInflateBytes(defaults.frameBytes, received, inflated)
        assert.isAtLeast(allowed, 1, "0 would mean unlimited")
        // An attacker uses all that is allowed.
        inflated += allowed
        const bound = Math.min(
          defaults.frameBytes,
          Math.max(CompressionPolicy.minRatioCheckBytes, received * CompressionPolicy.maxInflateRatio)
        )
        if (inflated > bound) return assert.isAtMost(inflated, bound + 1)
      }
    }
  )
})
