/** What Experience has found in the loops of a run: priors to cite, and insights that tell whether looping helps (CHO3, CHO10). */
import type { ChorusState, Prior, StepOutputOf } from "./ChorusModel.ts"

/** Experience found nothing that it had not found in the loop before. */
export const insightsConverged = (state: ChorusState): boolean => {
  if (state.loop === 0) return false
  const previousInsights = new Set(collectInsights(state, state.loop - 1))
  return collectInsights(state, state.loop).every((insight) => previousInsights.has(insight))
}

const collectInsights = (state: ChorusState, loop: number): ReadonlyArray<string> =>
  experienceOutputs(state, loop).flatMap((output) => output.key_insights.map((insight) => insight.trim().toLowerCase()))

const experienceOutputs = (state: ChorusState, loop?: number): ReadonlyArray<StepOutputOf<"experience">> =>
  state.steps.flatMap((record) =>
    record.output._tag === "experience" && (loop === undefined || record.loop === loop) ? [record.output] : []
  )

/** What Experience found in all loops so far, each once. */
export const collectPriors = (state: ChorusState): ReadonlyArray<Prior> => [
  ...new Map(experienceOutputs(state).flatMap((output) => output.priors).map((prior) => [prior.id, prior])).values()
]
