/**
 * Runs a range of seeds, one after another, and reports those that violate a rule.
 *
 * Every tenth seed is replayed: two runs of one seed must produce the same trace (FLT18). A failing seed's fault plan
 * is shrunk to the faults without which the violation disappears.
 */
import { Effect } from "effect"
import { describeFault, type Fault } from "./nemesis/FaultPlan.ts"
import type { BugName } from "./planted-bugs/PlantedBugs.ts"
import type { SimulationOptions } from "./SimulatedCluster.ts"
import { simulate, type SimulationReport } from "./Simulation.ts"

/** The result of a range of seeds. */
export interface RunSummary {
  readonly seeds: number
  readonly failures: ReadonlyArray<SimulationReport>
  /** Every statistic of a report, summed over all seeds. */
  readonly totals: Readonly<Record<string, number>>
}

/** One seed of so many is replayed and must produce the same digest. */
const determinismCheckInterval = 10

/** The rule id at the start of a violation, such as `SYN2`. */
export const violatedRule = (violation: string): string => violation.slice(0, violation.indexOf(":"))

const runSeed = Effect.fnUntraced(function*(seed: number, bug: BugName | undefined) {
  const report = yield* simulate(String(seed), { plantedBug: bug })
  if (seed % determinismCheckInterval !== 0) return report
  const secondReport = yield* simulate(String(seed), { plantedBug: bug })
  if (secondReport.digest === report.digest) return report
  return { ...report, violations: [`FLT18: two runs of one seed differ`, ...report.violations] }
})

/** Runs `seeds` seeds from `from` on, until `shouldStop` holds. */
export const runSeeds = Effect.fnUntraced(function*(
  { bug, from, onFailure = () => Effect.void, seeds, shouldStop = () => false }: {
    readonly from: number
    readonly seeds: number
    readonly bug?: BugName | undefined
    /** Called with the report of each failing seed. */
    readonly onFailure?: (report: SimulationReport) => Effect.Effect<void>
    /** Checked before each seed. */
    readonly shouldStop?: (summary: RunSummary) => boolean
  }
) {
  const failures: Array<SimulationReport> = []
  const totals: Record<string, number> = {}
  let summary: RunSummary = { seeds: 0, failures, totals }
  for (let seed = from; seed < from + seeds && !shouldStop(summary); seed++) {
    const report = yield* runSeed(seed, bug)
    if (report.violations.length > 0) {
      failures.push(report)
      yield* onFailure(report)
    }
    for (const [name, value] of Object.entries(report.stats)) totals[name] = (totals[name] ?? 0) + value
    summary = { seeds: summary.seeds + 1, failures, totals }
  }
  return summary
})

/**
 * Removes faults one by one as long as the first violated rule is still violated. Greedy: the result is minimal only
 * in the sense that no single further fault can be removed.
 */
export const shrinkFaults = Effect.fnUntraced(function*(report: SimulationReport, options: SimulationOptions) {
  const rule = violatedRule(report.violations[0] ?? "")
  let faults: ReadonlyArray<Fault> = report.faults
  for (const fault of report.faults) {
    const fewer = faults.filter((other) => other !== fault)
    const { violations } = yield* simulate(report.seed, { ...options, faults: fewer })
    if (violations.some((violation) => violatedRule(violation) === rule)) faults = fewer
  }
  return faults
})

/** A failing seed as text: its digest, violations, fault plan and the command that replays it. */
export const formatFailure = (
  { digest, faults, seed, violations }: SimulationReport,
  bug: BugName | undefined
): string =>
  [
    `seed ${seed} (${digest}):`,
    ...violations.slice(0, 5).map((violation) => `  ${violation}`),
    "  fault plan, by milliseconds from the start:",
    ...faults.map((fault) => `  ${describeFault(fault)}`),
    `  replay: node scripts/simulate.ts --from ${seed} --seeds 1${bug === undefined ? "" : ` --bug ${bug}`}`
  ].join("\n")
