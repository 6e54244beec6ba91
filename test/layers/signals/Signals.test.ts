import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { TopicId } from "../../../src/domain/Ids.ts"
import { defaults } from "../../../src/domain/Limits.ts"
import * as Local from "../../../src/layers/signals/Local.ts"
import type { Frame } from "../../../src/services/Frame.ts"
import { Signals } from "../../../src/services/Signals.ts"
import { type Subscriber, Topics } from "../../../src/services/Topics.ts"
import { person } from "../../support/People.ts"

const topic = TopicId.make("thread:a")
const subscriber = (id: string): Subscriber => ({ id, user: person().key, deliver: () => {} })

/** Signals, and the frames that would have gone to everybody. */
const setUp = () => {
  const frames: Array<Frame> = []
  const layer = Local.layer(defaults).pipe(
    Layer.provide(Layer.mock(Topics, {
      broadcast: (_topic, frame) => void frames.push(frame),
      post: () => {},
      subscribe: () => {},
      unsubscribe: () => {}
    }))
  )
  const said = () =>
    frames.splice(0).map(({ text }) =>
      JSON.parse(text) as { readonly type: string; readonly payload: Record<string, unknown> }
    )
  return { layer, said }
}

describe("Signals", () => {
  it.effect("[ROO2] comings and goings of 100 ms are one diff; who came and went is not in it", () => {
    const { layer, said } = setUp()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const [a, b, c] = [subscriber("a"), subscriber("b"), subscriber("c")]
      signals.enter(topic, a)
      signals.enter(topic, b)
      yield* TestClock.adjust(defaults.presenceCoalesce)
      assert.lengthOf(said(), 1)
      signals.leave(topic, "a")
      signals.enter(topic, c)
      signals.leave(topic, "c")
      yield* TestClock.adjust(defaults.presenceCoalesce)
      const [diff, ...more] = said()
      assert.lengthOf(more, 0)
      assert.deepInclude(diff!.payload, { joins: [] })
      assert.lengthOf(diff!.payload["leaves"] as ReadonlyArray<unknown>, 1)
      assert.isTrue(yield* signals.present(topic, b.user))
      assert.isFalse(yield* signals.present(topic, a.user))
    }).pipe(Effect.provide(layer))
  })

  it.effect("[ROO3] the latest value under a key wins, and is gone 30 s after it", () => {
    const { layer, said } = setUp()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const [a, b] = [subscriber("a"), subscriber("b")]
      signals.enter(topic, a)
      signals.signal(topic, a, "cursor", 1)
      yield* TestClock.adjust(defaults.cursorTtl - 1_000)
      signals.signal(topic, a, "cursor", 2)
      yield* TestClock.adjust(1_000)
      assert.deepInclude(signals.enter(topic, b).signals[0], { connection: "a", key: "cursor", value: 2 })
      said()
      yield* TestClock.adjust(defaults.cursorTtl)
      assert.deepInclude(said().find(({ type }) => type === "signal")!.payload, { key: "cursor", value: null })
      assert.lengthOf(signals.enter(topic, b).signals, 0)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[ROO3] strangers show nothing, and one connection only so many keys", () => {
    const { layer } = setUp()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const a = subscriber("a")
      signals.signal(topic, a, "cursor", 1)
      assert.lengthOf(signals.enter(topic, a).signals, 0)
      for (let i = 0; i < 100; i++) signals.signal(topic, a, `k${i}`, i)
      assert.lengthOf(signals.enter(topic, a).signals, defaults.signalKeys)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[CHO5] running text is kept as far as it has come, until it is done", () => {
    const { layer, said } = setUp()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const piece = { prompt_id: "p", loop: 0, step: "action", attempt: 0 } as const
      const at = (offset: number, text: string, attempt = 0) =>
        signals.stream(topic, { ...piece, prompt_id: piece.prompt_id as never, attempt, offset, text })
      at(0, "one ")
      at(4, "two")
      assert.lengthOf(said(), 2)
      assert.deepInclude(signals.running(topic)[0], { offset: 0, text: "one two" })
      at(0, "again", 1)
      assert.deepInclude(signals.running(topic)[0], { text: "again", attempt: 1 })
      signals.streamDone(topic, "p")
      assert.lengthOf(signals.running(topic), 0)
    }).pipe(Effect.provide(layer))
  })
})
