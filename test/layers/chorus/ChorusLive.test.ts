import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Stream } from "effect"
import { AiError } from "effect/ai"
import { TestClock } from "effect/testing"
import { type RunStepAnswer, steps } from "../../../src/domain/chorus/ChorusModel.ts"
import { displayText } from "../../../src/domain/chorus/ChorusOutput.ts"
import * as ChorusPrompt from "../../../src/domain/chorus/ChorusPrompt.ts"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import * as ExtractiveModel from "../../../src/domain/chorus/extractive/ExtractiveModel.ts"
import { toErrorState } from "../../../src/domain/chorus/StepError.ts"
import * as PriorSearch from "../../../src/domain/search/PriorSearch.ts"
import { plain } from "../../../src/domain/topic/SealedText.ts"
import { Chorus } from "../../../src/services/Chorus.ts"
import { PriorsUnavailable } from "../../../src/services/Priors.ts"
import { formatModelAnswer, makePrior, makeRunAt, stepData } from "../../support/RunFixture.ts"
import { sealed, sealedOutput } from "../../support/SealedFixture.ts"
import { fakePriorsLayer, finishPart, textDelta } from "./FakeModel.ts"
import {
  authenticationError,
  chorusWithModel,
  failsWith,
  type ModelScript,
  offlineChorus,
  providerError,
  runStep,
  streamsParts
} from "./StepFixture.ts"

describe("ChorusLive: steps and their search", () => {
  it.effect.each(steps)("[CHO2] the step %s is streamed and parsed, with its usage", (step) =>
    Effect.gen(function*() {
      const pieces: Array<string> = []
      const run = makeRunAt(step)
      const { output, usage } = yield* runStep(run, pieces)
      assert.strictEqual(output._tag, step)
      assert.strictEqual(displayText(output), "A lead.")
      assert.strictEqual(pieces.join(""), "A lead.")
      assert.deepStrictEqual(usage, {
        provider: "fake",
        model: "fake-1",
        input_tokens: 12,
        output_tokens: 34,
        latency_ms: 0,
        cost: null
      })
    }).pipe(Effect.provide(chorusWithModel(streamsParts(textDelta(formatModelAnswer("A lead.", stepData[step])))))))

  it.effect("[CHO4] Experience searches with the prompt and Action's answer, for the run's thread", () => {
    const searched: Array<unknown> = []
    const long = `${"Other words. ".repeat(300)}\nGreen tea needs water of 80 degrees.\n${"More words. ".repeat(300)}`
    const find = fakePriorsLayer((text, thread) => {
      searched.push(text, thread)
      return Effect.succeed([makePrior("p-long", long)])
    })
    const prompts: Array<string> = []
    const script: ModelScript = ({ user }) => {
      prompts.push(user)
      return streamsParts(textDelta(formatModelAnswer("L", stepData.experience)))({ system: "", user })
    }
    return Effect.gen(function*() {
      const run = makeRunAt("experience")
      const { output } = yield* runStep(run)
      assert.deepStrictEqual(searched, [`${run.prompt}\n\nlead of action 0`, run.thread_id])
      const found = output._tag === "experience" ? output.priors : []
      assert.deepStrictEqual(found.map(({ id }) => id), ["p-long"])
      assert.include(found[0]?.content, "80 degrees")
      assert.isAtMost(found[0]?.content.length ?? 0, ChorusPrompt.promptLimits.prior)
      assert.include(prompts[0], "80 degrees")
    }).pipe(Effect.provide(chorusWithModel(script, find)))
  })

  it.effect("[CHO4] of the extractive model only quotes are searched for; a very long question is not", () => {
    const searched: Array<string> = []
    const find = fakePriorsLayer((text) => {
      searched.push(text)
      return Effect.succeed([])
    })
    return Effect.gen(function*() {
      const run = makeRunAt("experience")
      const steps = run.steps.map(({ output, ...record }) => ({
        ...record,
        output: { ...output, proposed_response: `${ExtractiveModel.disclaimer} This thread says:\n\n- a quote` },
        usage: { ...record.usage, model: ExtractiveModel.modelName }
      }))
      yield* runStep({ ...run, steps })
      yield* runStep({ ...run, prompt: "x".repeat(30_000) })
      assert.deepStrictEqual(searched, [`${run.prompt}\n\n- a quote`, "lead of action 0"])
    }).pipe(Effect.provide(chorusWithModel(streamsParts(textDelta(formatModelAnswer("L", stepData.experience))), find)))
  })
})

