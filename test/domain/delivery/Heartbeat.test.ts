import { assert, describe, it } from "@effect/vitest"
import { checkHeartbeat, hasDrained } from "../../../src/domain/delivery/Heartbeat.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

const limits = { pingInterval: 30_000, pongTimeout: 5_000 }

describe("Heartbeat", () => {
  it("[CON3] the defaults are a ping every 30 s and 5 s for the pong", () => {
    assert.deepStrictEqual([defaults.pingInterval, defaults.pongTimeout], [limits.pingInterval, limits.pongTimeout])
  })

  it("[CON3] a peer is pinged after 30 s without activity, and not before", () => {
    assert.strictEqual(checkHeartbeat(1_000, undefined, 30_999, limits), 31_000)
    assert.strictEqual(checkHeartbeat(1_000, undefined, 31_000, limits), "ping")
  })

  it("[CON3] a ping that is unanswered for 5 s ends the connection", () => {
    assert.strictEqual(checkHeartbeat(0, 30_000, 34_999, limits), 35_000)
    assert.strictEqual(checkHeartbeat(0, 30_000, 35_000, limits), "timeout")
  })

  it("[CON3] activity restarts the interval, whenever the check runs", () => {
    // As after a pong at 32 s: no ping is unanswered any more.
    assert.strictEqual(checkHeartbeat(32_000, undefined, 35_000, limits), 62_000)
  })

  it("[CON3] progress in draining the send queue counts as activity; new bytes alone do not", () => {
    assert.isTrue(hasDrained(true, true, 1_000, 1_001))
    assert.isTrue(hasDrained(true, false, 1_000, 1_001))
    assert.isFalse(hasDrained(true, true, 1_000, 1_000))
    // Without a counter of sent bytes, `-unsentBytes` is compared, which new bytes decrease.
    assert.isFalse(hasDrained(true, true, -1_000, -2_000))
    // Nothing was unsent before or now, so the growth is from before the last check.
    assert.isFalse(hasDrained(false, false, 1_000, 2_000))
  })
})
