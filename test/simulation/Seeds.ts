/** Many seeds, one after another: what failed, and what of it matters. */
import { Effect } from "effect"
import type { Name } from "./Bugs.ts"
import { describe, type Fault } from "./Plan.ts"
import type { Options } from "./Scene.ts"
import { type Report, simulate } from "./Simulation.ts"

export interface Summary {
  readonly seeds: number
  readonly failed: ReadonlyArray<Report>
  /** Sums over all seeds. */
  readonly stats: Readonly<Record<string, number>>
}

/** Every this many seeds, one is run twice, and must go the same way. */
const twice = 10

/** The part of a violation that names its rule. */
export const ruleOf = (violation: string): string => violation.slice(0, violation.indexOf(":"))

const once = Effect.fnUntraced(function*(seed: number, bug: Name | undefined) {
  const report = yield* simulate(String(seed), { bug })
  if (seed % twice !== 0) return report
  const again = yield* simulate(String(seed), { bug })
  if (again.digest === report.digest) return report
  return { ...report, violations: [`FLT18: two runs of one seed differ`, ...report.violations] }
})

/** Runs seeds `from` and the following. */
export const run = Effect.fnUntraced(function*(
  { bug, from, seeds, tell = () => Effect.void, until = () => false }: {
    readonly from: number
    readonly seeds: number
    readonly bug?: Name | undefined
    /** Called with each failure. */
    readonly tell?: (report: Report) => Effect.Effect<void>
    /** Whether that is enough. */
    readonly until?: (summary: Summary) => boolean
  }
) {
  const failed: Array<Report> = []
  const stats: Record<string, number> = {}
  let summary: Summary = { seeds: 0, failed, stats }
  for (let seed = from; seed < from + seeds && !until(summary); seed++) {
    const report = yield* once(seed, bug)
    if (report.violations.length > 0) {
      failed.push(report)
      yield* tell(report)
    }
    for (const [name, value] of Object.entries(report.stats)) stats[name] = (stats[name] ?? 0) + value
    summary = { seeds: summary.seeds + 1, failed, stats }
  }
  return summary
})

/** Leaves out every fault without which the same rule is still broken. */
export const shrink = Effect.fnUntraced(function*(report: Report, options: Options) {
  const rule = ruleOf(report.violations[0] ?? "")
  let faults: ReadonlyArray<Fault> = report.faults
  for (const fault of report.faults) {
    const fewer = faults.filter((other) => other !== fault)
    const { violations } = yield* simulate(report.seed, { ...options, faults: fewer })
    if (violations.some((violation) => ruleOf(violation) === rule)) faults = fewer
  }
  return faults
})

/** What somebody needs to know about a failure, and how to see it again; the digest is then the same. */
export const explain = ({ digest, faults, seed, violations }: Report, bug: Name | undefined): string =>
  [
    `seed ${seed} (${digest}):`,
    ...violations.slice(0, 5).map((violation) => `  ${violation}`),
    "  what went wrong in it, by milliseconds:",
    ...faults.map((fault) => `  ${describe(fault)}`),
    `  again: node scripts/simulate.ts --from ${seed} --seeds 1${bug === undefined ? "" : ` --bug ${bug}`}`
  ].join("\n")
