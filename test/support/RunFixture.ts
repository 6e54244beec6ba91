/** Runs of the Chorus for tests, in which every text is unique. */
import {
  type ChorusState,
  type PlainRun,
  type Prior,
  type Step,
  type StepOutput,
  steps
} from "../../src/domain/chorus/ChorusModel.ts"
import { CommandId, TopicId, UserId } from "../../src/domain/protocol/Ids.ts"
import { sha256 } from "../../src/layers/eventlog/ChainVerification.ts"
import { sealed, sealedOutput } from "./SealedFixture.ts"

/** The user of the prompt. */
export const asker = UserId.make("A".repeat(43))
/** Another user, the author of priors. */
export const otherUser = UserId.make(`${"B".repeat(42)}A`)
/** The thread of the runs. */
export const topic = TopicId.make("thread:tea")

/** A prior with this id and content. */
export const makePrior = (id: string, content: string, author: Prior["author"] = otherUser): Prior => ({
  id,
  content,
  author,
  thread: TopicId.make("thread:archive"),
  seq: 1,
  c: sha256(content),
  similarity: 0.5,
  created_at: 1
})

/** Three priors: two about tea, one about something else. */
export const priors: ReadonlyArray<Prior> = [
  makePrior("p-one", "Steep green tea at 80 degrees. Boiling water makes it bitter."),
  makePrior("p-two", "Black tea wants boiling water. Three minutes are enough."),
  makePrior("p-three", "The cat sleeps on the roof.")
]

/** An output of `step`, whose texts name the step and the loop. */
export const makeOutput = (step: Step, loop: number, foundPriors: ReadonlyArray<Prior> = priors): StepOutput => {
  const text = (what: string) => `${what} of ${step} ${loop}`
  switch (step) {
    case "action":
      return { _tag: step, proposed_response: text("lead"), confidence: 0.5, reasoning: text("rest") }
    case "experience":
      return { _tag: step, synthesis: text("lead"), key_insights: [text("rest")], priors: foundPriors }
    case "intention":
      return {
        _tag: step,
        explicit: text("lead"),
        implicit: text("rest"),
        selected_priors: ["p-two"],
        reason: text("reason")
      }
    case "observation":
      return {
        _tag: step,
        context_analysis: text("lead"),
        patterns: [text("rest")],
        semantic_links: [{ prior: "p-one", relation: text("relation") }]
      }
    case "update":
      return { _tag: step, reason: text("lead"), loop: true, confidence: 0.5 }
    case "yield":
      return {
        _tag: step,
        final_response: text("lead"),
        citations: [{ prior: "p-one", quote: "Steep green tea" }],
        confidence: 0.5
      }
  }
}

/** The usage of every step. */
export const usage = { provider: "test", model: "test", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }

/** A run whose current step is `step` of `loop`, with all earlier steps completed. */
export const makeRunAt = (step: Step, loop = 0, change: Partial<PlainRun> = {}): PlainRun => {
  const completedSteps: Array<PlainRun["steps"][number]> = []
  for (let l = 0; l <= loop; l++) {
    for (const earlier of steps.slice(0, l < loop ? 5 : steps.indexOf(step))) {
      completedSteps.push({ loop: l, step: earlier, output: makeOutput(earlier, l), usage, at: 1 })
    }
  }
  return {
    prompt_id: CommandId.make("prompt-1"),
    seq: 1,
    thread_id: topic,
    asker,
    prompt: "How hot should the water for green tea be?",
    messages: [{ author: otherUser, content: "Yesterday we spoke of coffee." }],
    source_erased: false,
    status: "running",
    current_step: step,
    loop,
    attempt: 0,
    not_before: 0,
    steps: completedSteps,
    partial: null,
    error_state: null,
    asked_at: 1,
    ended_at: null,
    ...change
  }
}

/** A run as its thread holds it. */
export const sealedRun = ({ messages, partial, prompt, steps, ...run }: PlainRun): ChorusState => ({
  ...run,
  prompt: sealed(prompt),
  messages: messages.map((line) => ({ ...line, content: sealed(line.content) })),
  steps: steps.map((record) => ({ ...record, output: sealedOutput(record.output) })),
  partial: partial === null ? null : sealed(partial)
})

/** A model's answer: text, delimiter, data. */
export const formatModelAnswer = (lead: string, data: unknown): string =>
  `${lead}\n<<<data>>>\n${JSON.stringify(data)}\n`

/** Valid data for each step. */
export const stepData: { readonly [S in Step]: object } = {
  action: { confidence: 0.6, reasoning: "because" },
  experience: { key_insights: ["80 degrees"] },
  intention: { implicit: "good tea", selected_priors: [1], reason: "green" },
  observation: { patterns: ["tea"], semantic_links: [{ prior: 2, relation: "contrasts" }] },
  update: { loop: false, confidence: 0.9 },
  yield: { citations: [{ prior: 1, quote: "Steep green tea at 80 degrees." }], confidence: 0.9 }
}
