/**
 * The Chorus: the real search for priors, and an AI provider that answers slowly; some calls fail or hang. Every call is
 * reported to a checker, because a step that is in the log must not be paid for again (CHO7).
 */
import { Effect } from "effect"
import type { PlainRun, Prior, StepOutput } from "../../../domain/chorus/ChorusModel.ts"
import { AIError, NetworkError, StateError, type StepError } from "../../../domain/chorus/StepError.ts"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import { searchText } from "../../../domain/search/PriorSearch.ts"
import { Chorus, ChorusError } from "../../../services/Chorus.ts"
import type { Priors } from "../../../services/Priors.ts"
import { makeMark } from "../oracle/TextMarks.ts"
import type { SeededRandom } from "../runtime/SeededRandom.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

const usage = { provider: "simulated", model: "m", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }

const drawError = (random: SeededRandom): StepError => {
  const error = random.pick([AIError, NetworkError, StateError])
  return new error({ message: "the model failed", retryable: random.chance(0.8) })
}

/** The output of a step. Its own texts are written for the run's thread, and marked so. */
const makeOutput = (run: PlainRun, random: SeededRandom, found: ReadonlyArray<Prior>): StepOutput => {
  const text = (what: string) => {
    const n = random.int(0, 999_999)
    return `${what} of ${run.current_step} ${run.loop}.${run.attempt} ${makeMark(run.thread_id, n)}`
  }
  const priors = run.current_step === "experience" ? found : recordedPriors(run)
  const step = run.current_step
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
        citations: priors.filter(() => random.chance(0.5)).map(({ content, id }) => ({ prior: id, quote: content })),
        confidence: 0.9
      }
  }
}

/** The priors that the run's last Experience recorded. */
const recordedPriors = ({ steps }: PlainRun): ReadonlyArray<Prior> =>
  steps.flatMap(({ output }) => output._tag === "experience" ? [output.priors] : []).at(-1) ?? []

/** What the checkers learn of the calls. */
export interface ModelObserver {
  /** Called before each billed call. */
  readonly modelCalled: (run: PlainRun) => void
  /** A search for a thread, started at `startedAt`, has found these priors. */
  readonly priorsFound: (thread: TopicId, priors: ReadonlyArray<Prior>, startedAt: number) => void
}

/** The provider of one run. */
export class SimulatedModel {
  /** Probabilities that a call fails, and that it hangs. */
  failureRate = 0.1
  hangRate = 0.02
  private readonly runtime: SimulationRuntime
  private readonly random: SeededRandom
  private readonly observer: ModelObserver

  constructor(runtime: SimulationRuntime, observer: ModelObserver) {
    this.runtime = runtime
    this.random = runtime.random.stream("provider")
    this.observer = observer
  }

  /** The Chorus of one server, which searches with `find`. */
  serviceFor(find: Priors["Service"]["find"]): Chorus["Service"] {
    return Chorus.of({
      modelInfo: { model: "simulated", offline: true },
      step: (run, onText) =>
        Effect.gen({ self: this }, function*() {
          const { random } = this
          this.observer.modelCalled(run)
          this.runtime.record(`asks ${run.prompt_id} ${run.loop} ${run.current_step} ${run.attempt}`)
          const priors = run.current_step === "experience" ? yield* this.findPriors(find, run) : []
          // Long enough after a search that somebody joins meanwhile (CHO13).
          yield* Effect.sleep(random.int(5, run.current_step === "experience" ? 1_500 : 400))
          if (random.chance(this.hangRate)) yield* Effect.sleep(random.int(2_000, 15_000))
          if (random.chance(this.failureRate)) return yield* new ChorusError({ reason: drawError(random) })
          for (let n = random.int(0, 3); n > 0; n--) {
            yield* onText(`piece ${n} ${priors[n]?.content ?? ""} `)
            yield* Effect.sleep(random.int(5, 100))
          }
          return { output: makeOutput(run, random, priors), usage }
        })
    })
  }

  /** FLT13: without a search the run goes on. */
  private findPriors(find: Priors["Service"]["find"], run: PlainRun) {
    return Effect.suspend(() => {
      const startedAt = this.runtime.now
      return find(searchText(run), run.thread_id).pipe(
        Effect.tap((priors) => Effect.sync(() => this.observer.priorsFound(run.thread_id, priors, startedAt))),
        Effect.orElseSucceed(() => [])
      )
    })
  }
}
