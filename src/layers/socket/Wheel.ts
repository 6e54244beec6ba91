/**
 * One timer for all connections (CON3). Deadlines are kept in slots of one
 * tick; a task says itself when it wants to be looked at again, so that
 * activity never moves anything.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Instant } from "../../domain/Ids.ts"

/** Looks at something; returns when to look again, or undefined when it is done with. Must not throw. */
export type Task = (now: Instant) => Instant | undefined

export interface Wheel {
  /** Runs `task` at the first tick at or after `at`. */
  readonly add: (at: Instant, task: Task) => void
}

/**
 * Milliseconds between two turns, where nothing needs less: what falls due in one turn is done at once, and ten thousand
 * idle connections have three hundred pings a second to share.
 */
export const tick = 200

/** Turns until the scope closes, every `tick` milliseconds. */
export const make = Effect.fnUntraced(function*(tick: number): Effect.fn.Return<Wheel, never, Scope.Scope> {
  const slots = new Map<number, Array<Task>>()
  let turned = Math.floor((yield* Clock.currentTimeMillis) / tick)

  const add = (at: Instant, task: Task) => {
    const slot = Math.max(turned + 1, Math.ceil(at / tick))
    const tasks = slots.get(slot)
    if (tasks === undefined) slots.set(slot, [task])
    else tasks.push(task)
  }

  const turn = (now: Instant) => {
    const end = Math.floor(now / tick)
    while (turned < end) {
      turned += 1
      const tasks = slots.get(turned)
      slots.delete(turned)
      for (const task of tasks ?? []) {
        const again = task(now)
        if (again !== undefined) add(again, task)
      }
    }
  }

  yield* Effect.forkScoped(Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(tick)
      turn(yield* Clock.currentTimeMillis)
    }
  }))
  return { add }
})
