import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as ChorusModel from "../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import { CommandId } from "../../../src/domain/protocol/Ids.ts"
import { openingsOf, openTexts, plain } from "../../../src/domain/topic/SealedText.ts"
import { asker, makePrior, otherUser, topic, usage } from "../../support/RunFixture.ts"
import { sealed, sealedOutput } from "../../support/SealedFixture.ts"
import { userId } from "../../support/TopicWorld.ts"

const prompt_id = CommandId.make("p")
const queued = ChorusRun.createRun({ prompt_id, thread_id: topic, asker, prompt: sealed("why?"), at: 10 })
const running = ChorusRun.transformState(queued, { _tag: "RunStarted", prompt_id, at: 20 }).state

const prior = (id: string, author: ChorusModel.Prior["author"]) => makePrior(id, "bread rises", author)

/** Outputs of a model that always asks for another loop; a test replaces the ones it is about. */
const outputs: { readonly [S in ChorusModel.Step]: ChorusModel.StepOutputOf<S> } = {
  action: { _tag: "action", proposed_response: "a", confidence: 0.5, reasoning: "" },
  experience: { _tag: "experience", synthesis: "e", key_insights: ["yeast"], priors: [prior("x", otherUser)] },
  intention: { _tag: "intention", explicit: "i", implicit: "", selected_priors: [], reason: "" },
  observation: { _tag: "observation", context_analysis: "o", patterns: [], semantic_links: [] },
  update: { _tag: "update", reason: "u", loop: true, confidence: 0.1 },
  yield: { _tag: "yield", final_response: "y", citations: [], confidence: 0.9 }
}

type Script = (state: ChorusModel.ChorusState) => ChorusModel.StepOutput | ChorusModel.ErrorState
const answersWith = (change: Partial<typeof outputs> = {}): Script => (state) =>
  ({ ...outputs, ...change })[state.current_step]

/** New insights in each loop, so that only the other rules end the run. */
const alwaysLoops = (change: Partial<typeof outputs> = {}): Script => (state) =>
  state.current_step === "experience"
    ? { ...outputs.experience, key_insights: [`insight ${state.loop}`] }
    : answersWith(change)(state)

const makeAnswer = (
  state: ChorusModel.ChorusState,
  result: ChorusModel.StepOutput | ChorusModel.ErrorState
): ChorusModel.RunStepAnswer => {
  const intent = ChorusRun.intentId(state)
  return "message" in result
    ? { _tag: "StepErrored", intent, prompt_id, error: result }
    : { _tag: "StepAnswered", intent, prompt_id, output: sealedOutput(result), usage }
}

const receiveResult = (
  state: ChorusModel.ChorusState,
  result: ChorusModel.StepOutput | ChorusModel.ErrorState,
  now = 100,
  seed = 0
) => ChorusRun.transformState(state, { _tag: "StepResult", answer: makeAnswer(state, result), now, seed })

/** Answers every intent until the run has ended; a run that never ends fails the test. */
const runToEnd = (script: Script, from = running) => {
  let state = from
  const trail: Array<string> = []
  for (let turn = 0; turn < 200 && !ChorusRun.isFinished(state); turn++) {
    trail.push(`${state.current_step}${state.loop}`)
    state = receiveResult(state, script(state)).state
  }
  assert.isTrue(ChorusRun.isFinished(state))
  return { state, trail }
}

const aiError = (more: Partial<ChorusModel.ErrorState> = {}): ChorusModel.ErrorState => ({
  _tag: "AIError",
  message: "overloaded",
  retryable: true,
  ...more
})

describe("ChorusRun: steps and loops", () => {
  it("[CHO1] a queued run has no intent; a running one has one, for its current step", () => {
    assert.deepStrictEqual(ChorusRun.pending(queued), [])
    assert.deepStrictEqual(ChorusRun.pending(running).map((intent) => intent.id), [CommandId.make("p/0/action/0")])
    const { intents, response, state } = receiveResult(running, outputs.action)
    assert.strictEqual(state.current_step, "experience")
    assert.deepStrictEqual(intents, [{ _tag: "RunStep", id: CommandId.make("p/0/experience/0"), run: state }])
    assert.deepStrictEqual(response, { prompt_id, loop: 0, step: "action", status: "running", text: "a" })
  })

  it("[CHO2] a run carries out six steps in order, and keeps their outputs", () => {
    const { state, trail } = runToEnd(answersWith({ update: { ...outputs.update, loop: false } }))
    assert.deepStrictEqual(trail, ["action0", "experience0", "intention0", "observation0", "update0", "yield0"])
    assert.deepStrictEqual(state.steps.map((record) => record.step), [...ChorusModel.steps])
    assert.strictEqual(state.status, "yielded")
  })

  it("[CHO3] a run loops at most three times, and then yields", () => {
    const { state, trail } = runToEnd(alwaysLoops())
    assert.strictEqual(trail.filter((step) => step.startsWith("action")).length, 1 + ChorusRun.runPolicy.maxLoops)
    assert.strictEqual(trail.at(-1), "yield3")
    assert.strictEqual(state.status, "yielded")
  })

  it("[CHO3] a run does not loop when it is confident, or when it found no new insight", () => {
    assert.strictEqual(runToEnd(alwaysLoops({ update: { ...outputs.update, confidence: 0.8 } })).trail.at(-1), "yield0")
    assert.strictEqual(runToEnd(answersWith()).trail.at(-1), "yield1")
  })
})

