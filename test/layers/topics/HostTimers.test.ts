import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { HostTimers } from "../../../src/layers/topics/HostTimers.ts"

const makeTimers = () => {
  const clock = { now: 0, at: undefined as number | undefined }
  const timers = new HostTimers((at) => clock.at = at, () => clock.now)
  return { world: clock, alarm: timers }
}

const Action = Schema.Literals(["set", "unset", "retry", "doubt", "sure", "look", "pass"])

describe("Alarm", () => {
  it("[TOP6] looks after 250 ms, then twice as late each time, half a minute at most, and from the start after a look that helped", () => {
    const { alarm, world } = makeTimers()
    const waits = Array.from({ length: 9 }, () => {
      alarm.setMaybeBehindLog(true)
      const wait = (world.at ?? 0) - world.now
      world.now = world.at ?? 0
      assert.isTrue(alarm.takeLogCheck())
      assert.isFalse(alarm.takeLogCheck())
      return wait
    })
    assert.deepStrictEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    alarm.setMaybeBehindLog(false)
    alarm.setMaybeBehindLog(true)
    assert.strictEqual(world.at, world.now + 250)
    // Other turns on the way change nothing.
    world.now += 300
    alarm.setMaybeBehindLog(true)
    assert.isTrue(alarm.takeLogCheck())
  })

  it("[TOP1] [FLT3] the earliest time counts; what cannot be taken now is not tried again at once", () => {
    const { alarm, world } = makeTimers()
    alarm.setWake(5_000)
    alarm.setMaybeBehindLog(true)
    assert.strictEqual(world.at, 250)
    world.now = 250
    alarm.retryWake()
    assert.strictEqual(world.at, 1_250)
    world.now = 1_250
    assert.isTrue(alarm.takeLogCheck())
    assert.isFalse(alarm.isWakeDue)
    alarm.setMaybeBehindLog(false)
    alarm.setWake(5_000)
    assert.strictEqual(world.at, 5_000)
    world.now = 5_000
    assert.isTrue(alarm.isWakeDue)
  })

  it.prop("[FLT3] after something stood in the way, nothing is armed for the next second", {
    script: Arbitrary.array(Arbitrary.schema(Action), { maxLength: 30 })
  }, ({ script }) => {
    const { alarm, world } = makeTimers()
    let quietUntil = 0
    for (const happening of script) {
      if (happening === "set") alarm.setWake(world.now + 100)
      if (happening === "unset") alarm.setWake(undefined)
      if (happening === "doubt") alarm.setMaybeBehindLog(true)
      if (happening === "sure") alarm.setMaybeBehindLog(false)
      if (happening === "look") alarm.takeLogCheck()
      if (happening === "pass") world.now += 300
      if (happening === "retry") {
        alarm.retryWake()
        quietUntil = world.now + 1_000
      }
      if (world.at !== undefined && world.now < quietUntil) assert.isAtLeast(world.at, quietUntil)
    }
  })
})
