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

/** The ratio of one server's result to another's: the median of the ratios within each round. */
export const medianRatio = (
  { runs }: ScenarioResult,
  server: string,
  against: string,
  unit: string
): number | undefined => {
  const rounds = (name: string) => runs.find((run) => run.server === name)?.rounds ?? []
  const others = rounds(against)
  return median(
    rounds(server).flatMap((result, i) => {
      const numerator = result?.[unit]
      const denominator = others[i]?.[unit]
      return numerator === undefined || denominator === undefined || denominator === 0 ? [] : [numerator / denominator]
    })
  )
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