describe("ChorusRun: failures", () => {
  it("[CHO6] a failed attempt keeps the completed steps, and doubles the back-off", () => {
    const before = receiveResult(running, outputs.action).state
    const waits = [0, 1, 2, 3].map((attempt) => {
      const { intents, state } = receiveResult({ ...before, attempt }, aiError(), 1_000)
      assert.deepStrictEqual(state.steps, before.steps)
      assert.strictEqual(intents[0]?.id, `p/0/experience/${attempt + 1}`)
      return state.not_before - 1_000
    })
    assert.deepStrictEqual(waits, [500, 1_000, 2_000, 4_000])
  })

  it.prop("[CHO6] the wait is between half and all of the back-off", [Schema.Int], ([seed]) => {
    const { state } = receiveResult({ ...running, attempt: 2 }, aiError(), 0, seed)
    assert.isAtLeast(state.not_before, 2_000)
    assert.isAtMost(state.not_before, 4_000)
  })

  it("[CHO6] the wait is spread over the whole range by the 32 random bits", () => {
    const waits = [0, 2 ** 31, 2 ** 32 - 1, -1].map((seed) =>
      Math.round(receiveResult({ ...running, attempt: 2 }, aiError(), 0, seed).state.not_before)
    )
    assert.deepStrictEqual(waits, [2_000, 3_000, 4_000, 4_000])
  })

  it("[CHO6] a Retry-After is respected up to ten minutes; a longer one is a failure", () => {
    assert.strictEqual(receiveResult(running, aiError({ retry_after_ms: 60_000 }), 0).state.not_before, 60_000)
    assert.strictEqual(receiveResult(running, aiError({ retry_after_ms: 3_600_000 }), 0).state.status, "failed")
  })

  it("[CHO6] a run fails with the error after five attempts, or at once if it is not retryable", () => {
    const { state, trail } = runToEnd(() => aiError())
    assert.strictEqual(state.status, "failed")
    assert.deepStrictEqual(state.error_state, aiError())
    assert.strictEqual(trail.length, ChorusRun.runPolicy.maxAttempts)
    assert.strictEqual(runToEnd(() => aiError({ retryable: false })).trail.length, 1)
  })

  it("[CHO6] a StateError is retried at once", () => {
    const { state } = receiveResult(running, { _tag: "StateError", message: "?", retryable: false }, 50)
    assert.strictEqual(state.status, "running")
    assert.strictEqual(state.not_before, 50)
  })

  it("[CHO6] an answer of another step is a failed attempt", () => {
    const { response, state } = receiveResult(running, outputs.yield)
    assert.strictEqual(state.error_state?._tag, "AIError")
    assert.strictEqual(state.status, "running")
    assert.strictEqual(response?.text, "asked for action, the answer was yield")
  })

  const stall: ChorusModel.ErrorState = { _tag: "NetworkError", message: "stalled", retryable: true }

  it("[FLT14] [FLT15] a model that stalls at a step is called again after the back-off, and the run continues", () => {
    for (const step of ChorusModel.steps) {
      let hasStalled = false
      const { state, trail } = runToEnd((state) => {
        if (state.current_step !== step || hasStalled) {
          return answersWith({ update: { ...outputs.update, loop: false } })(state)
        }
        hasStalled = true
        return stall
      })
      assert.strictEqual(state.status, "yielded")
      assert.deepStrictEqual(trail.filter((one) => one === `${step}0`).length, 2)
    }
  })

  it("[FLT14] [FLT15] a model that always stalls ends the run with one terminal event, and its completed steps stay", () => {
    let state = receiveResult(running, outputs.action).state
    const events: Array<string> = []
    while (!ChorusRun.isFinished(state)) {
      const decided = ChorusRun.decide(state, makeAnswer(state, stall), { now: 100, seed: 0 })
      events.push(...decided.map(({ _tag }) => _tag))
      state = decided.reduce(ChorusRun.evolve, state)
    }
    assert.deepStrictEqual(events, ["StepFailed", "StepFailed", "StepFailed", "StepFailed", "RunFailed"])
    assert.strictEqual(state.error_state?._tag, "NetworkError")
    assert.strictEqual(state.steps.length, 1)
    assert.deepStrictEqual(ChorusRun.decide(state, makeAnswer(state, stall), { now: 100, seed: 0 }), [])
  })
})