describe("ChorusLive: reasoning before the answer", () => {
  const answer = formatModelAnswer("The answer.", stepData.action)
  const noise = "It wants <<<data>>> and {\"confidence\": 1} behind it. ".repeat(1_000)
  /** The pieces of a text: as long as tokens. */
  const tokens = (text: string) => streamsParts(...(text.match(/[^]{1,7}/g) ?? []).map(textDelta))

  it.effect.each([
    ["<think>", "</think>\n\n"],
    ["\n<thinking>\n", "\n</thinking>"],
    ["[THINK]", "[/THINK]"],
    ["◁think▷", "◁/think▷"],
    ["<think></think><Think>", "</Think>"]
  ])(
    "[CHO5] [FLT16] reasoning between %j and %j is neither shown nor recorded",
    ([open, close]) =>
      Effect.gen(function*() {
        const pieces: Array<string> = []
        const { output } = yield* runStep(makeRunAt("action"), pieces)
        assert.strictEqual(pieces.join(""), "The answer.")
        assert.strictEqual(displayText(output), "The answer.")
      }).pipe(Effect.provide(chorusWithModel(tokens(open + noise + close + answer))))
  )

  it.effect("[CHO5] [FLT16] what was shown before a closing tag that nothing opened is replaced, and next time not shown", () => {
    const script: ModelScript = () =>
      Stream.concat(
        Stream.concat(Stream.make(textDelta("Let me see.")), Stream.fromEffectDrain(Effect.sleep("1 second"))),
        Stream.make(textDelta(`${noise}\n</think>\n\n${answer}`), finishPart())
      )
    return Effect.gen(function*() {
      const { step } = yield* Chorus
      for (const firstShown of ["Let me see.", "The answer."]) {
        let shown = ""
        const texts: Array<string> = []
        const running = yield* Effect.forkChild(
          step(makeRunAt("action"), (piece, offset = shown.length) =>
            Effect.sync(() => {
              shown = shown.slice(0, offset) + piece
              texts.push(shown)
            }))
        )
        yield* TestClock.adjust("2 seconds")
        const { output } = yield* Fiber.join(running)
        assert.deepStrictEqual([texts[0], shown, displayText(output)], [firstShown, "The answer.", "The answer."])
      }
    }).pipe(Effect.provide(chorusWithModel(script)))
  })

  it.effect("[SEC32] [CHO6] an answer of reasoning alone is a typed failure, and shows nothing", () =>
    Effect.gen(function*() {
      const pieces: Array<string> = []
      const { reason } = yield* Effect.flip(runStep(makeRunAt("action"), pieces))
      assert.deepStrictEqual([reason._tag, reason.retryable, pieces], ["AIError", true, []])
    }).pipe(Effect.provide(chorusWithModel(tokens(`<think>${answer}`)))))
})

