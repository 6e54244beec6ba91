/**
 * What counts against the budgets of a day (SEC29): the runs of a user, of their address and of the server, and the
 * characters that models are sent for them; and the grants of tokens (LED3). The budgets themselves are in `DailyBudget`.
 */
import type { UserId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import type { Allowance, BudgetUsedUp } from "./DailyBudget.ts"
import { rateLimitKey } from "./IpAddress.ts"

const addressCounter = (address: string) => `address ${rateLimitKey(address)}`
const userCounter = (user: UserId) => `user ${user}`
const serverCounter = "server"

/** SEC29: a run of a user at an address; IPv6 addresses count by /64. */
export const runAllowances = (
  user: UserId,
  address: string,
  limits: Pick<Limits, "runsPerUser" | "runsPerAddress" | "runsPerDay">
): ReadonlyArray<Allowance> => [
  [userCounter(user), limits.runsPerUser],
  [addressCounter(address), limits.runsPerAddress],
  [serverCounter, limits.runsPerDay]
]

/** SEC29: a prompt that a model is sent for a user. */
export const promptAllowances = (
  user: UserId,
  limits: Pick<Limits, "promptCharactersPerUser" | "promptCharactersPerDay">
): ReadonlyArray<Allowance> => [
  [userCounter(user), limits.promptCharactersPerUser],
  [serverCounter, limits.promptCharactersPerDay]
]

/** LED3: the grant of tokens to a new user at an address. */
export const grantAllowances = (
  address: string,
  limits: Pick<Limits, "grantsPerAddress" | "grantsPerDay">
): ReadonlyArray<Allowance> => [
  [addressCounter(address), limits.grantsPerAddress],
  [serverCounter, limits.grantsPerDay]
]

/** The sentence of a refused run: whose budget is used up, and when it is full again. It names neither key nor address. */
export const budgetSentence = ({ counter, wait }: BudgetUsedUp): string => {
  const whose = counter === serverCounter ? "this server's" : counter.startsWith("user ") ? "your" : "your network's"
  const hours = Math.ceil(wait / 3_600_000)
  return `${whose} budget for the Chorus is used up for today: ask again in ${
    hours === 1 ? "an hour" : `${hours} hours`
  }, after midnight UTC`
}
