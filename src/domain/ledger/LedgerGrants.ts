/**
 * What the treasury pays to users: the grant of each new one, and the citations of the Chorus, up to the limits of a day
 * (LED3, CHO10). The sign-in bounds grants per address; the ledger knows no addresses.
 */
import { HashMap, HashSet, Option, Result } from "effect"
import * as DailyBudget from "../admission/DailyBudget.ts"
import type { Instant, UserId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import * as LedgerModel from "./LedgerModel.ts"
import type { Answer, Event, State } from "./LedgerModel.ts"

/** In whole tokens. */
export const grantPolicy = {
  /** LED3: the grant of a new user. */
  initialGrant: 10_000,
  /** LED3: what the citations of one asker, and of one cited author, are paid on a day (UTC) at most. */
  rewardsPerAsker: 100,
  rewardsPerAuthor: 500,
  /** LED3: a treasury below this is an alarm. */
  lowTreasury: 1_000_000_000
} as const

/** A decision before it is checked. */
export type EventsOrRejection = ReadonlyArray<Event> | Rejection

type Reward = Extract<Answer, { readonly _tag: "Reward" }>

const treasuryBalance = ({ accounts }: State): number => Option.getOrElse(HashMap.get(accounts, "treasury"), () => 0)

/** LED3: whether a user had the grant. */
export const isGranted = (state: State, user: UserId): boolean => {
  const account = LedgerModel.userAccount(user)
  return HashMap.has(state.accounts, account) && !HashSet.has(state.ungranted, account)
}

/** LED3: whether the operator should be told that the treasury runs out. */
export const isTreasuryLow = (state: State): boolean => treasuryBalance(state) < grantPolicy.lowTreasury

/** LED3: each user is granted once. An almost empty treasury grants the rest of its balance. */
export const decideGrant = (state: State, user: UserId, at: Instant): EventsOrRejection => {
  if (isGranted(state, user)) return []
  const amount = Math.min(grantPolicy.initialGrant, treasuryBalance(state))
  const shares = [{ to: LedgerModel.userAccount(user), amount }]
  return [{ _tag: "Moved", from: "treasury", shares, cause: { _tag: "Grant" }, at }]
}

/** LED3: the counters of a citation. */
const rewardAllowances = ({ asker, author }: Pick<Reward, "asker" | "author">) =>
  [[`asker ${asker}`, grantPolicy.rewardsPerAsker], [`author ${author}`, grantPolicy.rewardsPerAuthor]] as const

/** CHO10, LED3: pays a cited author, unless the asker's or the author's citations of the day are paid already. */
export const decideReward = (state: State, input: Reward, at: Instant): EventsOrRejection => {
  const { amount, asker, author, prompt, thread } = input
  if (Result.isFailure(DailyBudget.spend(state.rewards, rewardAllowances(input), amount, at))) {
    return makeRejection("rule_violated", "LED3", "no more citations of this asker or author are paid today")
  }
  return treasuryBalance(state) < amount
    ? makeRejection("insufficient_funds", "LED3", "the treasury is empty: citations are not paid")
    : [{ _tag: "Rewarded", asker, author, amount, thread, prompt, at }]
}

// -- Evolution ---------------------------------------------------------------

/** No citation was paid yet. */
export const noRewards: State["rewards"] = DailyBudget.nothingSpent

/** LED3: what citations were paid today, after one more. */
export const rewardsAfter = ({ rewards }: State, event: Extract<Event, { _tag: "Rewarded" }>): State["rewards"] =>
  Result.getOrElse(DailyBudget.spend(rewards, rewardAllowances(event), event.amount, event.at), () => rewards)

/** LED3: a payment opens the account of a user who has none, and leaves the grant for later. */
export const ungrantedAfterShares = (
  { accounts, ungranted }: State,
  shares: ReadonlyArray<LedgerModel.Share>
): State["ungranted"] =>
  shares.reduce(
    (marked, { to }) => to.startsWith("user:") && !HashMap.has(accounts, to) ? HashSet.add(marked, to) : marked,
    ungranted
  )

/** LED3: a movement is a payment, or the grant. */
export const ungrantedAfterMove = (
  state: State,
  { cause, from, shares }: Extract<Event, { _tag: "Moved" }>
): State["ungranted"] =>
  from === "treasury" && cause._tag === "Grant"
    ? shares.reduce((marked, { to }) => HashSet.remove(marked, to), state.ungranted)
    : ungrantedAfterShares(state, shares)
