/**
 * The AI provider behind the Chorus: it answers slowly, and some calls fail or hang. Every call is reported to a
 * checker, because a step that is in the log must not be paid for again (CHO7).
 */
import { Effect } from "effect"
import type { ChorusState, Prior, Step, StepOutput } from "../../../domain/chorus/ChorusModel.ts"
import { AIError, NetworkError, StateError, type StepError } from "../../../domain/chorus/StepError.ts"
import { TopicId, type UserId } from "../../../domain/protocol/Ids.ts"
import { Chorus, ChorusError } from "../../../services/Chorus.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

const usage = { provider: "simulated", model: "m", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }

const drawError = (random: SeededRandom): StepError => {
  const error = random.pick([AIError, NetworkError, StateError])
  return new error({ message: "the model failed", retryable: random.chance(0.8) })
}

const makeOutput = (run: ChorusState, random: SeededRandom, authors: ReadonlyArray<UserId>): StepOutput => {
  const text = (what: string) => `${what} of ${run.current_step} ${run.loop}.${run.attempt} ${random.int(0, 999)}`
  const priors = authors.map((author, n): Prior => ({
    id: `prior-${n}`,
    content: `what ${n} wrote`,
    author,
    thread: TopicId.make("thread:archive"),
    similarity: 0.5,
    created_at: 1
  }))
  const step: Step = run.current_step
  switch (step) {
    case "action":
      return { _tag: step, proposed_response: text("response"), confidence: 0.5, reasoning: text("reasons") }
    case "experience":
      return { _tag: step, synthesis: text("synthesis"), key_insights: [text("insight")], priors }
    case "intention":
      return {
        _tag: step,
        explicit: text("wish"),
        implicit: text("need"),
        selected_priors: priors.slice(0, 1).map(({ id }) => id),
        reason: text("reason")
      }
    case "observation":
      return { _tag: step, context_analysis: text("context"), patterns: [text("pattern")], semantic_links: [] }
    case "update":
      return { _tag: step, reason: text("reason"), loop: random.chance(0.3), confidence: 0.5 }
    case "yield":
      return {
        _tag: step,
        final_response: text("answer"),
        citations: priors.filter(() => random.chance(0.5)).map(({ id }) => ({ prior: id, quote: "" })),
        confidence: 0.9
      }
  }
}

/** The provider of one run. */
export class SimulatedModel {
  /** Probabilities that a call fails, and that it hangs. */
  failureRate = 0.1
  hangRate = 0.02
  private readonly runtime: SimulationRuntime
  private readonly random: SeededRandom
  private readonly authors: ReadonlyArray<UserId>
  /** Called before each billed call. */
  private readonly onStepRequested: (run: ChorusState) => void

  constructor(runtime: SimulationRuntime, authors: ReadonlyArray<UserId>, onStepRequested: (run: ChorusState) => void) {
    this.runtime = runtime
    this.random = runtime.random.stream("provider")
    this.authors = authors
    this.onStepRequested = onStepRequested
  }

  readonly service: Chorus["Service"] = Chorus.of({
    modelInfo: { model: "simulated", offline: true },
    step: (run, onText) =>
      Effect.gen({ self: this }, function*() {
        const { random } = this
        this.onStepRequested(run)
        this.runtime.record(`asks ${run.prompt_id} ${run.loop} ${run.current_step} ${run.attempt}`)
        yield* Effect.sleep(random.int(5, 400))
        if (random.chance(this.hangRate)) yield* Effect.sleep(random.int(2_000, 15_000))
        if (random.chance(this.failureRate)) return yield* new ChorusError({ reason: drawError(random) })
        for (let n = random.int(0, 3); n > 0; n--) {
          yield* onText(`piece ${n} `)
          yield* Effect.sleep(random.int(5, 100))
        }
        return { output: makeOutput(run, random, this.authors), usage }
      })
  })
}
