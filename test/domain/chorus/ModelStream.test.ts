import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import * as ModelStream from "../../../src/domain/chorus/ModelStream.ts"

const limits: ModelStream.StreamLimits = {
  firstTokenTimeout: Duration.seconds(2),
  idleTimeout: Duration.seconds(1),
  keepAliveLimit: Duration.seconds(10),
  maxTextLength: 10
}

describe("ModelStream", () => {
  it("[FLT14] the wait for the first part is the first-token timeout, 60 s by default", () => {
    assert.deepStrictEqual(ModelStream.nextTimeout(ModelStream.notStarted, limits), Duration.seconds(2))
    assert.strictEqual(
      Duration.toMillis(ModelStream.nextTimeout(ModelStream.notStarted, ModelStream.defaultStreamLimits)),
      60_000
    )
  })

  it("[FLT15] after a part, also an empty one, the wait is the idle timeout, 60 s by default", () => {
    for (const piece of ["", "piece"]) {
      const progress = ModelStream.receivePart(ModelStream.notStarted, piece, limits)
      if (progress === undefined) return assert.fail("too long")
      assert.deepStrictEqual(ModelStream.nextTimeout(progress, limits), Duration.seconds(1))
      assert.strictEqual(Duration.toMillis(ModelStream.nextTimeout(progress, ModelStream.defaultStreamLimits)), 60_000)
    }
  })

  it("[FLT14] [FLT15] a sign of life starts the wait anew, but not for ever", () => {
    const remaining = (lastSignAt: number, now: number) =>
      ModelStream.remainingWait({ startedAt: 100_000, lastSignAt, now }, Duration.seconds(2), limits)
    assert.deepStrictEqual([remaining(0, 100_000), remaining(0, 101_500), remaining(0, 102_000)], [2_000, 500, 0])
    assert.deepStrictEqual([remaining(101_500, 102_000), remaining(101_500, 103_500)], [1_500, 0])
    assert.deepStrictEqual([remaining(109_000, 109_000), remaining(109_999, 110_000)], [1_000, 0])
    // A timeout above the limit is the limit.
    const long = { startedAt: 0, lastSignAt: 0, now: 0 }
    assert.strictEqual(ModelStream.remainingWait(long, Duration.seconds(60), limits), 60_000)
  })

  const Length = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))
  it.prop("[SEC32] a stream is accepted as long as the sum of its parts is within the limit", [
    Schema.Array(Length)
  ], ([lengths]) => {
    let progress: ModelStream.StreamProgress | undefined = ModelStream.notStarted
    let sum = 0
    for (const length of lengths) {
      sum += length
      progress = ModelStream.receivePart(progress, "x".repeat(length), limits)
      assert.strictEqual(progress === undefined, sum > limits.maxTextLength)
      if (progress === undefined) return
      assert.lengthOf(progress.text.answer, sum)
    }
  })
  it("[SEC32] [CHO5] reasoning of any length takes nothing from the answer's limit", () => {
    let progress: ModelStream.StreamProgress | undefined = ModelStream.notStarted
    for (const piece of ["<think>", ...Array.from({ length: 50 }, () => "because "), "</think>\n", "0123456789"]) {
      progress = progress && ModelStream.receivePart(progress, piece, limits)
    }
    assert.strictEqual(progress?.text.answer, "0123456789")
    assert.isUndefined(progress && ModelStream.receivePart(progress, "x", limits))
  })
})
