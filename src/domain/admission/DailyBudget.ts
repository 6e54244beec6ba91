/**
 * Budgets per day (UTC), as data: how much was spent today on each of some counters, such as one of a user, one of their
 * address and one of the server. A part of one amount is never spent: it fits all of its counters, or none counts it.
 */
import { HashMap, Option, Result } from "effect"
import type { Instant } from "../protocol/Ids.ts"

/** What was spent on `day`, counted from 1 January 1970, by counter. Counters without an entry have spent nothing. */
export interface DailyUsage {
  readonly day: number
  readonly spent: HashMap.HashMap<string, number>
}

/** A counter, and the most that it may spend in a day. */
export type Allowance = readonly [counter: string, limit: number]

/** The counter whose budget is used up, and the milliseconds until the next day begins. */
export interface BudgetUsedUp {
  readonly counter: string
  readonly wait: number
}

const dayMillis = 24 * 60 * 60_000

/** Before anything was spent. */
export const nothingSpent: DailyUsage = { day: 0, spent: HashMap.empty() }

/** The usage of the current day. A clock that runs backwards does not begin a new one. */
const today = (usage: DailyUsage, now: Instant): DailyUsage => {
  const day = Math.floor(now / dayMillis)
  return day > usage.day ? { day, spent: HashMap.empty() } : usage
}

const spentOn = ({ spent }: DailyUsage, counter: string): number =>
  Option.getOrElse(HashMap.get(spent, counter), () => 0)

const add = (usage: DailyUsage, counter: string, amount: number): DailyUsage => {
  const total = Math.max(0, spentOn(usage, counter) + amount)
  return {
    ...usage,
    spent: total === 0 ? HashMap.remove(usage.spent, counter) : HashMap.set(usage.spent, counter, total)
  }
}

/**
 * SEC29: spends an amount on every counter; the first counter that it exceeds, if it does not fit. Memory is bounded by
 * the least of the limits that all amounts share: who is refused leaves no entry.
 */
export const spend = (
  usage: DailyUsage,
  allowances: ReadonlyArray<Allowance>,
  amount: number,
  now: Instant
): Result.Result<DailyUsage, BudgetUsedUp> => {
  const current = today(usage, now)
  const exceeded = allowances.find(([counter, limit]) => spentOn(current, counter) + amount > limit)
  return exceeded === undefined
    ? Result.succeed(allowances.reduce((next, [counter]) => add(next, counter, amount), current))
    : Result.fail({ counter: exceeded[0], wait: (current.day + 1) * dayMillis - now })
}

/** Gives an amount back that was not used after all; an amount of an earlier day is forgotten already. */
export const refund = (
  usage: DailyUsage,
  allowances: ReadonlyArray<Allowance>,
  amount: number,
  spentAt: Instant
): DailyUsage =>
  Math.floor(spentAt / dayMillis) < usage.day
    ? usage
    : allowances.reduce((next, [counter]) => add(next, counter, -amount), usage)
