import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Clock, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as TimerWheel from "../../../src/layers/runtime/TimerWheel.ts"

/** Writes down when it is looked at; wants to be looked at again as often as it is told. */
const recordingTask = (delays: ReadonlyArray<number> = []) => {
  const looks: Array<number> = []
  const remaining = [...delays]
  const task: TimerWheel.TimerTask = {
    wheelSlot: undefined,
    onExpire: (now) => {
      looks.push(now)
      const delay = remaining.shift()
      return delay === undefined ? undefined : now + delay
    }
  }
  return { looks, task }
}

const WheelOperation = Schema.Union([
  Schema.TaggedStruct("Set", { task: Schema.Literals([0, 1, 2]), after: Schema.Literals([0, 3, 10, 25]) }),
  Schema.TaggedStruct("Drop", { task: Schema.Literals([0, 1, 2]) }),
  Schema.TaggedStruct("Pass", { millis: Schema.Literals([1, 10, 30]) })
])

describe("the wheel", () => {
  it.effect("[CON3] looks at the first tick at or after a time, and again when it is told to", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(10)
      const { looks, task } = recordingTask([25])
      wheel.schedule(task, 15)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(looks, [20, 50])
    }))

  it.effect("[CON3] a task waits in one place, and one that was dropped is not looked at, even by a neighbour", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(10)
      const [moved, gone] = [recordingTask(), recordingTask()]
      wheel.schedule(moved.task, 15)
      wheel.schedule(moved.task, 35)
      const first: TimerWheel.TimerTask = { wheelSlot: undefined, onExpire: () => void wheel.cancel(gone.task) }
      wheel.schedule(first, 15)
      wheel.schedule(gone.task, 15)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual([moved.looks, gone.looks], [[40], []])
      wheel.schedule(gone.task, 105)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(gone.looks, [110])
    }))

  it.effect("[CON3] [SEC23] of many that fall due at once a few are looked at in one go, and others served between", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(10)
      const order: Array<string> = []
      for (let n = 0; n < 40; n++) wheel.scheduleCallback(15, () => void order.push("look"))
      yield* Effect.forkChild(Effect.gen(function*() {
        while (order.filter((what) => what === "look").length < 40) {
          if (order.length > 0) order.push("other")
          yield* Effect.yieldNow
        }
      }))
      yield* TestClock.adjust(20)
      const portions = order.join(" ").split(/(?: ?other ?)+/).map((looks) => looks.split(" ").length)
      assert.isAtLeast(portions.length, 4, order.join(" "))
      assert.isBelow(Math.max(...portions), 20)
    }))

  it.effect("[CON3] many that fall due in one turn are spread over half of the time until the next", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(200)
      const looks: Array<number> = []
      for (let n = 0; n < 100; n++) wheel.scheduleCallback(150, (now) => void looks.push(now))
      for (let n = 0; n < 3; n++) wheel.scheduleCallback(400, (now) => void looks.push(now))
      yield* TestClock.adjust(1000)
      const [crowd, few] = [looks.slice(0, 100), looks.slice(100)]
      assert.deepStrictEqual([Math.min(...crowd), new Set(crowd).size], [200, 25])
      assert.isAtMost(Math.max(...crowd), 300)
      assert.deepStrictEqual(few, [400, 400, 400])
    }))

  it.effect.prop(
    "[CON3] whatever is set, moved and dropped, each is looked at once, in the turn after its time",
    { script: Arbitrary.array(Arbitrary.schema(WheelOperation), { maxLength: 40 }) },
    ({ script }) =>
      Effect.gen(function*() {
        const wheel = yield* TimerWheel.make(10)
        const watchers = [recordingTask(), recordingTask(), recordingTask()]
        const due: Array<number | undefined> = [undefined, undefined, undefined]
        const expected: Array<Array<number>> = [[], [], []]
        for (const act of script) {
          const now = yield* Clock.currentTimeMillis
          if (act._tag === "Set") {
            wheel.schedule(watchers[act.task]!.task, now + act.after)
            due[act.task] = Math.max(Math.floor(now / 10) + 1, Math.ceil((now + act.after) / 10)) * 10
          } else if (act._tag === "Drop") {
            wheel.cancel(watchers[act.task]!.task)
            due[act.task] = undefined
          } else {
            yield* TestClock.adjust(act.millis)
            for (const [task, at] of due.entries()) {
              if (at === undefined || at > now + act.millis) continue
              expected[task]!.push(at)
              due[task] = undefined
            }
          }
        }
        assert.deepStrictEqual(watchers.map(({ looks }) => looks), expected)
      })
  )
})
