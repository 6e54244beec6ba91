/** Many seeds, one after another: what failed, and what of it matters. */
import { Effect } from "effect"
import type { SimulationOptions } from "./cluster/SimulatedCluster.ts"
import { describeFault, type Fault } from "./nemesis/FaultPlan.ts"
import type { BugName } from "./planted-bugs/PlantedBugs.ts"
import { simulate, type SimulationReport } from "./Simulation.ts"

export interface RunSummary {
  readonly seeds: number
  readonly failures: ReadonlyArray<SimulationReport>
  /** Sums over all seeds. */
  readonly totals: Readonly<Record<string, number>>
}

/** Every this many seeds, one is run twice, and must go the same way. */
const determinismCheckInterval = 10

/** The part of a violation that names its rule. */
export const violatedRule = (violation: string): string => violation.slice(0, violation.indexOf(":"))

const runSeed = Effect.fnUntraced(function*(seed: number, bug: BugName | undefined) {
  const report = yield* simulate(String(seed), { plantedBug: bug })
  if (seed % determinismCheckInterval !== 0) return report
  const secondReport = yield* simulate(String(seed), { plantedBug: bug })
  if (secondReport.digest === report.digest) return report
  return { ...report, violations: [`FLT18: two runs of one seed differ`, ...report.violations] }
})

/** Runs seeds `from` and the following. */
export const runSeeds = Effect.fnUntraced(function*(
  { bug, from, seeds, tell: onFailure = () => Effect.void, until: shouldStop = () => false }: {
    readonly from: number
    readonly seeds: number
    readonly bug?: BugName | undefined
    /** Called with each failure. */
    readonly tell?: (report: SimulationReport) => Effect.Effect<void>
    /** Whether that is enough. */
    readonly until?: (summary: RunSummary) => boolean
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

/** Leaves out every fault without which the same rule is still broken. */
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

/** What somebody needs to know about a failure, and how to see it again; the digest is then the same. */
export const formatFailure = (
  { digest, faults, seed, violations }: SimulationReport,
  bug: BugName | undefined
): string =>
  [
    `seed ${seed} (${digest}):`,
    ...violations.slice(0, 5).map((violation) => `  ${violation}`),
    "  what went wrong in it, by milliseconds:",
    ...faults.map((fault) => `  ${describeFault(fault)}`),
    `  again: node scripts/simulate.ts --from ${seed} --seeds 1${bug === undefined ? "" : ` --bug ${bug}`}`
  ].join("\n")