/** A run from its start to its end: the state before each event, and the event. */
const recordRun = () => {
  const history: Array<{ readonly before: ChorusModel.ChorusState; readonly event: ChorusRun.RunEvent }> = []
  let state = running
  let failures = 0
  while (!ChorusRun.isFinished(state)) {
    const result = state.current_step === "intention" && failures++ === 0 ? aiError() : alwaysLoops()(state)
    for (const event of ChorusRun.decide(state, makeAnswer(state, result), { now: 100, seed: 7 })) {
      history.push({ before: state, event })
      state = ChorusRun.evolve(state, event)
    }
  }
  return { history, end: state }
}

describe("ChorusRun: crashes and cancellation", () => {
  it("[FLT18] a run that is folded from its log resumes at the first step that had not completed", () => {
    const { end, history } = recordRun()
    const events = history.map(({ event }) => event)
    for (let n = 0; n <= events.length; n++) {
      const loaded = events.slice(0, n).reduce(ChorusRun.evolve, running)
      const completed = events.slice(0, n).filter((event) => event._tag === "StepCompleted")
      assert.strictEqual(loaded.steps.length, completed.length)
      const [intent] = ChorusRun.pending(loaded)
      if (n === events.length) return assert.isUndefined(intent)
      assert.deepStrictEqual([intent?.run.loop, intent?.run.current_step], [
        end.steps[completed.length]?.loop,
        end.steps[completed.length]?.step
      ])
    }
  })

  it("[FLT18] no step takes effect twice, however often its answer is delivered", () => {
    for (const { before, event } of recordRun().history) {
      if (event._tag !== "StepCompleted") continue
      const answer = makeAnswer(before, plain(event.output))
      const after = ChorusRun.evolve(before, event)
      assert.deepStrictEqual(ChorusRun.decide(after, answer, { now: 200, seed: 0 }), [])
    }
  })

  it("[FLT19] a run cancelled at any step has no intent, and no later answer or event changes it", () => {
    for (const { before, event } of recordRun().history) {
      const cancelled = ChorusRun.transformState(before, { _tag: "RunCancelled", prompt_id, by: asker, at: 30 })
      assert.deepStrictEqual(cancelled.intents, [])
      const answer = makeAnswer(before, alwaysLoops()(before))
      assert.deepStrictEqual(ChorusRun.decide(cancelled.state, answer, { now: 31, seed: 0 }), [])
      assert.strictEqual(ChorusRun.evolve(cancelled.state, event), cancelled.state)
    }
  })

  it("[CHO7] a late answer to an earlier attempt changes nothing", () => {
    const late = makeAnswer(running, outputs.action)
    const retried = receiveResult(running, aiError()).state
    assert.deepStrictEqual(
      ChorusRun.transformState(retried, { _tag: "StepResult", answer: late, now: 1, seed: 0 }),
      { state: retried, response: null, intents: ChorusRun.pending(retried) }
    )
  })

  it("[CHO8] a cancelled run has no intent, and keeps the partial text of its step once", () => {
    const cancelled = ChorusRun.transformState(running, {
      _tag: "RunCancelled",
      prompt_id,
      by: asker,
      at: 30
    })
    assert.strictEqual(cancelled.state.status, "cancelled")
    assert.deepStrictEqual(cancelled.intents, [])
    assert.deepStrictEqual(receiveResult(cancelled.state, outputs.action).state, cancelled.state)
    const cut = (state: ChorusModel.ChorusState, text: string) =>
      ChorusRun.transformState(state, {
        _tag: "StepResult",
        answer: { _tag: "StepInterrupted", intent: ChorusRun.intentId(state), prompt_id, text: sealed(text) },
        now: 31,
        seed: 0
      })
    const kept = cut(cancelled.state, "so far")
    assert.strictEqual(kept.response?.text, "so far")
    assert.deepStrictEqual(kept.state, { ...cancelled.state, partial: sealed("so far") })
    assert.deepStrictEqual(cut(kept.state, "again").state, kept.state)
    assert.deepStrictEqual(cut(running, "not cancelled").state, running)
  })

  it("[TOP10] a run cancelled in Experience keeps no text: no entry names the priors that it repeats", () => {
    const searching = receiveResult(running, outputs.action).state
    const { state } = ChorusRun.transformState(searching, { _tag: "RunCancelled", prompt_id, by: asker, at: 30 })
    assert.strictEqual(state.current_step, "experience")
    const answer = {
      _tag: "StepInterrupted",
      intent: ChorusRun.intentId(state),
      prompt_id,
      text: sealed("so far")
    } as const
    assert.deepStrictEqual(ChorusRun.decide(state, answer, { now: 31, seed: 0 }), [])
    assert.deepStrictEqual(state.messages, [])
  })
})

