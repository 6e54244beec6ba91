import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { Alarm } from "../../../src/layers/topics/Alarm.ts"

const setup = () => {
  const world = { now: 0, at: undefined as number | undefined }
  const alarm = new Alarm((at) => world.at = at, () => world.now)
  return { world, alarm }
}

const Happening = Schema.Literals(["set", "unset", "retry", "doubt", "sure", "look", "pass"])

describe("Alarm", () => {
  it("[TOP6] looks after 250 ms, then twice as late each time, half a minute at most, and from the start after a look that helped", () => {
    const { alarm, world } = setup()
    const waits = Array.from({ length: 9 }, () => {
      alarm.doubt(true)
      const wait = (world.at ?? 0) - world.now
      world.now = world.at ?? 0
      assert.isTrue(alarm.takeLook())
      assert.isFalse(alarm.takeLook())
      return wait
    })
    assert.deepStrictEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    alarm.doubt(false)
    alarm.doubt(true)
    assert.strictEqual(world.at, world.now + 250)
    // Other turns on the way change nothing.
    world.now += 300
    alarm.doubt(true)
    assert.isTrue(alarm.takeLook())
  })

  it("[TOP1] [FLT3] the earliest time counts; what cannot be taken now is not tried again at once", () => {
    const { alarm, world } = setup()
    alarm.set(5_000)
    alarm.doubt(true)
    assert.strictEqual(world.at, 250)
    world.now = 250
    alarm.retry()
    assert.strictEqual(world.at, 1_250)
    world.now = 1_250
    assert.isTrue(alarm.takeLook())
    assert.isFalse(alarm.wakes)
    alarm.doubt(false)
    alarm.set(5_000)
    assert.strictEqual(world.at, 5_000)
    world.now = 5_000
    assert.isTrue(alarm.wakes)
  })

  it.prop("[FLT3] after something stood in the way, nothing is armed for the next second", {
    script: Arbitrary.array(Arbitrary.schema(Happening), { maxLength: 30 })
  }, ({ script }) => {
    const { alarm, world } = setup()
    let quietUntil = 0
    for (const happening of script) {
      if (happening === "set") alarm.set(world.now + 100)
      if (happening === "unset") alarm.set(undefined)
      if (happening === "doubt") alarm.doubt(true)
      if (happening === "sure") alarm.doubt(false)
      if (happening === "look") alarm.takeLook()
      if (happening === "pass") world.now += 300
      if (happening === "retry") {
        alarm.retry()
        quietUntil = world.now + 1_000
      }
      if (world.at !== undefined && world.now < quietUntil) assert.isAtLeast(world.at, quietUntil)
    }
  })
})
