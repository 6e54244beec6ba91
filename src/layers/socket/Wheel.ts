/**
 * One timer for all connections (CON3). Deadlines are kept in slots of one
 * tick; a task says itself when it wants to be looked at again, so that
 * activity never moves anything.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Instant } from "../../domain/Ids.ts"

/** Looks at something; returns when to look again, or undefined when it is done with. Must not throw. */
export type Look = (now: Instant) => Instant | undefined

/** What waits for its time, in one place of a wheel at most. Connections are tasks themselves: a closure each would cost. */
export interface Task {
  /** Where it waits; the wheel's own. Undefined at first. */
  slot: number | undefined
  look(now: Instant): Instant | undefined
}

export interface Wheel {
  /** Has a task looked at, at the first tick at or after `at` and not where it waited before. */
  readonly set: (task: Task, at: Instant) => void
  /** Lets go of a task, so that nothing holds what it belongs to. */
  readonly drop: (task: Task) => void
  /** `set`, for what need not be dropped. */
  readonly add: (at: Instant, look: Look) => void
}

/** Milliseconds between two turns, where nothing needs less. */
export const tick = 200

/** Tasks that are looked at in one go. Then others are served first: ending forty connections takes milliseconds. */
const together = 4

/** Turns until the scope closes, every `tick` milliseconds. */
export const make = Effect.fnUntraced(function*(tick: number): Effect.fn.Return<Wheel, never, Scope.Scope> {
  const slots = new Map<number, Set<Task>>()
  let turned = Math.floor((yield* Clock.currentTimeMillis) / tick)

  const drop = (task: Task) => {
    if (task.slot === undefined) return
    slots.get(task.slot)?.delete(task)
    task.slot = undefined
  }

  const set = (task: Task, at: Instant) => {
    drop(task)
    const slot = Math.max(turned + 1, Math.ceil(at / tick))
    const tasks = slots.get(slot)
    if (tasks === undefined) slots.set(slot, new Set([task]))
    else tasks.add(task)
    task.slot = slot
  }

  /** Spreads what is due over half of the time until the next turn: nobody else has to wait for all of it. */
  const turn = Effect.fnUntraced(function*(start: Instant) {
    const end = Math.floor(start / tick)
    let due = 0
    for (let slot = turned + 1; slot <= end; slot++) due += slots.get(slot)?.size ?? 0
    const pause = Math.floor(tick / 2 * together / due)
    let looked = 0
    let now = start
    while (turned < end) {
      turned += 1
      // One that is looked at may drop another of the same slot.
      for (const task of slots.get(turned) ?? []) {
        task.slot = undefined
        const again = task.look(now)
        if (again !== undefined) set(task, again)
        if (++looked % together > 0) continue
        yield* pause > 0 ? Effect.sleep(pause) : Effect.yieldNow
        now = yield* Clock.currentTimeMillis
      }
      slots.delete(turned)
    }
  })

  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(tick - (yield* Clock.currentTimeMillis) % tick)
      yield* turn(yield* Clock.currentTimeMillis)
    }
  }))
  return { set, drop, add: (at, look) => set({ slot: undefined, look }, at) }
})
