/** The model behind the Chorus: slow, sometimes failing, sometimes silent; it writes down what it was paid for. */
import { Effect } from "effect"
import {
  type ChorusState,
  type ErrorState,
  type Output,
  type Prior,
  type Step
} from "../../src/domain/chorus/Chorus.ts"
import { TopicId, type UserId } from "../../src/domain/Ids.ts"
import { Chorus, ChorusError } from "../../src/services/Chorus.ts"
import type { Dice } from "./Dice.ts"
import type { World } from "./World.ts"

const usage = { provider: "simulated", model: "m", input_tokens: 1, output_tokens: 1, latency_ms: 1, cost: null }

const fault = (dice: Dice): ErrorState => ({
  _tag: dice.pick(["AIError", "NetworkError", "StateError"]),
  message: "the model failed",
  retryable: dice.chance(0.8)
})

const outputOf = (run: ChorusState, dice: Dice, authors: ReadonlyArray<UserId>): Output => {
  const text = (what: string) => `${what} of ${run.current_step} ${run.loop}.${run.attempt} ${dice.int(0, 999)}`
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
      return { _tag: step, reason: text("reason"), loop: dice.chance(0.3), confidence: 0.5 }
    case "yield":
      return {
        _tag: step,
        final_response: text("answer"),
        citations: priors.filter(() => dice.chance(0.5)).map(({ id }) => ({ prior: id, quote: "" })),
        confidence: 0.9
      }
  }
}

export class Provider {
  /** The share of calls that fail, and that hang. */
  failing = 0.1
  hanging = 0.02
  private readonly world: World
  private readonly dice: Dice
  private readonly authors: ReadonlyArray<UserId>
  /** Called before each call that is paid for. */
  private readonly asked: (run: ChorusState) => void

  constructor(world: World, authors: ReadonlyArray<UserId>, asked: (run: ChorusState) => void) {
    this.world = world
    this.dice = world.dice.stream("provider")
    this.authors = authors
    this.asked = asked
  }

  readonly service: Chorus["Service"] = Chorus.of({
    describe: { model: "simulated", offline: true },
    step: (run, onText) =>
      Effect.gen({ self: this }, function*() {
        const { dice } = this
        this.asked(run)
        this.world.note(`asks ${run.prompt_id} ${run.loop} ${run.current_step} ${run.attempt}`)
        yield* Effect.sleep(dice.int(5, 400))
        if (dice.chance(this.hanging)) yield* Effect.sleep(dice.int(2_000, 15_000))
        if (dice.chance(this.failing)) return yield* new ChorusError({ reason: fault(dice) })
        for (let n = dice.int(0, 3); n > 0; n--) {
          yield* onText(`piece ${n} `)
          yield* Effect.sleep(dice.int(5, 100))
        }
        return { output: outputOf(run, dice, this.authors), usage }
      })
  })
}
