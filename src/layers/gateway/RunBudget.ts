/** The runs of today, by user, address and in total, in memory (SEC29); the rules are in `domain/admission`. */
import { MutableRef, Result } from "effect"
import * as DailyBudget from "../../domain/admission/DailyBudget.ts"
import * as DailyLimits from "../../domain/admission/DailyLimits.ts"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"

/** Counts a run before it is asked for. The result gives it back, for a prompt that starts none. */
export type RunBudget = (
  user: UserId,
  address: string,
  now: Instant
) => Result.Result<() => void, DailyBudget.BudgetUsedUp>

/** A budget of which nothing is spent. A restart of the server makes a new one. */
export const make = (limits: Pick<Limits, "runsPerUser" | "runsPerAddress" | "runsPerDay">): RunBudget => {
  const usage = MutableRef.make(DailyBudget.nothingSpent)
  return (user, address, now) => {
    const allowances = DailyLimits.runAllowances(user, address, limits)
    return Result.map(DailyBudget.spend(usage.current, allowances, 1, now), (spent) => {
      usage.current = spent
      return () => void MutableRef.update(usage, (current) => DailyBudget.refund(current, allowances, 1, now))
    })
  }
}
