/** Medians over rounds, and ratios between servers within a round. */
import type { ScenarioResult } from "./Runner.ts"
import type { Goal } from "./Scenarios.ts"

/** The median; undefined for no values. */
export const median = (values: ReadonlyArray<number>): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? sorted[half]
    : sorted.length === 0
    ? undefined
    : (sorted[half - 1]! + sorted[half]!) / 2
}

/** A server's result as the median of its rounds. */
export const medianValue = ({ runs }: ScenarioResult, server: string, unit: string): number | undefined =>
  median(
    runs.find((run) => run.server === server)?.rounds.flatMap((result) => {
      const found = result?.[unit]
      return found === undefined ? [] : [found]
    }) ?? []
  )

/** The ratios of one server's results to another's, one per round in which both have a result. */
const ratios = ({ runs }: ScenarioResult, server: string, against: string, unit: string): ReadonlyArray<number> => {
  const rounds = (name: string) => runs.find((run) => run.server === name)?.rounds ?? []
  const others = rounds(against)
  return rounds(server).flatMap((result, i) => {
    const numerator = result?.[unit]
    const denominator = others[i]?.[unit]
    return numerator === undefined || denominator === undefined || denominator === 0 ? [] : [numerator / denominator]
  })
}

/** The ratio of one server's result to another's: the median of the ratios within each round. */
export const medianRatio = (
  measured: ScenarioResult,
  server: string,
  against: string,
  unit: string
): number | undefined => median(ratios(measured, server, against, unit))

/** Two-sided 95 % quantiles of Student's t distribution for 1, 2, 3, … degrees of freedom. */
const studentT = [
  12.706,
  4.303,
  3.182,
  2.776,
  2.571,
  2.447,
  2.365,
  2.306,
  2.262,
  2.228,
  2.201,
  2.179,
  2.16,
  2.145,
  2.131
]

/**
 * The 95 % confidence interval of that ratio, from the logarithms of the rounds' ratios (geometric mean, Student's t).
 * Undefined for fewer than three rounds, or more than the table of quantiles has.
 */
export const ratioInterval = (
  measured: ScenarioResult,
  server: string,
  against: string,
  unit: string
): readonly [low: number, high: number] | undefined => {
  const logs = ratios(measured, server, against, unit).map(Math.log)
  const quantile = studentT[logs.length - 2]
  if (logs.length < 3 || quantile === undefined) return undefined
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1)
  const margin = quantile * Math.sqrt(variance / logs.length)
  return [Math.exp(mean - margin), Math.exp(mean + margin)]
}

/** Whether a goal is met, and by which value. */
export interface GoalVerdict {
  readonly goal: Goal
  readonly reached: number | undefined
  readonly met: boolean
}

/** Evaluates a goal of Choir. A goal without a value is not met. */
export const evaluateGoal = (measured: ScenarioResult, goal: Goal): GoalVerdict => {
  const reached = goal.against === "ws"
    ? medianRatio(measured, "choir", "ws", goal.of)
    : medianValue(measured, "choir", goal.of)
  const met = reached !== undefined && reached <= (goal.max ?? Infinity) && reached >= (goal.min ?? -Infinity)
  return { goal, reached, met }
}
