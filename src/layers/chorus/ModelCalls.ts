/**
 * Bounds the calls of language models (SEC29): how many are under way at a time, and how many characters of prompts they
 * are sent on a day. In memory: a restart of the server begins a new day.
 */
import { Clock, Context, Effect, Ref, Result, Semaphore } from "effect"
import * as DailyBudget from "../../domain/admission/DailyBudget.ts"
import * as DailyLimits from "../../domain/admission/DailyLimits.ts"
import * as StepError from "../../domain/chorus/StepError.ts"
import type { UserId } from "../../domain/protocol/Ids.ts"
import { defaults, type Limits } from "../../domain/protocol/Limits.ts"
import { ChorusError } from "../../services/Chorus.ts"
import { Metrics } from "../observability/Metrics.ts"

/** The bounds of one `ChorusLive.layer`, whatever models it calls. */
export const ModelCallLimits = Context.Reference<
  Pick<Limits, "modelCalls" | "promptCharactersPerUser" | "promptCharactersPerDay">
>("choir/layers/chorus/ModelCalls/ModelCallLimits", { defaultValue: () => defaults })

/** Calls models one by one, in the order of arrival, when all that may be under way are. */
export interface ModelCalls {
  /**
   * Calls a model with a prompt of `characters` UTF-16 units for `asker`, when it is its turn. Fails without a call when
   * a budget of the day is used up. Waiting can be interrupted, and is not part of the call.
   */
  readonly perform: <A, E, R>(
    asker: UserId,
    characters: number,
    call: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | ChorusError, R>
}

/** No calls yet. Registers its gauges with the current `Metrics`. */
export const make: Effect.Effect<ModelCalls> = Effect.gen(function*() {
  const limits = yield* ModelCallLimits
  const { budgetRefusals, instruments } = yield* Metrics
  const permits = yield* Semaphore.make(limits.modelCalls)
  const usage = yield* Ref.make(DailyBudget.nothingSpent)
  const calls = { requested: 0, running: 0 }
  const description = "Calls of language models, by state"
  instruments.gauge("choir_model_calls", description, () => calls.running, { state: "running" })
  instruments.gauge("choir_model_calls", description, () => calls.requested - calls.running, { state: "waiting" })

  const countAs = <A, E, R>(state: keyof typeof calls, effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => calls[state] += 1),
      () => effect,
      () => Effect.sync(() => calls[state] -= 1)
    )

  const spendCharacters = Effect.fnUntraced(function*(asker: UserId, characters: number) {
    const now = yield* Clock.currentTimeMillis
    const allowances = DailyLimits.promptAllowances(asker, limits)
    const spent = yield* Ref.modify(usage, (current) => {
      const result = DailyBudget.spend(current, allowances, characters, now)
      return [result, Result.getOrElse(result, () => current)]
    })
    if (Result.isSuccess(spent)) return
    budgetRefusals.characters.value += 1
    return yield* new ChorusError({ reason: StepError.overBudget(DailyLimits.budgetSentence(spent.failure)) })
  })

  return {
    perform: (asker, characters, call) =>
      countAs(
        "requested",
        Semaphore.withPermit(
          permits,
          Effect.andThen(spendCharacters(asker, characters), countAs("running", call))
        )
      )
  }
})