describe("ChorusRun: citations and end", () => {
  it("[CHO10] [CHO11] only references to priors of the run are kept, at most five citations, and no invented quote", () => {
    const priors = [..."abcdefg"].map((id) => prior(id, otherUser))
    const citations = [..."zaabcdefg"].map((prior) => ({ prior, quote: prior === "b" ? "cake" : "bread" }))
    const { state } = runToEnd(answersWith({
      experience: { ...outputs.experience, priors: [...priors, prior("a", asker)] },
      intention: { ...outputs.intention, selected_priors: ["a", "z", "a"] },
      observation: {
        ...outputs.observation,
        semantic_links: [{ prior: "z", relation: "r" }, { prior: "b", relation: "r" }]
      },
      update: { ...outputs.update, loop: false },
      yield: { ...outputs.yield, citations }
    }))
    const [, , intention, observation, , final] = plain(state).steps.map((record) => record.output)
    assert.deepStrictEqual(intention, { ...outputs.intention, selected_priors: ["a"] })
    assert.deepStrictEqual(observation, { ...outputs.observation, semantic_links: [{ prior: "b", relation: "r" }] })
    assert.deepStrictEqual(final, {
      ...outputs.yield,
      citations: [..."abcde"].map((prior) => ({ prior, quote: prior === "b" ? null : "bread" }))
    })
  })

  it("[CHO10] cited authors are paid once each, the asker and system authors never", () => {
    const priors = [prior("a", asker), prior("b", otherUser), prior("c", otherUser), prior("d", "system:chorus")]
    const { state } = runToEnd(answersWith({
      experience: { ...outputs.experience, priors },
      update: { ...outputs.update, loop: false }
    }))
    const citations = priors.map(({ id }) => ({ prior: id, quote: null }))
    assert.deepStrictEqual(
      ChorusRun.citedAuthors(state, { ...outputs.yield, final_response: sealed("y"), citations }),
      [otherUser]
    )
  })

  it("[CHO10][AUT8] the owner of a cited agent is paid, but not for what they or their agents asked", () => {
    const robot = userId(5)
    const priors = [{ ...prior("a", robot), owner: otherUser }, { ...prior("b", robot), owner: asker }]
    const { state } = runToEnd(answersWith({
      experience: { ...outputs.experience, priors },
      update: { ...outputs.update, loop: false }
    }))
    const answer = {
      ...outputs.yield,
      final_response: sealed("y"),
      citations: priors.map(({ id }) => ({ prior: id, quote: null }))
    }
    assert.deepStrictEqual(ChorusRun.citedAuthors(state, answer), [otherUser])
    const byAgent = { ...state, asker: robot, owner: otherUser }
    assert.deepStrictEqual(ChorusRun.citedAuthors(byAgent, answer), [asker])
  })

  const replies = Arbitrary.array(
    Arbitrary.schema(Schema.Union([ChorusModel.ErrorState, Schema.Literals(ChorusModel.steps), Schema.Boolean])),
    { minLength: 1, maxLength: 40 }
  )

  it.prop("[CHO3] a run ends in a Yield or a typed failure, whatever the model answers", { replies }, ({ replies }) => {
    let turn = 0
    const { state } = runToEnd((state) => {
      const reply = replies[turn++ % replies.length]
      if (reply === undefined || typeof reply === "boolean") return alwaysLoops()(state)
      return typeof reply === "string" ? outputs[reply] : reply
    })
    assert.include(["yielded", "failed"], state.status)
    assert.strictEqual(state.error_state !== null, state.status === "failed")
    const codec = Schema.toCodecJson(ChorusModel.ChorusState)
    const stored = JSON.parse(JSON.stringify(Schema.encodeSync(codec)(state)))
    assert.deepStrictEqual(openTexts(Schema.decodeUnknownSync(codec)(stored), openingsOf(state)), state)
  })
})
