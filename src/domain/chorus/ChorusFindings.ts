/** What Experience has found in the loops of a run: priors to cite, and insights that tell whether looping helps (CHO3, CHO10). */
import type { ChorusState, OutputOf, Prior } from "./Chorus.ts"

/** Experience found nothing that it had not found in the loop before. */
export const insightsRepeat = (state: ChorusState): boolean => {
  if (state.loop === 0) return false
  const before = new Set(insights(state, state.loop - 1))
  return insights(state, state.loop).every((insight) => before.has(insight))
}

const insights = (state: ChorusState, loop: number): ReadonlyArray<string> =>
  experiences(state, loop).flatMap((output) => output.key_insights.map((insight) => insight.trim().toLowerCase()))

const experiences = (state: ChorusState, loop?: number): ReadonlyArray<OutputOf<"experience">> =>
  state.steps.flatMap((record) =>
    record.output._tag === "experience" && (loop === undefined || record.loop === loop) ? [record.output] : []
  )

/** What Experience found in all loops so far, each once. */
export const priorsOf = (state: ChorusState): ReadonlyArray<Prior> => [
  ...new Map(experiences(state).flatMap((output) => output.priors).map((prior) => [prior.id, prior])).values()
]
