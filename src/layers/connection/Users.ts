/** What is counted per user rather than per connection: budgets and connections (CON7, SEC24, SEC25). */
import type { Instant, UserId } from "../../domain/Ids.ts"
import type { Limits } from "../../domain/Limits.ts"
import * as TokenBucket from "../../domain/TokenBucket.ts"

export type Lane = "command" | "read" | "signal"

interface User<C> {
  readonly connections: Set<C>
  readonly buckets: Record<Lane, TokenBucket.TokenBucket>
}

export interface Users<C> {
  readonly connections: (user: UserId) => ReadonlySet<C>
  readonly enter: (user: UserId, connection: C, now: Instant) => void
  readonly leave: (user: UserId, connection: C) => void
  /** Draws on the user's budget; the milliseconds to wait when it is spent. */
  readonly take: (user: UserId, lane: Lane, now: Instant) => number
  /** Forgets a user without connections. Before a minute has passed, a reconnect would refill the budget. */
  readonly forget: (user: UserId) => void
}

export const make = <C>(limits: Limits): Users<C> => {
  const rates: Record<Lane, TokenBucket.Rate> = {
    command: { perMinute: limits.messagesPerMinute, burst: limits.messageBurst },
    read: { perMinute: limits.readsPerMinute, burst: limits.readBurst },
    signal: { perMinute: limits.signalsPerSecond * 60, burst: limits.signalsPerSecond }
  }
  const users = new Map<UserId, User<C>>()
  const none: ReadonlySet<C> = new Set()

  return {
    connections: (user) => users.get(user)?.connections ?? none,
    enter: (user, connection, now) => {
      const known = users.get(user)
      if (known !== undefined) return void known.connections.add(connection)
      users.set(user, {
        connections: new Set([connection]),
        buckets: {
          command: TokenBucket.full(rates.command, now),
          read: TokenBucket.full(rates.read, now),
          signal: TokenBucket.full(rates.signal, now)
        }
      })
    },
    leave: (user, connection) => void users.get(user)?.connections.delete(connection),
    take: (user, lane, now) => {
      const known = users.get(user)
      if (known === undefined) return 0
      const { bucket, wait } = TokenBucket.take(known.buckets[lane], rates[lane], now)
      known.buckets[lane] = bucket
      return wait
    },
    forget: (user) => {
      if (users.get(user)?.connections.size === 0) users.delete(user)
    }
  }
}
