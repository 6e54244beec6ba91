import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { TopicId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"
import * as SignalsLocal from "../../../src/layers/presence/SignalsLocal.ts"
import type { OutboundFrame } from "../../../src/services/OutboundFrame.ts"
import { Signals } from "../../../src/services/Signals.ts"
import { type Subscriber, Topics } from "../../../src/services/Topics.ts"
import { makeTestUser } from "../../support/TestUsers.ts"

const topic = TopicId.make("thread:a")
const subscriber = (id: string): Subscriber => ({ id, user: makeTestUser().key, deliver: () => {} })

/** `Signals`, and the frames that it broadcast. */
const makeFixture = () => {
  const frames: Array<OutboundFrame> = []
  const layer = SignalsLocal.layer(defaults).pipe(
    Layer.provide(Layer.mock(Topics, {
      broadcast: (_topic, frame) => void frames.push(frame),
      post: () => {},
      subscribe: () => {},
      unsubscribe: () => {}
    }))
  )
  const drainFrames = () =>
    frames.splice(0).map(({ text }) =>
      JSON.parse(text) as { readonly type: string; readonly payload: Record<string, unknown> }
    )
  return { layer, drainFrames }
}

describe("SignalsLocal", () => {
  it.effect("[ROO2] joins and leaves of 100 ms are one diff; a connection that joined and left is not in it", () => {
    const { layer, drainFrames } = makeFixture()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const [a, b, c] = [subscriber("a"), subscriber("b"), subscriber("c")]
      signals.join(topic, a)
      signals.join(topic, b)
      yield* TestClock.adjust(defaults.presenceCoalesce)
      assert.lengthOf(drainFrames(), 1)
      signals.leave(topic, "a")
      signals.join(topic, c)
      signals.leave(topic, "c")
      yield* TestClock.adjust(defaults.presenceCoalesce)
      const [diff, ...more] = drainFrames()
      assert.lengthOf(more, 0)
      assert.deepInclude(diff!.payload, { joins: [] })
      assert.lengthOf(diff!.payload["leaves"] as ReadonlyArray<unknown>, 1)
      assert.isTrue(yield* signals.isPresent(topic, b.user))
      assert.isFalse(yield* signals.isPresent(topic, a.user))
    }).pipe(Effect.provide(layer))
  })

  it.effect("[ROO3] the latest value under a key wins, and expires 30 s after it was set", () => {
    const { layer, drainFrames } = makeFixture()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const [a, b] = [subscriber("a"), subscriber("b")]
      signals.join(topic, a)
      signals.setSignal(topic, a, "cursor", 1)
      yield* TestClock.adjust(defaults.cursorTtl - 1_000)
      signals.setSignal(topic, a, "cursor", 2)
      yield* TestClock.adjust(1_000)
      assert.deepInclude(signals.join(topic, b).signals[0], { connection: "a", key: "cursor", value: 2 })
      drainFrames()
      yield* TestClock.adjust(defaults.cursorTtl)
      assert.deepInclude(drainFrames().find(({ type }) => type === "signal")!.payload, { key: "cursor", value: null })
      assert.lengthOf(signals.join(topic, b).signals, 0)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[SEC11] a signal of a connection that has not joined, or has left, is ignored; others share at most 16 keys", () => {
    const { layer } = makeFixture()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const a = subscriber("a")
      signals.setSignal(topic, a, "cursor", 1)
      assert.lengthOf(signals.join(topic, a).signals, 0)
      for (let i = 0; i < 100; i++) signals.setSignal(topic, a, `k${i}`, i)
      assert.lengthOf(signals.join(topic, a).signals, defaults.signalKeys)
      signals.leave(topic, "a")
      signals.setSignal(topic, a, "cursor", 1)
      assert.lengthOf(signals.join(topic, a).signals, 0)
    }).pipe(Effect.provide(layer))
  })

  it.effect("[CHO5] running text is kept whole until it is complete", () => {
    const { layer, drainFrames } = makeFixture()
    return Effect.gen(function*() {
      const signals = yield* Signals
      const piece = { prompt_id: "p", loop: 0, step: "action", attempt: 0 } as const
      const at = (offset: number, text: string, attempt = 0) =>
        signals.publishChunk(topic, { ...piece, prompt_id: piece.prompt_id as never, attempt, offset, text })
      at(0, "one ")
      at(4, "two")
      assert.lengthOf(drainFrames(), 2)
      assert.deepInclude(signals.runningStreams(topic)[0], { offset: 0, text: "one two" })
      at(0, "again", 1)
      assert.deepInclude(signals.runningStreams(topic)[0], { text: "again", attempt: 1 })
      signals.completeStream(topic, "p")
      assert.lengthOf(signals.runningStreams(topic), 0)
    }).pipe(Effect.provide(layer))
  })
})
