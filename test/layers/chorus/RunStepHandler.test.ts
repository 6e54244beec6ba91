import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { type ErrorState, maxPartialLength, type RunStep } from "../../../src/domain/chorus/ChorusModel.ts"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as RunStepHandler from "../../../src/layers/chorus/RunStepHandler.ts"
import { Chorus, ChorusError } from "../../../src/services/Chorus.ts"
import { type IntentHandler, IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Signals } from "../../../src/services/Signals.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { makeOutput, makeRunAt, topic } from "./RunFixture.ts"

const usage = { provider: "p", model: "m", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }
const intent = (change = {}): RunStep => ({
  _tag: "RunStep",
  id: CommandId.make("prompt-1/0/yield/0"),
  run: makeRunAt("yield", 0, change)
})

/** A performer over a scripted Chorus; what it shows is written to `heard`. */
const handleIntent = (step: Chorus["Service"]["step"], signalsSent: Array<unknown>) =>
  Effect.gen(function*() {
    let registered: IntentHandler | undefined
    const performers = Layer.succeed(IntentHandlers, {
      register: (tag, perform) =>
        Effect.sync(() => {
          assert.strictEqual(tag, "RunStep")
          // The registry keeps performers of every kind of intent together; tags keep them apart.
          registered = (topic, intent) => perform(topic, intent as Parameters<typeof perform>[1])
        }),
      handle: () => Effect.die("not asked")
    })
    const signals = Layer.succeed(Signals, {
      join: () => ({ presence: [], signals: [] }),
      leave: () => undefined,
      setSignal: () => undefined,
      runningStreams: () => [],
      isPresent: () => Effect.succeed(false),
      publishChunk: (_, piece) => void signalsSent.push([piece.attempt, piece.offset, piece.text]),
      completeStream: (_, id) => void signalsSent.push(`done ${id}`)
    })
    const topics = Layer.mock(Topics, {
      post: (_, { input }) => void signalsSent.push(input),
      subscribe: () => undefined,
      unsubscribe: () => undefined,
      broadcast: () => undefined
    })
    const chorus = Layer.succeed(Chorus, { modelInfo: { model: "m", offline: false }, step })
    yield* Layer.build(RunStepHandler.layer.pipe(Layer.provide([performers, signals, chorus, topics])))
    return registered ?? assert.fail("nothing registered")
  })

const chorusStep: Chorus["Service"]["step"] = Effect.fnUntraced(function*(_, onText) {
  yield* onText("Hot ")
  yield* onText("𝄞 ")
  yield* onText("tea")
  return { output: makeOutput("yield", 0), usage }
})

describe("RunStepPerformer", () => {
  it.effect("[CHO5] pieces carry the place of their first unit, and are forgotten at the end", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const carryOut = yield* handleIntent(chorusStep, heard)
      const answer = yield* carryOut(topic, intent({ attempt: 1 }))
      assert.deepStrictEqual(heard, [[1, 0, "Hot "], [1, 4, "𝄞 "], [1, 7, "tea"], "done prompt-1"])
      assert.deepStrictEqual(answer, {
        _tag: "StepAnswered",
        intent: intent().id,
        prompt_id: intent().run.prompt_id,
        output: makeOutput("yield", 0),
        usage
      })
      // Another try begins at the beginning.
      yield* carryOut(topic, intent())
      assert.deepStrictEqual(heard[4], [0, 0, "Hot "])
    }))

  it.effect("[CHO6] a failure is an answer", () =>
    Effect.gen(function*() {
      const error: ErrorState = { _tag: "NetworkError", message: "gone", retryable: true }
      const heard: Array<unknown> = []
      const carryOut = yield* handleIntent(() => Effect.fail(new ChorusError({ reason: error })), heard)
      assert.deepStrictEqual(yield* carryOut(topic, intent()), {
        _tag: "StepErrored",
        intent: intent().id,
        prompt_id: intent().run.prompt_id,
        error
      })
      assert.deepStrictEqual(heard, ["done prompt-1"])
    }))

  it.effect("[CHO6] a try waits for its time", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const carryOut = yield* handleIntent(chorusStep, heard)
      const fiber = yield* Effect.forkChild(carryOut(topic, intent({ not_before: 5_000 })))
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(heard, [])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.strictEqual(heard.length, 4)
    }))

  it.effect("[CHO8] interruption stops the step, and hands over what it had said", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const carryOut = yield* handleIntent((_, onText) => Effect.andThen(onText("Hot "), Effect.never), heard)
      const fiber = yield* Effect.forkChild(carryOut(topic, intent()))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(fiber)
      const cut = { _tag: "StepCut", intent: intent().id, prompt_id: "prompt-1" }
      assert.deepStrictEqual(heard, [[0, 0, "Hot "], { ...cut, text: "Hot " }, "done prompt-1"])
    }))

  it.effect("[CHO8] nothing is handed over of a step that said nothing, and no more than 32 KB of one that said much", () =>
    Effect.gen(function*() {
      const heard: Array<unknown> = []
      const texts = ["", "x".repeat(maxPartialLength - 1) + "\ud834\udd1e and on"]
      for (const text of texts) {
        const carryOut = yield* handleIntent((_, onText) => Effect.andThen(onText(text), Effect.never), heard)
        const fiber = yield* Effect.forkChild(carryOut(topic, intent()))
        yield* TestClock.adjust("1 seconds")
        yield* Fiber.interrupt(fiber)
      }
      const cuts = heard.filter((one) => typeof one === "object" && one !== null && "_tag" in one)
      assert.deepStrictEqual(cuts.map((one) => Reflect.get(one as object, "text")), ["x".repeat(maxPartialLength - 1)])
    }))
})
