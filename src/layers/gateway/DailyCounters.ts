/** The counters of one budget per day, in memory (SEC29, LED3); the rules are in `domain/admission/DailyBudget`. */
import { MutableRef, Result } from "effect"
import * as DailyBudget from "../../domain/admission/DailyBudget.ts"
import type { Instant } from "../../domain/protocol/Ids.ts"

/** Counts one more on each counter, unless one is used up. The result gives it back, if it was not needed after all. */
export type DailyCounters = (
  allowances: ReadonlyArray<DailyBudget.Allowance>,
  now: Instant
) => Result.Result<() => void, DailyBudget.BudgetUsedUp>

/** Counters at zero. A restart of the server makes new ones. */
export const make = (): DailyCounters => {
  const usage = MutableRef.make(DailyBudget.nothingSpent)
  return (allowances, now) =>
    Result.map(DailyBudget.spend(usage.current, allowances, 1, now), (spent) => {
      usage.current = spent
      return () => void MutableRef.update(usage, (current) => DailyBudget.refund(current, allowances, 1, now))
    })
}
