/**
 * One timer for all connections (CON3). Deadlines are kept in slots of one
 * tick; a task says itself when it wants to be looked at again, so that
 * activity never moves anything.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Instant } from "../../domain/protocol/Ids.ts"

/** Looks at something; returns when to look again, or undefined when it is done with. Must not throw. */
export type ExpireHandler = (now: Instant) => Instant | undefined

/** What waits for its time, in one place of a wheel at most. Connections are tasks themselves: a closure each would cost. */
export interface TimerTask {
  /** Where it waits; the wheel's own. Undefined at first. */
  wheelSlot: number | undefined
  onExpire(now: Instant): Instant | undefined
}

export interface TimerWheel {
  /** Has a task looked at, at the first tick at or after `at` and not where it waited before. */
  readonly schedule: (task: TimerTask, at: Instant) => void
  /** Lets go of a task, so that nothing holds what it belongs to. */
  readonly cancel: (task: TimerTask) => void
  /** `set`, for what need not be dropped. */
  readonly scheduleCallback: (at: Instant, look: ExpireHandler) => void
}

/** Milliseconds between two turns, where nothing needs less. */
export const defaultTickMillis = 200

/** Tasks that are looked at in one go. Then others are served first: ending forty connections takes milliseconds. */
const maxTasksPerBatch = 4

/** Turns until the scope closes, every `tick` milliseconds. */
export const make = Effect.fnUntraced(function*(tickMillis: number): Effect.fn.Return<TimerWheel, never, Scope.Scope> {
  const slots = new Map<number, Set<TimerTask>>()
  let currentTick = Math.floor((yield* Clock.currentTimeMillis) / tickMillis)

  const cancel = (task: TimerTask) => {
    if (task.wheelSlot === undefined) return
    slots.get(task.wheelSlot)?.delete(task)
    task.wheelSlot = undefined
  }

  const schedule = (task: TimerTask, at: Instant) => {
    cancel(task)
    const slot = Math.max(currentTick + 1, Math.ceil(at / tickMillis))
    const tasks = slots.get(slot)
    if (tasks === undefined) slots.set(slot, new Set([task]))
    else tasks.add(task)
    task.wheelSlot = slot
  }

  /** Spreads what is due over half of the time until the next turn: nobody else has to wait for all of it. */
  const advance = Effect.fnUntraced(function*(startedAt: Instant) {
    const targetTick = Math.floor(startedAt / tickMillis)
    let dueCount = 0
    for (let slot = currentTick + 1; slot <= targetTick; slot++) dueCount += slots.get(slot)?.size ?? 0
    const pauseMillis = Math.floor(tickMillis / 2 * maxTasksPerBatch / dueCount)
    let expiredCount = 0
    let now = startedAt
    while (currentTick < targetTick) {
      currentTick += 1
      // One that is looked at may drop another of the same slot.
      for (const task of slots.get(currentTick) ?? []) {
        task.wheelSlot = undefined
        const nextAt = task.onExpire(now)
        if (nextAt !== undefined) schedule(task, nextAt)
        if (++expiredCount % maxTasksPerBatch > 0) continue
        yield* pauseMillis > 0 ? Effect.sleep(pauseMillis) : Effect.yieldNow
        now = yield* Clock.currentTimeMillis
      }
      slots.delete(currentTick)
    }
  })

  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(tickMillis - (yield* Clock.currentTimeMillis) % tickMillis)
      yield* advance(yield* Clock.currentTimeMillis)
    }
  }))
  return { schedule, cancel, scheduleCallback: (at, onExpire) => schedule({ wheelSlot: undefined, onExpire }, at) }
})
