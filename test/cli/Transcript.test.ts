import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import { encode } from "../../src/cli/TerminalText.ts"
import * as Transcript from "../../src/cli/Transcript.ts"
import type { PlainRun, PlainStep, StepOutput } from "../../src/domain/chorus/ChorusModel.ts"
import { displayText } from "../../src/domain/chorus/ChorusOutput.ts"
import { CommandId, TopicId } from "../../src/domain/protocol/Ids.ts"
import { me, topic, uuid } from "../client/ScriptedServer.ts"

const prior = {
  id: "p1",
  content: "Wind sheds vortices.",
  author: me,
  thread: topic,
  seq: 1,
  c: "",
  similarity: 0.75,
  created_at: 1
}
const outputs: ReadonlyArray<StepOutput> = [
  { _tag: "action", proposed_response: "Because of wind.", confidence: 0.5, reasoning: "" },
  { _tag: "experience", synthesis: "The group knows [1].", key_insights: [], priors: [prior] },
  { _tag: "intention", explicit: "The cause.", implicit: "", selected_priors: ["p1"], reason: "" },
  { _tag: "observation", context_analysis: "One prior.", patterns: [], semantic_links: [] },
  { _tag: "update", reason: "Enough.", loop: false, confidence: 1 },
  {
    _tag: "yield",
    final_response: "Wind.\nSee [1].",
    citations: [{ prior: "p1", quote: "sheds vortices" }],
    confidence: 1
  }
]
const toStepRecord = (output: StepOutput): PlainStep => ({
  loop: 0,
  step: output._tag,
  output,
  usage: { provider: "test", model: "test-1", input_tokens: 1, output_tokens: 1, latency_ms: 7, cost: null },
  at: 1
})

const steps = ["action", "experience", "intention", "observation", "update", "yield"] as const

/** A run with `done` completed steps. */
const makeRun = (done: number, status: PlainRun["status"] = done === 6 ? "yielded" : "running"): PlainRun => ({
  prompt_id: CommandId.make(uuid(1)),
  seq: 1,
  thread_id: TopicId.make("thread:t"),
  asker: me,
  prompt: "Why?",
  messages: [],
  status,
  current_step: steps[Math.min(done, 5)]!,
  loop: 0,
  attempt: 0,
  not_before: 0,
  steps: outputs.slice(0, done).map(toStepRecord),
  partial: null,
  source_erased: false,
  error_state: null,
  asked_at: 1,
  ended_at: status === "running" ? null : 2
})

const renderAll = (views: ReadonlyArray<readonly [PlainRun, Transcript.RunProgress | undefined]>): string => {
  let printed = Transcript.initial
  let output = ""
  for (const [state, running] of views) {
    const [next, text] = Transcript.render(printed, state, running)
    printed = next
    output += encode(text, false)
  }
  return output
}

const completeOutput = renderAll([[makeRun(6), undefined]])

describe("a run in the terminal", () => {
  it("[OPS6] prints the six steps in order, and each citation with its number and quotation", () => {
    const named = completeOutput.split("\n").filter((line) => /^[A-Z][a-z]+$/.test(line))
    assert.deepStrictEqual(named, ["Action", "Experience", "Intention", "Observation", "Update", "Yield", "Citations"])
    assert.include(completeOutput, "  [1] “sheds vortices”")
    assert.include(completeOutput, "  Wind.\n  See [1].")
  })

  it("[OPS6] sets off each further pass with its number, as it is streamed", () => {
    const again = { ...makeRun(5), loop: 1, current_step: "action" } as const
    const started = [again, { loop: 1, step: "action", text: "Because" }] as const
    const ended = {
      ...again,
      current_step: "experience",
      steps: [...again.steps, { ...again.steps[0]!, loop: 1 }]
    } as const
    for (const views of [[started, [ended, undefined]], [[ended, undefined]]] as const) {
      assert.deepStrictEqual(renderAll(views).match(/^(?:Pass|Action).*$/gm), ["Action", "Pass 2", "Action"])
    }
  })

  it("[OPS6] shows priors on one line each, without marks of Markdown and broken words", () => {
    const content = `# Wind\n\n- **sheds** ${"vortices ".repeat(20)}`
    const run = makeRun(6)
    const steps = run.steps.map((record) =>
      record.output._tag === "experience"
        ? { ...record, output: { ...record.output, priors: [{ ...prior, content }] } }
        : record
    )
    assert.match(
      renderAll([[{ ...run, steps }, undefined]]),
      /^ {2}\[1\] 0\.75 {2}Wind sheds (?:vortices )+vortices…$/m
    )
  })

  const cuts = Arbitrary.array(
    Arbitrary.schema(
      Schema.Struct({ step: Schema.Literals([0, 1, 2, 3, 4, 5]), part: Schema.Literals([0, 0.3, 0.6, 1]) })
    ),
    { minLength: 1, maxLength: 30 }
  )
  it.prop("[OPS6] prints the same text however it is streamed", { cuts }, ({ cuts }) => {
    const views = cuts.toSorted((a, b) => a.step - b.step || a.part - b.part).map(({ part, step }) => {
      const text = displayText(outputs[step]!)
      return [makeRun(step), {
        loop: 0,
        step: steps[step]!,
        text: text.slice(0, Math.round(text.length * part))
      }] as const
    })
    assert.strictEqual(renderAll([...views, [makeRun(6), undefined]]), completeOutput)
  }, { arbitrary: { runs: 200, size: 30 } })

  it("[OPS6] prints once why a run ended without an answer", () => {
    const cancelled = renderAll([[makeRun(2, "cancelled"), undefined], [makeRun(2, "cancelled"), undefined]])
    assert.strictEqual(cancelled.split("The run was cancelled.").length, 2)
    const failed: PlainRun = {
      ...makeRun(0, "failed"),
      error_state: { _tag: "AIError", message: "no model answers", retryable: false }
    }
    assert.strictEqual(renderAll([[failed, undefined]]), "The Chorus could not answer: no model answers\n")
  })
})
