/** What is counted per user rather than per connection: budgets and connections (CON7, SEC24, SEC25). */
import * as Connection from "../../domain/connection/Connection.ts"
import type { Incoming } from "../../domain/connection/Incoming.ts"
import * as TokenBucket from "../../domain/connection/TokenBucket.ts"
import type { Instant, UserId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import type { AnyKind } from "../../domain/Topic.ts"

/** What is counted of one user. */
export interface Account<C> {
  readonly connections: Set<C>
  /** Whether somebody will ask to forget the user. */
  leaving: boolean
  /** In the order of the budgets; those that were drawn on. */
  readonly buckets: Array<TokenBucket.TokenBucket | undefined>
}

/** The budget that a message draws on, and the milliseconds until there is room for it. */
export interface Draw {
  readonly budget: string
  readonly wait: number
}

export interface Users<C> {
  readonly connections: (user: UserId) => ReadonlySet<C>
  /** Counts the connection; what to draw on for it. */
  readonly enter: (user: UserId, connection: C) => Account<C>
  /** Whether `forget` is to be called after a while: nobody does yet, and it was the last connection. */
  readonly leave: (user: UserId, connection: C) => boolean
  /** Draws on the user's budget, unless what was heard must wait for another command of its connection anyway. */
  readonly draw: (account: Account<C> | undefined, state: Connection.State, incoming: Incoming, now: Instant) => Draw
  /** Forgets a user without connections; before the budgets are full again, it gives the time when they will be. */
  readonly forget: (user: UserId, now: Instant) => Instant | undefined
}

export const make = <C>(limits: Limits, kinds: ReadonlyMap<string, AnyKind>): Users<C> => {
  const rates: ReadonlyArray<readonly [budget: string, rate: TokenBucket.Rate]> = [
    ["command", { perMinute: limits.messagesPerMinute, burst: limits.messageBurst }],
    ["read", { perMinute: limits.readsPerMinute, burst: limits.readBurst }],
    ["signal", { perMinute: limits.signalsPerSecond * 60, burst: limits.signalsPerSecond }],
    ...[...kinds.values()].flatMap(({ budget, name }) =>
      budget === undefined ? [] : [[`command:${name}`, budget] as const]
    )
  ]
  const places = new Map(rates.map(([budget], place) => [budget, place]))
  const users = new Map<UserId, Account<C>>()
  const none: ReadonlySet<C> = new Set()

  /** The milliseconds to wait when the budget is spent. */
  const take = ({ buckets }: Account<C>, budget: string, now: Instant): number => {
    const place = places.get(budget)
    if (place === undefined) return 0
    const [, rate] = rates[place]!
    const { bucket, wait } = TokenBucket.take(buckets[place] ?? TokenBucket.full(rate, now), rate, now)
    buckets[place] = bucket
    return wait
  }

  return {
    connections: (user) => users.get(user)?.connections ?? none,
    enter: (user, connection) => {
      const account = users.get(user) ?? { connections: new Set(), leaving: false, buckets: [] }
      users.set(user, account)
      account.connections.add(connection)
      return account
    },
    leave: (user, connection) => {
      const account = users.get(user)
      account?.connections.delete(connection)
      if (account === undefined || account.leaving || account.connections.size > 0) return false
      return account.leaving = true
    },
    draw: (account, state, incoming, now) => {
      const budget = Connection.budgetOf(incoming, kinds)
      const waits = account === undefined || Connection.aheadOf(state, { budget, incoming }) !== undefined
      return { budget, wait: waits ? 0 : take(account, budget, now) }
    },
    forget: (user, now) => {
      const known = users.get(user)
      if (known === undefined) return undefined
      if (known.connections.size > 0) return void (known.leaving = false)
      let due = now
      for (const [place, bucket] of known.buckets.entries()) {
        if (bucket !== undefined) due = Math.max(due, TokenBucket.fullAt(bucket, rates[place]![1]))
      }
      return due > now ? due : void users.delete(user)
    }
  }
}
