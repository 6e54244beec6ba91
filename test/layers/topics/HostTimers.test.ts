import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { HostTimers } from "../../../src/layers/topics/HostTimers.ts"

const makeTimers = () => {
  const clock = { now: 0, at: undefined as number | undefined }
  const timers = new HostTimers((at) => clock.at = at, () => clock.now)
  return { clock, timers }
}

const Action = Schema.Literals(["set", "unset", "retry", "behind", "caught_up", "check", "pass"])

describe("HostTimers", () => {
  it("[TOP6] the log's head is read after 250 ms, then with exponential back-off up to 30 s, and from 250 ms again after a read that succeeded", () => {
    const { timers, clock } = makeTimers()
    const waits = Array.from({ length: 9 }, () => {
      timers.setMaybeBehindLog(true)
      const wait = (clock.at ?? 0) - clock.now
      clock.now = clock.at ?? 0
      assert.isTrue(timers.takeLogCheck())
      assert.isFalse(timers.takeLogCheck())
      return wait
    })
    assert.deepStrictEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    timers.setMaybeBehindLog(false)
    timers.setMaybeBehindLog(true)
    assert.strictEqual(clock.at, clock.now + 250)
    // A second report of the same failure does not postpone the read.
    clock.now += 300
    timers.setMaybeBehindLog(true)
    assert.isTrue(timers.takeLogCheck())
  })

  it("the earliest of the times is scheduled, and a timer that could not be stored is not retried at once", () => {
    const { timers, clock } = makeTimers()
    timers.setWake(5_000)
    timers.setMaybeBehindLog(true)
    assert.strictEqual(clock.at, 250)
    clock.now = 250
    timers.retryWake()
    assert.strictEqual(clock.at, 1_250)
    clock.now = 1_250
    assert.isTrue(timers.takeLogCheck())
    assert.isFalse(timers.isWakeDue)
    timers.setMaybeBehindLog(false)
    timers.setWake(5_000)
    assert.strictEqual(clock.at, 5_000)
    clock.now = 5_000
    assert.isTrue(timers.isWakeDue)
  })

  it.prop("after a timer that could not be stored nothing is scheduled for a second", {
    script: Arbitrary.array(Arbitrary.schema(Action), { maxLength: 30 })
  }, ({ script }) => {
    const { timers, clock } = makeTimers()
    let quietUntil = 0
    for (const action of script) {
      if (action === "set") timers.setWake(clock.now + 100)
      if (action === "unset") timers.setWake(undefined)
      if (action === "behind") timers.setMaybeBehindLog(true)
      if (action === "caught_up") timers.setMaybeBehindLog(false)
      if (action === "check") timers.takeLogCheck()
      if (action === "pass") clock.now += 300
      if (action === "retry") {
        timers.retryWake()
        quietUntil = clock.now + 1_000
      }
      if (clock.at !== undefined && clock.now < quietUntil) assert.isAtLeast(clock.at, quietUntil)
    }
  })
})
