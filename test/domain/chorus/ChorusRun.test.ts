import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as ChorusModel from "../../../src/domain/chorus/ChorusModel.ts"
import * as ChorusRun from "../../../src/domain/chorus/ChorusRun.ts"
import { CommandId, type SystemId, TopicId, UserId } from "../../../src/domain/protocol/Ids.ts"

const asker = UserId.make(`${"a".repeat(42)}A`)
const other = UserId.make(`${"b".repeat(42)}A`)
const prompt_id = CommandId.make("p")
const queued = ChorusRun.createRun({ prompt_id, thread_id: TopicId.make("thread:t"), asker, prompt: "why?", at: 10 })
const running = ChorusRun.transformState(queued, { _tag: "RunStarted", prompt_id, at: 20 }).state
const usage: ChorusModel.Usage = {
  provider: "test",
  model: "test",
  input_tokens: 1,
  output_tokens: 1,
  latency_ms: 1,
  cost: null
}

const prior = (id: string, author: UserId | SystemId, content = "bread rises"): ChorusModel.Prior => ({
  id,
  content,
  author,
  thread: TopicId.make("thread:t"),
  similarity: 0.5,
  created_at: 0
})

/** A model that always wants another loop; a test replaces what it is about. */
const outputs: { readonly [S in ChorusModel.Step]: ChorusModel.StepOutputOf<S> } = {
  action: { _tag: "action", proposed_response: "a", confidence: 0.5, reasoning: "" },
  experience: { _tag: "experience", synthesis: "e", key_insights: ["yeast"], priors: [prior("x", other)] },
  intention: { _tag: "intention", explicit: "i", implicit: "", selected_priors: [], reason: "" },
  observation: { _tag: "observation", context_analysis: "o", patterns: [], semantic_links: [] },
  update: { _tag: "update", reason: "u", loop: true, confidence: 0.1 },
  yield: { _tag: "yield", final_response: "y", citations: [], confidence: 0.9 }
}

type Script = (state: ChorusModel.ChorusState) => ChorusModel.StepOutput | ChorusModel.ErrorState
const answersWith = (change: Partial<typeof outputs> = {}): Script => (state) =>
  ({ ...outputs, ...change })[state.current_step]

/** New insights in each loop, so that only the other rules stop it. */
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
    : { _tag: "StepAnswered", intent, prompt_id, output: result, usage }
}

const receiveResult = (
  state: ChorusModel.ChorusState,
  result: ChorusModel.StepOutput | ChorusModel.ErrorState,
  now = 100,
  seed = 0
) => ChorusRun.transformState(state, { _tag: "StepResult", answer: makeAnswer(state, result), now, seed })

/** Answers until the run owes nothing more; a run that never ends fails the test. */
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

