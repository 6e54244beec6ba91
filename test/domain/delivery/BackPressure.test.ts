import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { closeCode, mayReconnect } from "../../../src/domain/connection/CloseCode.ts"
import * as BackPressure from "../../../src/domain/delivery/BackPressure.ts"
import { ephemeralKey } from "../../../src/domain/delivery/Lane.ts"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

const lanes = ["Reply", "Durable", "Ephemeral", "Stream"] as const
const bytes = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 * defaults.outboxMax }))

describe("BackPressure", () => {
  it("[CON8] up to 256 KB pending every frame is queued", () => {
    assert.strictEqual(defaults.outboxFold, 256 * 1024)
    for (const lane of lanes) {
      assert.strictEqual(BackPressure.decideFrame(lane, defaults.outboxFold, false, defaults), "enqueue")
    }
  })

  it("[CON8] above 256 KB durable frames are coalesced, ephemeral ones kept by key, replies still queued", () => {
    const decide = (lane: typeof lanes[number]) =>
      BackPressure.decideFrame(lane, defaults.outboxFold + 1, false, defaults)
    assert.deepStrictEqual(lanes.map(decide), ["enqueue", "coalesce", "keepLatest", "coalesce"])
  })

  it("[CON8] an ephemeral frame does not overtake the withheld frame of its key", () => {
    assert.strictEqual(BackPressure.decideFrame("Ephemeral", 0, true, defaults), "keepLatest")
    const topic = TopicId.make("room:a")
    assert.notStrictEqual(
      ephemeralKey({ _tag: "Ephemeral", topic, key: "x" }),
      ephemeralKey({ _tag: "Ephemeral", topic, key: "y" })
    )
  })

  it("[CON8] a topic's first withheld durable frame is kept, since its catch-up begins there", () => {
    for (const lane of lanes) {
      assert.isTrue(BackPressure.replacesWithheld(undefined, lane))
      for (const withheld of lanes) {
        const isReplaced = withheld === "Stream" && lane === "Durable"
        assert.strictEqual(BackPressure.replacesWithheld(withheld, lane), isReplaced, `${withheld} by ${lane}`)
      }
    }
  })

  it("[CON8] delivery resumes at half of the threshold", () => {
    assert.isTrue(BackPressure.isBackpressured(defaults.outboxFold + 1, defaults))
    assert.isFalse(BackPressure.mayResume(defaults.outboxFold / 2 + 1, defaults))
    assert.isTrue(BackPressure.mayResume(defaults.outboxFold / 2, defaults))
  })
})

describe("the limit of pending bytes", () => {
  it("[CON8] [FLT9] above 1 MiB the connection is closed, with a code after which the client reconnects", () => {
    assert.strictEqual(defaults.outboxMax, 1_048_576)
    assert.isFalse(BackPressure.isOverLimit(defaults.outboxMax, 0, defaults))
    assert.isTrue(BackPressure.isOverLimit(defaults.outboxMax + 1, 0, defaults))
    assert.isTrue(mayReconnect(closeCode.slowConsumer))
  })

  it("[CON8] a snapshot above the limit is not counted, for itself and for what follows it", () => {
    const size = 5 * defaults.outboxMax
    const exempt = BackPressure.exemptSnapshot(0, size, defaults)
    assert.isFalse(BackPressure.isOverLimit(size + defaults.outboxMax, exempt, defaults))
    assert.isTrue(BackPressure.isOverLimit(size + defaults.outboxMax + 1, exempt, defaults))
    assert.strictEqual(BackPressure.exemptSnapshot(exempt, defaults.outboxMax, defaults), exempt)
    assert.strictEqual(BackPressure.exemptSnapshot(exempt, size - 1, defaults), exempt)
  })

  it.prop(
    "[SEC27] [FLT9] a peer that reads nothing is closed before more than 1 MiB and two frames are pending",
    { sizes: Arbitrary.array(Arbitrary.schema(bytes), { minLength: 30, maxLength: 100 }) },
    ({ sizes }) => {
      let pending = 0
      let largest = 0
      let closed = false
      for (const size of [...sizes, ...Array<number>(40).fill(60_000)].map((size) => size % 65_536)) {
        if (closed) break
        closed = BackPressure.isOverLimit(pending, 0, defaults)
        largest = Math.max(largest, size)
        pending += size
        assert.isAtMost(pending, defaults.outboxMax + 2 * largest)
      }
      assert.isTrue(closed)
    }
  )

  it.prop(
    "[SEC27] durable and stream frames alone never exceed 256 KB and one frame",
    { sizes: Arbitrary.array(Arbitrary.schema(bytes), { minLength: 1, maxLength: 50 }) },
    ({ sizes }) => {
      let pending = 0
      let largest = 0
      for (const [n, size] of sizes.entries()) {
        const lane = n % 2 === 0 ? "Durable" : "Stream"
        largest = Math.max(largest, size)
        if (BackPressure.decideFrame(lane, pending, false, defaults) === "enqueue") pending += size
        assert.isAtMost(pending, defaults.outboxFold + largest)
      }
    }
  )
})
