import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Clock, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as TimerWheel from "../../../src/layers/runtime/TimerWheel.ts"

/** Records when it expires; reschedules itself a given number of times. */
const recordingTask = (delays: ReadonlyArray<number> = []) => {
  const expiries: Array<number> = []
  const remaining = [...delays]
  const task: TimerWheel.TimerTask = {
    wheelSlot: undefined,
    onExpire: (now) => {
      expiries.push(now)
      const delay = remaining.shift()
      return delay === undefined ? undefined : now + delay
    }
  }
  return { expiries, task }
}

const WheelOperation = Schema.Union([
  Schema.TaggedStruct("Set", { task: Schema.Literals([0, 1, 2]), after: Schema.Literals([0, 3, 10, 25]) }),
  Schema.TaggedStruct("Drop", { task: Schema.Literals([0, 1, 2]) }),
  Schema.TaggedStruct("Pass", { millis: Schema.Literals([1, 10, 30]) })
])

describe("TimerWheel", () => {
  it.effect("[CON3] a task expires at the first tick at or after its deadline, and again when it returns one", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(10)
      const { expiries, task } = recordingTask([25])
      wheel.schedule(task, 15)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(expiries, [20, 50])
    }))

  it.effect("[CON3] rescheduling moves a task, and a cancelled task does not expire, even within its own tick", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(10)
      const [moved, cancelled] = [recordingTask(), recordingTask()]
      wheel.schedule(moved.task, 15)
      wheel.schedule(moved.task, 35)
      const first: TimerWheel.TimerTask = { wheelSlot: undefined, onExpire: () => void wheel.cancel(cancelled.task) }
      wheel.schedule(first, 15)
      wheel.schedule(cancelled.task, 15)
      yield* TestClock.adjust(100)
      assert.deepStrictEqual([moved.expiries, cancelled.expiries], [[40], []])
      wheel.schedule(cancelled.task, 105)
      yield* TestClock.adjust(10)
      assert.deepStrictEqual(cancelled.expiries, [110])
    }))

  it.effect("[CON3] [SEC23] of many due tasks a few expire per turn, with other work in between", () =>
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
      const portions = order.join(" ").split(/(?: ?other ?)+/).map((expiries) => expiries.split(" ").length)
      assert.isAtLeast(portions.length, 4, order.join(" "))
      assert.isBelow(Math.max(...portions), 20)
    }))
})

describe("TimerWheel under load", () => {
  it.effect("[CON3] many due tasks are spread over half of a tick", () =>
    Effect.gen(function*() {
      const wheel = yield* TimerWheel.make(200)
      const expiries: Array<number> = []
      for (let n = 0; n < 100; n++) wheel.scheduleCallback(150, (now) => void expiries.push(now))
      for (let n = 0; n < 3; n++) wheel.scheduleCallback(400, (now) => void expiries.push(now))
      yield* TestClock.adjust(1000)
      const [clustered, later] = [expiries.slice(0, 100), expiries.slice(100)]
      assert.deepStrictEqual([Math.min(...clustered), new Set(clustered).size], [200, 25])
      assert.isAtMost(Math.max(...clustered), 300)
      assert.deepStrictEqual(later, [400, 400, 400])
    }))

  it.effect.prop(
    "[CON3] whatever is scheduled, moved and cancelled, each task expires once, in the tick after its deadline",
    { script: Arbitrary.array(Arbitrary.schema(WheelOperation), { maxLength: 40 }) },
    ({ script }) =>
      Effect.gen(function*() {
        const wheel = yield* TimerWheel.make(10)
        const tasks = [recordingTask(), recordingTask(), recordingTask()]
        const due: Array<number | undefined> = [undefined, undefined, undefined]
        const expected: Array<Array<number>> = [[], [], []]
        for (const act of script) {
          const now = yield* Clock.currentTimeMillis
          if (act._tag === "Set") {
            wheel.schedule(tasks[act.task]!.task, now + act.after)
            due[act.task] = Math.max(Math.floor(now / 10) + 1, Math.ceil((now + act.after) / 10)) * 10
          } else if (act._tag === "Drop") {
            wheel.cancel(tasks[act.task]!.task)
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
        assert.deepStrictEqual(tasks.map(({ expiries }) => expiries), expected)
      })
  )
})
