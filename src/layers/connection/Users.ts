/** What is counted per user rather than per connection: budgets and connections (CON7, SEC24, SEC25). */
import * as Connection from "../../domain/Connection.ts"
import type { Instant, UserId } from "../../domain/Ids.ts"
import type { Incoming } from "../../domain/Incoming.ts"
import type { Limits } from "../../domain/Limits.ts"
import * as TokenBucket from "../../domain/TokenBucket.ts"
import type { AnyKind } from "../../domain/Topic.ts"

interface User<C> {
  readonly connections: Set<C>
  /** Those that were drawn on; no more than there are budgets. */
  readonly buckets: Map<string, TokenBucket.TokenBucket>
}

/** The budget that a message draws on, and the milliseconds until there is room for it. */
export interface Draw {
  readonly budget: string
  readonly wait: number
}

export interface Users<C> {
  readonly connections: (user: UserId) => ReadonlySet<C>
  readonly enter: (user: UserId, connection: C) => void
  readonly leave: (user: UserId, connection: C) => void
  /** Draws on the user's budget, unless what was heard must wait for another command of its connection anyway. */
  readonly draw: (user: UserId | undefined, state: Connection.State, incoming: Incoming, now: Instant) => Draw
  /** Forgets a user without connections; before the budgets are full again, it gives the time when they will be. */
  readonly forget: (user: UserId, now: Instant) => Instant | undefined
}

export const make = <C>(limits: Limits, kinds: ReadonlyMap<string, AnyKind>): Users<C> => {
  const rates = new Map<string, TokenBucket.Rate>([
    ["command", { perMinute: limits.messagesPerMinute, burst: limits.messageBurst }],
    ["read", { perMinute: limits.readsPerMinute, burst: limits.readBurst }],
    ["signal", { perMinute: limits.signalsPerSecond * 60, burst: limits.signalsPerSecond }]
  ])
  for (const { budget, name } of kinds.values()) if (budget !== undefined) rates.set(`command:${name}`, budget)
  const users = new Map<UserId, User<C>>()
  const none: ReadonlySet<C> = new Set()

  /** The milliseconds to wait when the budget is spent. */
  const take = (user: UserId, budget: string, now: Instant): number => {
    const known = users.get(user)
    const rate = rates.get(budget)
    if (known === undefined || rate === undefined) return 0
    const { bucket, wait } = TokenBucket.take(known.buckets.get(budget) ?? TokenBucket.full(rate, now), rate, now)
    known.buckets.set(budget, bucket)
    return wait
  }

  return {
    connections: (user) => users.get(user)?.connections ?? none,
    enter: (user, connection) => {
      const known = users.get(user)
      if (known === undefined) users.set(user, { connections: new Set([connection]), buckets: new Map() })
      else known.connections.add(connection)
    },
    leave: (user, connection) => void users.get(user)?.connections.delete(connection),
    draw: (user, state, incoming, now) => {
      const budget = Connection.budgetOf(incoming, kinds)
      const waits = user === undefined || Connection.aheadOf(state, { budget, incoming }) !== undefined
      return { budget, wait: waits ? 0 : take(user, budget, now) }
    },
    forget: (user, now) => {
      const known = users.get(user)
      if (known === undefined || known.connections.size > 0) return undefined
      let due = now
      for (const [budget, bucket] of known.buckets) due = Math.max(due, TokenBucket.fullAt(bucket, rates.get(budget)!))
      return due > now ? due : void users.delete(user)
    }
  }
}