describe("A run of the Chorus", () => {
  it("[CHO1] waits, starts, and asks for one step at a time", () => {
    assert.deepStrictEqual(ChorusRun.pending(queued), [])
    assert.deepStrictEqual(ChorusRun.pending(running).map((intent) => intent.id), [CommandId.make("p/0/action/0")])
    const { intents, response, state } = receiveResult(running, outputs.action)
    assert.strictEqual(state.current_step, "experience")
    assert.deepStrictEqual(intents, [{ _tag: "RunStep", id: CommandId.make("p/0/experience/0"), run: state }])
    assert.deepStrictEqual(response, { prompt_id, loop: 0, step: "action", status: "running", text: "a" })
  })

  it("[CHO2] goes through six steps, and each sees all before it", () => {
    const { state, trail } = runToEnd(answersWith({ update: { ...outputs.update, loop: false } }))
    assert.deepStrictEqual(trail, ["action0", "experience0", "intention0", "observation0", "update0", "yield0"])
    assert.deepStrictEqual(state.steps.map((record) => record.step), [...ChorusModel.steps])
    assert.strictEqual(state.status, "yielded")
  })

  it("[CHO3] loops back three times at most, and then yields", () => {
    const { state, trail } = runToEnd(alwaysLoops())
    assert.strictEqual(trail.filter((step) => step.startsWith("action")).length, 1 + ChorusRun.runPolicy.maxLoops)
    assert.strictEqual(trail.at(-1), "yield3")
    assert.strictEqual(state.status, "yielded")
  })

  it("[CHO3] does not loop when it is confident, or when nothing new was found", () => {
    assert.strictEqual(runToEnd(alwaysLoops({ update: { ...outputs.update, confidence: 0.8 } })).trail.at(-1), "yield0")
    assert.strictEqual(runToEnd(answersWith()).trail.at(-1), "yield1")
  })

  it("[CHO6] a failed try leaves the steps as they were, and the next one waits longer", () => {
    const before = receiveResult(running, outputs.action).state
    const waits = [0, 1, 2, 3].map((attempt) => {
      const { intents, state } = receiveResult({ ...before, attempt }, aiError(), 1_000)
      assert.deepStrictEqual(state.steps, before.steps)
      assert.strictEqual(intents[0]?.id, `p/0/experience/${attempt + 1}`)
      return state.not_before - 1_000
    })
    assert.deepStrictEqual(waits, [500, 1_000, 2_000, 4_000])
  })

  it.prop("[CHO6] the pause is between half and all of the back-off", [Schema.Int], ([seed]) => {
    const { state } = receiveResult({ ...running, attempt: 2 }, aiError(), 0, seed)
    assert.isAtLeast(state.not_before, 2_000)
    assert.isAtMost(state.not_before, 4_000)
  })

  it("[CHO6] waits as long as the provider asks, within reason", () => {
    assert.strictEqual(receiveResult(running, aiError({ retry_after_ms: 60_000 }), 0).state.not_before, 60_000)
    assert.strictEqual(receiveResult(running, aiError({ retry_after_ms: 3_600_000 }), 0).state.status, "failed")
  })

  it("[CHO6] fails typed after five tries, or at once when trying again cannot help", () => {
    const { state, trail } = runToEnd(() => aiError())
    assert.strictEqual(state.status, "failed")
    assert.deepStrictEqual(state.error_state, aiError())
    assert.strictEqual(trail.length, ChorusRun.runPolicy.maxAttempts)
    assert.strictEqual(runToEnd(() => aiError({ retryable: false })).trail.length, 1)
  })

  it("[CHO6] a state found wrong is handed out afresh at once", () => {
    const { state } = receiveResult(running, { _tag: "StateError", message: "?", retryable: false }, 50)
    assert.strictEqual(state.status, "running")
    assert.strictEqual(state.not_before, 50)
  })

  it("[CHO6] an answer of another step is a failed try", () => {
    const { response, state } = receiveResult(running, outputs.yield)
    assert.strictEqual(state.error_state?._tag, "AIError")
    assert.strictEqual(response?.text, "asked for action, the answer was yield")
  })

  it("[CHO7] a late answer to an earlier try changes nothing", () => {
    const late = makeAnswer(running, outputs.action)
    const retried = receiveResult(running, aiError()).state
    assert.deepStrictEqual(
      ChorusRun.transformState(retried, { _tag: "StepResult", answer: late, now: 1, seed: 0 }),
      { state: retried, response: null, intents: ChorusRun.pending(retried) }
    )
  })

  it("[CHO8] a cancelled run keeps its text, asks for nothing, and hears nothing", () => {
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
        answer: { _tag: "StepCut", intent: ChorusRun.intentId(state), prompt_id, text },
        now: 31,
        seed: 0
      })
    const kept = cut(cancelled.state, "so far")
    assert.strictEqual(kept.response?.text, "so far")
    assert.deepStrictEqual(kept.state, { ...cancelled.state, partial: "so far" })
    assert.deepStrictEqual(cut(kept.state, "again").state, kept.state)
    assert.deepStrictEqual(cut(running, "not cancelled").state, running)
  })

  it("[CHO10][CHO11] believes references to its own priors only, five of them, and no invented quote", () => {
    const priors = [..."abcdefg"].map((id) => prior(id, other))
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
    const [, , intention, observation, , final] = state.steps.map((record) => record.output)
    assert.deepStrictEqual(intention, { ...outputs.intention, selected_priors: ["a"] })
    assert.deepStrictEqual(observation, { ...outputs.observation, semantic_links: [{ prior: "b", relation: "r" }] })
    assert.deepStrictEqual(final, {
      ...outputs.yield,
      citations: [..."abcde"].map((prior) => ({ prior, quote: prior === "b" ? "" : "bread" }))
    })
  })

  it("[CHO10] cited authors are paid once each, the asker and the server never", () => {
    const priors = [prior("a", asker), prior("b", other), prior("c", other), prior("d", "system:chorus")]
    const { state } = runToEnd(answersWith({
      experience: { ...outputs.experience, priors },
      update: { ...outputs.update, loop: false }
    }))
    const citations = priors.map(({ id }) => ({ prior: id, quote: "" }))
    assert.deepStrictEqual(ChorusRun.citedAuthors(state, { ...outputs.yield, citations }), [other])
  })

  const replies = Arbitrary.array(
    Arbitrary.schema(Schema.Union([ChorusModel.ErrorState, Schema.Literals(ChorusModel.steps), Schema.Boolean])),
    { minLength: 1, maxLength: 40 }
  )

  it.prop("[CHO3] ends whatever the model says, in a yield or a typed failure", { replies }, ({ replies }) => {
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
    assert.deepStrictEqual(Schema.decodeUnknownSync(codec)(stored), state)
  })
})