describe("ChorusLive: no search, and streaming", () => {
  it.effect("[FLT13] when the search is not available the run continues, and its record notes it", () => {
    const down = fakePriorsLayer(() =>
      Effect.fail(new PriorsUnavailable({ operation: "search", retryable: true, cause: "x" }))
    )
    const pieces: Array<string> = []
    return Effect.gen(function*() {
      const { output } = yield* runStep(makeRunAt("experience"), pieces)
      const expected = `${PriorSearch.priorsUnavailableNote}\n\nL`
      assert.deepStrictEqual(output, {
        _tag: "experience",
        synthesis: expected,
        key_insights: ["80 degrees"],
        priors: []
      })
      assert.strictEqual(pieces.join(""), expected)
    }).pipe(Effect.provide(chorusWithModel(streamsParts(textDelta(formatModelAnswer("L", stepData.experience))), down)))
  })

  it.effect("[FLT13] the prompts of later steps state that there was no search", () => {
    const users: Array<string> = []
    const script: ModelScript = ({ system, user }) => {
      users.push(user)
      return streamsParts(textDelta(formatModelAnswer("L", stepData.yield)))({ system, user })
    }
    return Effect.gen(function*() {
      const run = makeRunAt("yield")
      const steps = run.steps.map((record) =>
        record.output._tag === "experience"
          ? {
            ...record,
            output: { ...record.output, synthesis: `${PriorSearch.priorsUnavailableNote}\n\nL`, priors: [] }
          }
          : record
      )
      assert.strictEqual(displayText((yield* runStep({ ...run, steps })).output), "L")
      assert.include(users[0], `<note>\n| ${PriorSearch.priorsUnavailableNote}\n</note>`)
      yield* runStep(run)
      assert.notInclude(users[1], "<note>")
    }).pipe(Effect.provide(chorusWithModel(script)))
  })

  it.effect("[CHO5] the first text is shown at once, the rest every 40 ms, and nothing of the data", () => {
    const tokens = [..."A lead that takes some time.", ...formatModelAnswer("", stepData.action)]
    const script: ModelScript = () =>
      Stream.fromIterable(tokens).pipe(
        Stream.tap(() => Effect.sleep("10 millis")),
        Stream.map(textDelta),
        Stream.concat(Stream.succeed(finishPart()))
      )
    const pieces: Array<string> = []
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(runStep(makeRunAt("action"), pieces))
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(pieces, ["A"])
      yield* TestClock.adjust("39 millis")
      assert.deepStrictEqual(pieces, ["A"])
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(pieces.length, 2)
      yield* TestClock.adjust("10 seconds")
      const { output, usage } = yield* Fiber.join(fiber)
      assert.strictEqual(pieces.join(""), "A lead that takes some time.")
      assert.isAtMost(pieces.length, 9)
      assert.strictEqual(displayText(output), pieces.join(""))
      assert.strictEqual(usage.latency_ms, tokens.length * 10)
    }).pipe(Effect.provide(chorusWithModel(script)))
  })
})

