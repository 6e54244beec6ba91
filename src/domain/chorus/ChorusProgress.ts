/** What the steps of a run have yielded: priors that may be cited, convergence of the loops (CHO3, CHO10), gaps. */
import { type PlainRun, type Prior, type Step, type StepOutputOf, steps } from "./ChorusModel.ts"

/** The first earlier step of this loop that has no output: without it the current step cannot be asked for. */
export const findMissingStep = ({ current_step, loop, steps: records }: PlainRun): Step | undefined =>
  steps.slice(0, steps.indexOf(current_step)).find((step) =>
    !records.some((record) => record.loop === loop && record.step === step)
  )

/** CHO3: whether Experience found no insight that it had not found in the loop before. */
export const insightsConverged = (state: PlainRun): boolean => {
  if (state.loop === 0) return false
  const previousInsights = new Set(collectInsights(state, state.loop - 1))
  return collectInsights(state, state.loop).every((insight) => previousInsights.has(insight))
}

const collectInsights = (state: PlainRun, loop: number): ReadonlyArray<string> =>
  experienceOutputs(state, loop).flatMap((output) => output.key_insights.map((insight) => insight.trim().toLowerCase()))

const experienceOutputs = (state: PlainRun, loop?: number): ReadonlyArray<StepOutputOf<"experience">> =>
  state.steps.flatMap((record) =>
    record.output._tag === "experience" && (loop === undefined || record.loop === loop) ? [record.output] : []
  )

/** The priors found in all loops so far, each once: only these may be cited (CHO10). */
export const collectPriors = (state: PlainRun): ReadonlyArray<Prior> => [
  ...new Map(experienceOutputs(state).flatMap((output) => output.priors).map((prior) => [prior.id, prior])).values()
]
