/** What is counted per user rather than per connection: budgets and connections (CON7, SEC24, SEC25). */
import * as TokenBucket from "../../domain/admission/TokenBucket.ts"
import * as Connection from "../../domain/connection/Connection.ts"
import type { ClientMessage } from "../../domain/connection/FrameDecoder.ts"
import type { Instant, UserId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"

/** What is counted of one user. */
export interface UserBudget<C> {
  readonly connections: Set<C>
  /** Whether somebody will ask to forget the user. */
  evictionScheduled: boolean
  /** In the order of the budgets; those that were drawn on. */
  readonly buckets: Array<TokenBucket.TokenBucket | undefined>
}

/** The budget that a message draws on, and the milliseconds until there is room for it. */
export interface BudgetResult {
  readonly budget: string
  readonly wait: number
}

export interface UserBudgets<C> {
  readonly connectionsOf: (user: UserId) => ReadonlySet<C>
  /** Counts the connection; what to draw on for it. */
  readonly addConnection: (user: UserId, connection: C) => UserBudget<C>
  /** Whether `evict` is to be called after a while: nobody does yet, and it was the last connection. */
  readonly removeConnection: (user: UserId, connection: C) => boolean
  /** Draws on the user's budget, unless what was heard must wait for another command of its connection anyway. */
  readonly consume: (
    userBudget: UserBudget<C> | undefined,
    state: Connection.ConnectionState,
    incoming: ClientMessage,
    now: Instant
  ) => BudgetResult
  /** Forgets a user without connections; before the budgets are full again, it gives the time when they will be. */
  readonly evict: (user: UserId, now: Instant) => Instant | undefined
}

export const make = <C>(limits: Limits, kinds: ReadonlyMap<string, AnyKind>): UserBudgets<C> => {
  const rates: ReadonlyArray<readonly [budget: string, rate: TokenBucket.Rate]> = [
    ["command", { perMinute: limits.messagesPerMinute, burst: limits.messageBurst }],
    ["read", { perMinute: limits.readsPerMinute, burst: limits.readBurst }],
    ["signal", { perMinute: limits.signalsPerSecond * 60, burst: limits.signalsPerSecond }],
    ...[...kinds.values()].flatMap(({ budget, name }) =>
      budget === undefined ? [] : [[`command:${name}`, budget] as const]
    )
  ]
  const indexByBudget = new Map(rates.map(([budget], index) => [budget, index]))
  const budgetsByUser = new Map<UserId, UserBudget<C>>()
  const noConnections: ReadonlySet<C> = new Set()

  /** The milliseconds to wait when the budget is spent. */
  const consumeToken = ({ buckets }: UserBudget<C>, budget: string, now: Instant): number => {
    const index = indexByBudget.get(budget)
    if (index === undefined) return 0
    const [, rate] = rates[index]!
    const { bucket, wait } = TokenBucket.take(buckets[index] ?? TokenBucket.makeFull(rate, now), rate, now)
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
      const budget = Connection.budgetOf(incoming, kinds)
      const isExempt = userBudget === undefined || Connection.blockingCommand(state, { budget, incoming }) !== undefined
      return { budget, wait: isExempt ? 0 : consumeToken(userBudget, budget, now) }
    },
    evict: (user, now) => {
      const userBudget = budgetsByUser.get(user)
      if (userBudget === undefined) return undefined
      if (userBudget.connections.size > 0) return void (userBudget.evictionScheduled = false)
      let fullAt = now
      for (const [index, bucket] of userBudget.buckets.entries()) {
        if (bucket !== undefined) fullAt = Math.max(fullAt, TokenBucket.fullAt(bucket, rates[index]![1]))
      }
      return fullAt > now ? fullAt : void budgetsByUser.delete(user)
    }
  }
}
