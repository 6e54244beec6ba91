/** Rate limits and connections per user, shared by all connections of the user (CON7, SEC24, SEC25). In memory. */
import * as TokenBucket from "../../domain/admission/TokenBucket.ts"
import * as Connection from "../../domain/connection/Connection.ts"
import type { ClientMessage } from "../../domain/connection/FrameDecoder.ts"
import * as MessageBudget from "../../domain/connection/MessageBudget.ts"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"

/** The counters of one user. */
export interface UserBudget<C> {
  readonly connections: Set<C>
  /** Whether `evict` is going to be called for the user. */
  evictionScheduled: boolean
  /** By the index of the budget; undefined for a bucket that is full. */
  readonly buckets: Array<TokenBucket.TokenBucket | undefined>
}

/** The budget that a message counts against, and 0 or the milliseconds until the budget allows it. */
export interface BudgetResult {
  readonly budget: string
  readonly wait: number
}

/** The counters of all users; `C` is a connection. */
export interface UserBudgets<C> {
  /** The signed-in connections of a user. */
  readonly connectionsOf: (user: UserId) => ReadonlySet<C>
  /** Adds a connection to its user; returns the counters that its messages count against. */
  readonly addConnection: (user: UserId, connection: C) => UserBudget<C>
  /** Removes a connection. True if it was the last and the caller must schedule `evict`. */
  readonly removeConnection: (user: UserId, connection: C) => boolean
  /** Takes the tokens of a message, unless the message is going to be rejected behind another command anyway (CON7). */
  readonly consume: (
    userBudget: UserBudget<C> | undefined,
    state: Connection.ConnectionState,
    incoming: ClientMessage,
    now: Instant
  ) => BudgetResult
  /** Removes a user without connections once all buckets are full; returns when to call again, or undefined. */
  readonly evict: (user: UserId, now: Instant) => Instant | undefined
}

/** Empty counters, with the budgets of `MessageBudget`. */
export const make = <C>(limits: Limits, kinds: ReadonlyMap<string, AnyKind>): UserBudgets<C> => {
  const rates = MessageBudget.budgetRates(limits, kinds)
  const indexByBudget = new Map(rates.map(([budget], index) => [budget, index]))
  const budgetsByUser = new Map<UserId, UserBudget<C>>()
  const noConnections: ReadonlySet<C> = new Set()

  /** 0, or the milliseconds until the budget has the tokens. */
  const consumeTokens = ({ buckets }: UserBudget<C>, budget: string, cost: number, now: Instant): number => {
    const index = indexByBudget.get(budget)
    if (index === undefined) return 0
    const [, rate] = rates[index]!
    const { bucket, wait } = TokenBucket.take(buckets[index] ?? TokenBucket.makeFull(rate, now), rate, now, cost)
    buckets[index] = bucket
    return wait
  }

  return {
    connectionsOf: (user) => budgetsByUser.get(user)?.connections ?? noConnections,
    addConnection: (user, connection) => {
      const userBudget = budgetsByUser.get(user) ?? { connections: new Set(), evictionScheduled: false, buckets: [] }
      budgetsByUser.set(user, userBudget)
      userBudget.connections.add(connection)
      return userBudget
    },
    removeConnection: (user, connection) => {
      const userBudget = budgetsByUser.get(user)
      userBudget?.connections.delete(connection)
      if (userBudget === undefined || userBudget.evictionScheduled || userBudget.connections.size > 0) return false
      return userBudget.evictionScheduled = true
    },
    consume: (userBudget, state, incoming, now) => {
      const budget = MessageBudget.budgetOf(incoming, kinds)
      const isExempt = userBudget === undefined || Connection.blockingCommand(state, { budget, incoming }) !== undefined
      const cost = MessageBudget.costOf(incoming, kinds, limits)
      return { budget, wait: isExempt ? 0 : consumeTokens(userBudget, budget, cost, now) }
    },
    evict: (user, now) => {
      const userBudget = budgetsByUser.get(user)
      if (userBudget === undefined) return undefined
      if (userBudget.connections.size > 0) return void (userBudget.evictionScheduled = false)
      const fullAt = MessageBudget.allFullAt(userBudget.buckets, rates, now)
      return fullAt > now ? fullAt : void budgetsByUser.delete(user)
    }
  }
}
