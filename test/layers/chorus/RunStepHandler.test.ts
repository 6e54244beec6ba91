import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, References } from "effect"
import { TestClock } from "effect/testing"
import { maxPartialLength, type RunStep } from "../../../src/domain/chorus/ChorusModel.ts"
import { internalFailure, NetworkError, toErrorState } from "../../../src/domain/chorus/StepError.ts"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import * as RunStepHandler from "../../../src/layers/chorus/RunStepHandler.ts"
import * as Metrics from "../../../src/layers/observability/Metrics.ts"
import { Chorus, ChorusError } from "../../../src/services/Chorus.ts"
import { type IntentHandler, IntentHandlers } from "../../../src/services/IntentHandlers.ts"
import { Signals } from "../../../src/services/Signals.ts"
import { Topics } from "../../../src/services/Topics.ts"
import { makeOutput, makeRunAt, sealedRun, topic } from "../../support/RunFixture.ts"

const usage = { provider: "p", model: "m", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }
const intent = (change = {}): RunStep => ({
  _tag: "RunStep",
  id: CommandId.make("prompt-1/0/yield/0"),
  run: sealedRun(makeRunAt("yield", 0, change))
})

/** The handler over a scripted Chorus; `signalsSent` records what it publishes and posts. */
const handleIntent = (step: Chorus["Service"]["step"], signalsSent: Array<unknown>) =>
  Effect.gen(function*() {
    let registered: IntentHandler | undefined
    const intentHandlers = Layer.succeed(IntentHandlers, {
      register: (tag, handler) =>
        Effect.sync(() => {
          assert.strictEqual(tag, "RunStep")
          // The registry erases the intent's type; the tag identifies it.
          registered = (topic, intent) => handler(topic, intent as Parameters<typeof handler>[1])
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
    yield* Layer.build(RunStepHandler.layer.pipe(Layer.provide([intentHandlers, signals, chorus, topics])))
    return registered ?? assert.fail("nothing registered")
  })

const chorusStep: Chorus["Service"]["step"] = Effect.fnUntraced(function*(_, onText) {
  yield* onText("Hot ")
  yield* onText("𝄞 ")
  yield* onText("tea")
  return { output: makeOutput("yield", 0), usage }
})

describe("RunStepHandler", () => {
  it.effect("[CHO5] published text carries the offset of its first unit, and the stream is completed at the end", () =>
    Effect.gen(function*() {
      const signalsSent: Array<unknown> = []
      const handle = yield* handleIntent(chorusStep, signalsSent)
      const answer = yield* handle(topic, intent({ attempt: 1 }))
      assert.deepStrictEqual(signalsSent, [[1, 0, "Hot "], [1, 4, "𝄞 "], [1, 7, "tea"], "done prompt-1"])
      assert.deepStrictEqual(answer, {
        _tag: "StepAnswered",
        intent: intent().id,
        prompt_id: intent().run.prompt_id,
        output: makeOutput("yield", 0),
        usage
      })
      // Another attempt begins at offset 0.
      yield* handle(topic, intent())
      assert.deepStrictEqual(signalsSent[4], [0, 0, "Hot "])
    }))

  it.effect("[SEC32] usage that cannot be is answered as none, and counters never go down", () =>
    Effect.gen(function*() {
      const { chorusTokens } = yield* Metrics.Metrics
      const before = [chorusTokens.input.value, chorusTokens.output.value]
      const reported = {
        ...usage,
        input_tokens: -7,
        output_tokens: Number.NaN,
        cost: { amount: -1, unit: "USD", prices: "1" }
      }
      const handle = yield* handleIntent(
        () => Effect.succeed({ output: makeOutput("yield", 0), usage: reported }),
        []
      )
      assert.deepInclude(yield* handle(topic, intent()), {
        _tag: "StepAnswered",
        usage: { ...usage, input_tokens: 0, output_tokens: 0, cost: null }
      })
      assert.deepStrictEqual([chorusTokens.input.value, chorusTokens.output.value], before)
    }).pipe(Effect.provide(Metrics.layer)))

  it.effect("[CHO6] a failed step is answered with its error", () =>
    Effect.gen(function*() {
      const error = new NetworkError({ message: "gone", retryable: true })
      const signalsSent: Array<unknown> = []
      const handle = yield* handleIntent(() => Effect.fail(new ChorusError({ reason: error })), signalsSent)
      assert.deepStrictEqual(yield* handle(topic, intent()), {
        _tag: "StepErrored",
        intent: intent().id,
        prompt_id: intent().run.prompt_id,
        error: toErrorState(error)
      })
      assert.deepStrictEqual(signalsSent, ["done prompt-1"])
    }))

  it.effect("[CHO3] [FLT25] a Chorus that dies is answered with an error, so that its run ends", () =>
    Effect.gen(function*() {
      const handle = yield* handleIntent(() => Effect.die("a defect of the Chorus"), [])
      const answer = yield* handle(topic, intent()).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
      assert.deepInclude(answer, { _tag: "StepErrored", error: toErrorState(internalFailure()) })
    }))

  it.effect("[CHO6] an attempt waits until `not_before`", () =>
    Effect.gen(function*() {
      const signalsSent: Array<unknown> = []
      const handle = yield* handleIntent(chorusStep, signalsSent)
      const fiber = yield* Effect.forkChild(handle(topic, intent({ not_before: 5_000 })))
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(signalsSent, [])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.strictEqual(signalsSent.length, 4)
    }))

  it.effect("[CHO5] [CHO8] a piece with an offset replaces the text from there on", () =>
    Effect.gen(function*() {
      const signalsSent: Array<unknown> = []
      const handle = yield* handleIntent(
        (_, onText) => Effect.andThen(onText("Let me see."), Effect.andThen(onText("Hot ", 0), Effect.never)),
        signalsSent
      )
      const fiber = yield* Effect.forkChild(handle(topic, intent()))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(fiber)
      const cut = { _tag: "StepInterrupted", intent: intent().id, prompt_id: "prompt-1", text: "Hot " }
      assert.deepStrictEqual(signalsSent, [[0, 0, "Let me see."], [0, 0, "Hot "], cut, "done prompt-1"])
    }))

  it.effect("[CHO8] an interrupted step posts the text that it has published", () =>
    Effect.gen(function*() {
      const signalsSent: Array<unknown> = []
      const handle = yield* handleIntent((_, onText) => Effect.andThen(onText("Hot "), Effect.never), signalsSent)
      const fiber = yield* Effect.forkChild(handle(topic, intent()))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(fiber)
      const cut = { _tag: "StepInterrupted", intent: intent().id, prompt_id: "prompt-1" }
      assert.deepStrictEqual(signalsSent, [[0, 0, "Hot "], { ...cut, text: "Hot " }, "done prompt-1"])
    }))

  it.effect("[CHO8] an interrupted step posts no empty text, and at most 32 KB", () =>
    Effect.gen(function*() {
      const signalsSent: Array<unknown> = []
      const texts = ["", "x".repeat(maxPartialLength - 1) + "\ud834\udd1e and on"]
      for (const text of texts) {
        const handle = yield* handleIntent((_, onText) => Effect.andThen(onText(text), Effect.never), signalsSent)
        const fiber = yield* Effect.forkChild(handle(topic, intent()))
        yield* TestClock.adjust("1 seconds")
        yield* Fiber.interrupt(fiber)
      }
      const cuts = signalsSent.filter((one) => typeof one === "object" && one !== null && "_tag" in one)
      assert.deepStrictEqual(cuts.map((one) => Reflect.get(one as object, "text")), ["x".repeat(maxPartialLength - 1)])
    }))
})
