import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Clock, Effect, type Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import { type Instant, TopicId } from "../../../src/domain/protocol/Ids.ts"
import * as TimerQueue from "../../../src/layers/topics/TimerQueue.ts"

const topics = [TopicId.make("room:a"), TopicId.make("room:b"), TopicId.make("room:c")] as const

/** `Set` sets or moves a timer, also into the past; `Pass` lets time pass. */
const Action = Schema.TaggedUnion({
  Set: { topic: Schema.Literals(topics), in: Schema.Int.check(Schema.isBetween({ minimum: -3, maximum: 9 })) },
  Clear: { topic: Schema.Literals(topics) },
  Pass: { millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 })) }
})

/** A queue on the test's clock, and what fired when. */
const makeQueue = Effect.gen(function*() {
  const clock = yield* Clock.Clock
  const services = yield* Effect.context<never>()
  const fired: Array<readonly [TopicId, Instant]> = []
  let running: Fiber.Fiber<void> | undefined
  const run = (loop: Effect.Effect<void>) => {
    running?.interruptUnsafe()
    running = Effect.runForkWith(services)(loop)
  }
  const queue = TimerQueue.make(clock, run, (topic) => fired.push([topic, clock.currentTimeMillisUnsafe()]))
  return { queue, fired }
})

describe("TimerQueue", () => {
  it.effect("[TOP6] a timer that fired fires again when it is set to the same time again", () =>
    Effect.gen(function*() {
      const { fired, queue } = yield* makeQueue
      queue.schedule(topics[0], 1_000)
      yield* TestClock.adjust(1_000)
      queue.schedule(topics[0], 1_000)
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(fired, [[topics[0], 1_000], [topics[0], 1_000]])
    }))

  it.effect.prop(
    "[TOP6] every timer fires once, when it is due and not before, whatever is set, moved or cleared",
    { script: Arbitrary.array(Arbitrary.schema(Action), { maxLength: 40 }) },
    ({ script }) =>
      Effect.gen(function*() {
        const { fired, queue } = yield* makeQueue
        const expected: Array<readonly [TopicId, Instant]> = []
        const due = new Map<TopicId, Instant>()
        let now = yield* Clock.currentTimeMillis
        for (const action of [...script, { _tag: "Pass", millis: 20 } as const]) {
          if (action._tag === "Set") {
            // One that is due fires at once.
            if (action.in <= 0) expected.push([action.topic, now])
            due.delete(action.topic)
            if (action.in > 0) due.set(action.topic, now + action.in)
            queue.schedule(action.topic, now + action.in)
          } else if (action._tag === "Clear") {
            due.delete(action.topic)
            queue.schedule(action.topic, undefined)
          } else {
            yield* TestClock.adjust(action.millis)
            for (const [topic, at] of due) {
              if (at > now + action.millis) continue
              expected.push([topic, at])
              due.delete(topic)
            }
            now += action.millis
          }
        }
        const order = ([topic, at]: readonly [TopicId, Instant]) => `${at} ${topic}`
        assert.deepStrictEqual(fired.map(order).sort(), expected.map(order).sort())
      })
  )
})
