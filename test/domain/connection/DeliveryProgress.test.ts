import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as DeliveryProgress from "../../../src/domain/connection/DeliveryProgress.ts"

const seq = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
const scripts = Arbitrary.array(
  Arbitrary.schema(Schema.Struct({ action: Schema.Literals(["send", "ack"]), seq })),
  { maxLength: 30 }
)

describe("the progress of a subscription", () => {
  it("[SYN6] an acknowledgement is cumulative, and confirms only events that were sent", () => {
    assert.strictEqual(DeliveryProgress.newlyAcked({ sent: 10, acked: 4 }, 7), 3)
    assert.strictEqual(DeliveryProgress.newlyAcked({ sent: 10, acked: 4 }, 99), 6)
    assert.strictEqual(DeliveryProgress.newlyAcked({ sent: 10, acked: 4 }, 2), 0)
    assert.strictEqual(DeliveryProgress.newlySent({ sent: 10, acked: 4 }, 12), 2)
    assert.strictEqual(DeliveryProgress.newlySent({ sent: 10, acked: 4 }, 9), 0)
  })

  it.prop("[SYN6] each event counts once as sent and once as acknowledged", { scripts }, ({ scripts }) => {
    const progress = { sent: 0, acked: 0 }
    let highest = 0
    for (const { action, seq } of scripts) {
      if (action === "send") {
        progress.sent += DeliveryProgress.newlySent(progress, seq)
        highest = Math.max(highest, seq)
      } else progress.acked += DeliveryProgress.newlyAcked(progress, seq)
      assert.isAtMost(progress.acked, progress.sent)
      assert.strictEqual(progress.sent, highest)
    }
  })
})
