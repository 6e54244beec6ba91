/** The results of a run's Experience steps: the priors that may be cited, and convergence of the loops (CHO3, CHO10). */
import type { ChorusState, Prior, StepOutputOf } from "./ChorusModel.ts"

/** CHO3: whether Experience found no insight that it had not found in the loop before. */
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

/** The priors found in all loops so far, each once: only these may be cited (CHO10). */
export const collectPriors = (state: ChorusState): ReadonlyArray<Prior> => [
  ...new Map(experienceOutputs(state).flatMap((output) => output.priors).map((prior) => [prior.id, prior])).values()
]
