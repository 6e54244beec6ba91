/**
 * A timer wheel: one timer for all connections (CON3). Deadlines are kept in
 * slots of one tick. An expired task returns its next deadline, so that activity
 * in between reschedules nothing.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Instant } from "../../domain/protocol/Ids.ts"

/** Called when a deadline has passed; returns the next deadline, or undefined. Must not throw. */
export type ExpireHandler = (now: Instant) => Instant | undefined

/** Something with a deadline, in one wheel at most. Connections implement it themselves, to save a closure each. */
export interface TimerTask {
  /** Its slot, written by the wheel only. Undefined at first. */
  wheelSlot: number | undefined
  /** As `ExpireHandler`. */
  onExpire(now: Instant): Instant | undefined
}

/** The deadlines of any number of tasks. */
export interface TimerWheel {
  /** Sets a task's deadline to the first tick at or after `at`, in place of an earlier one. */
  readonly schedule: (task: TimerTask, at: Instant) => void
  /** Removes a task, so that the wheel does not retain it. */
  readonly cancel: (task: TimerTask) => void
  /** `schedule` for a callback that is never cancelled. */
  readonly scheduleCallback: (at: Instant, look: ExpireHandler) => void
}

/** Milliseconds between two ticks, where no deadline needs finer ones. */
export const defaultTickMillis = 200

/** Tasks that expire before the event loop gets a turn: closing forty connections at once would take milliseconds. */
const maxTasksPerBatch = 4

/** A wheel that ticks every `tickMillis` until the scope closes. */
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

  /** Expires what is due, spread over half of a tick, so that other work gets turns in between. */
  const advance = Effect.fnUntraced(function*(startedAt: Instant) {
    const targetTick = Math.floor(startedAt / tickMillis)
    let dueCount = 0
    for (let slot = currentTick + 1; slot <= targetTick; slot++) dueCount += slots.get(slot)?.size ?? 0
    const pauseMillis = Math.floor(tickMillis / 2 * maxTasksPerBatch / dueCount)
    let expiredCount = 0
    let now = startedAt
    while (currentTick < targetTick) {
      currentTick += 1
      // An expiring task may cancel another one of its slot.
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