describe("ChorusLive: interruption and errors", () => {
  it.effect("[CHO5] text that was received is shown while the stream stalls", () => {
    const pieces: Array<string> = []
    const script: ModelScript = () =>
      Stream.concat(Stream.make(textDelta("A"), textDelta(" b"), textDelta(" c")), Stream.never)
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(runStep(makeRunAt("action"), pieces))
      yield* TestClock.adjust("80 millis")
      assert.strictEqual(pieces.join(""), "A b c")
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(chorusWithModel(script)))
  })

  it.effect("[CHO8] an interruption stops the model's stream", () =>
    Effect.gen(function*() {
      const stopped = yield* Deferred.make<void>()
      const script: ModelScript = () => Stream.never.pipe(Stream.ensuring(Deferred.succeed(stopped, undefined)))
      const fiber = yield* Effect.forkChild(runStep(makeRunAt("action")).pipe(Effect.provide(chorusWithModel(script))))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(stopped)
    }))

  it.effect("[TOP10] a prior that is erased while the model answers stops its stream, and the step is tried again", () =>
    Effect.gen(function*() {
      const [answering, erased, stopped] = [
        yield* Deferred.make<void>(),
        yield* Deferred.make<void>(),
        yield* Deferred.make<void>()
      ]
      const found = [makePrior("p-1", "the words")]
      const priors = fakePriorsLayer(
        () => Effect.succeed(found),
        (given) => given[0]?.id === "p-1" ? Deferred.await(erased) : Effect.never
      )
      const script: ModelScript = () =>
        Stream.fromEffect(Effect.as(Deferred.succeed(answering, undefined), textDelta("They wrote: the words"))).pipe(
          Stream.concat(Stream.never),
          Stream.ensuring(Deferred.succeed(stopped, undefined))
        )
      const step = yield* Effect.forkChild(
        runStep(makeRunAt("experience")).pipe(Effect.provide(chorusWithModel(script, priors)))
      )
      yield* Deferred.await(answering)
      yield* Deferred.succeed(erased, undefined)
      const { reason } = yield* Effect.flip(Fiber.join(step))
      assert.deepInclude(toErrorState(reason), { _tag: "StateError", retryable: true })
      yield* Deferred.await(stopped)
    }))

  it.effect.each(
    [
      { reason: providerError, fault: { _tag: "AIError", message: "the model's provider failed", retryable: true } },
      {
        reason: authenticationError,
        fault: { _tag: "AIError", message: "the model's provider does not accept the key", retryable: false }
      },
      {
        reason: new AiError.RateLimitError({ retryAfter: Duration.seconds(7) }),
        fault: {
          _tag: "AIError",
          message: "the model's provider has too much to do",
          retryable: true,
          retry_after_ms: 7_000
        }
      },
      {
        reason: new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "http://10.0.0.1" }),
        fault: {
          _tag: "NetworkError",
          message: "the model's provider could not be reached, or stopped answering",
          retryable: true
        }
      }
    ] as const
  )(
    "[CHO6] [FLT17] $reason._tag is $fault._tag, without the provider's message",
    ({ fault, reason }) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(runStep(makeRunAt("action")))
        assert.deepStrictEqual(toErrorState(error.reason), fault)
      }).pipe(Effect.provide(chorusWithModel(failsWith(reason))))
  )

  it.effect("[CHO6] a malformed or truncated answer is retryable", () =>
    Effect.gen(function*() {
      for (const parts of [[textDelta("no data"), finishPart()], [textDelta("L"), finishPart("length")]]) {
        const error = yield* runStep(makeRunAt("action")).pipe(
          Effect.provide(chorusWithModel(() => Stream.fromIterable(parts))),
          Effect.flip
        )
        assert.strictEqual(error.reason._tag, "AIError")
        assert.isTrue(error.retryable)
      }
    }))

  it.effect("[CHO6] a run without an earlier output is a StateError, and no model is called", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(runStep({ ...makeRunAt("yield"), steps: [] }))
      assert.strictEqual(error.reason._tag, "StateError")
    }).pipe(Effect.provide(chorusWithModel(() => Stream.die("a model was called")))))
})

describe("ChorusLive: whole runs", () => {
  it.effect.each([
    { prompt: "How hot should the water for green tea be?", loops: 0 },
    { prompt: "green kimono silk origin etiquette", loops: 1 },
    { prompt: "Who won the match?", loops: 0 }
  ])(
    "[CHO3] [CHO12] a run with the built-in model ends in a Yield: $prompt",
    ({ loops, prompt }) =>
      Effect.gen(function*() {
        const run = ChorusRun.createRun({ ...makeRunAt("action"), prompt: sealed(prompt), at: 1 })
        let { intents, state } = ChorusRun.transformState(run, { _tag: "RunStarted", prompt_id: run.prompt_id, at: 1 })
        for (let [intent] = intents; intent !== undefined; [intent] = intents) {
          const { output, usage } = yield* runStep(plain(intent.run))
          const reply: RunStepAnswer = {
            _tag: "StepAnswered",
            intent: intent.id,
            prompt_id: run.prompt_id,
            output: sealedOutput(output),
            usage
          }
          ;({ intents, state } = ChorusRun.transformState(state, {
            _tag: "StepResult",
            answer: reply,
            now: 2,
            seed: 1
          }))
        }
        assert.strictEqual(state.status, "yielded")
        assert.strictEqual(state.loop, loops)
        assert.strictEqual(state.steps.length, 6 + 5 * loops)
        const last = plain(state).steps.at(-1)?.output
        assert.include(last === undefined ? "" : displayText(last), ExtractiveModel.disclaimer)
      }).pipe(Effect.provide(offlineChorus))
  )
})
