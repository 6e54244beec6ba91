import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Batching from "../../../src/domain/delivery/Batching.ts"
import { shouldDeflate } from "../../../src/domain/delivery/CompressionPolicy.ts"

const length = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Batching.maxAppendLength })))
const lengths = Arbitrary.array(length, { minLength: 64, maxLength: 128 })

describe("Batching", () => {
  it("[SYN9] only ephemeral messages share a frame", () => {
    assert.isTrue(Batching.isBatchable("Ephemeral", 10))
    for (const lane of ["Reply", "Durable", "Stream"] as const) assert.isFalse(Batching.isBatchable(lane, 10))
  })

  it("[SYN9] [CON9] a message that can be compressed gets a frame of its own", () => {
    assert.isTrue(Batching.isBatchable("Ephemeral", Batching.maxAppendLength - 1))
    assert.isFalse(Batching.isBatchable("Ephemeral", Batching.maxAppendLength))
    assert.isTrue(shouldDeflate(Batching.maxAppendLength))
  })

  it.prop("[SYN9] a batch never exceeds its length", { lengths }, ({ lengths }) => {
    let batchLength = 0
    for (const length of lengths) {
      if (Batching.fitsBatch(batchLength, "Ephemeral", length)) batchLength += length
      assert.isAtMost(batchLength, Batching.maxBatchLength)
    }
  })
})
