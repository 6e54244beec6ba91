/**
 * Virtual time: tasks that are ready, and timers. Nothing here depends on the
 * real clock or the real event loop.
 */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { Dice } from "./Dice.ts"

/** Whose tasks these are; they end with it. */
export interface Owner {
  readonly dead: boolean
}

interface Task {
  readonly owner: Owner | undefined
  readonly run: () => void
}

interface Timer extends Task {
  readonly at: number
  readonly order: number
  cancelled: boolean
}

const earlier = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Tasks in one instant before it counts as going round in circles. */
const patience = 200_000

export class World {
  readonly dice: Dice
  /** True time; processes have clocks of their own. */
  now = 1_800_000_000_000
  /** What went wrong, in order; see `violate`. */
  readonly violations: Array<string> = []
  private readonly ready: Array<Task> = []
  private readonly heap: Array<Timer> = []
  private readonly trace = createHash("sha256")
  private order = 0
  private steps = 0
  /** Everything that was noted, when somebody wants to read it. */
  readonly story: Array<string> | undefined
  private readonly born: number

  constructor(seed: string, story: boolean) {
    this.dice = new Dice(seed)
    this.story = story ? [] : undefined
    this.born = this.now
  }

  /** Adds to the trace that two runs of a seed are compared by. */
  note(line: string): void {
    this.trace.update(`${this.now} ${line}\n`)
    this.story?.push(`${this.now - this.born} ${line}`)
  }

  get digest(): string {
    return this.trace.copy().digest("hex").slice(0, 16)
  }

  violate(rule: string, what: string): void {
    if (this.violations.length < 20) this.violations.push(`${rule}: ${what}`)
    this.note(`violation of ${rule}: ${what}`)
  }

  /** Runs as soon as what is ready has run. */
  soon(run: () => void, owner?: Owner): void {
    this.ready.push({ owner, run })
  }

  /** Gives what cancels it. */
  after(millis: number, run: () => void, owner?: Owner): () => void {
    const timer: Timer = { at: this.now + Math.max(0, millis), order: this.order++, owner, run, cancelled: false }
    this.push(timer)
    return () => {
      timer.cancelled = true
    }
  }

  /** Timers that are still to come, of one owner. */
  timersOf(owner: Owner): number {
    return this.heap.filter((timer) => timer.owner === owner && !timer.cancelled).length
  }

  /**
   * Lives until `done` says so or `end` has come. Between tasks the microtasks of the real event loop get their turn,
   * and nothing else of it does.
   */
  live(end: number, done: () => boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const turn = () => {
        try {
          if (this.turn(end, done)) queueMicrotask(turn)
          else resume(Effect.void)
        } catch (defect) {
          resume(Effect.die(defect))
        }
      }
      turn()
    })
  }

  private turn(end: number, done: () => boolean): boolean {
    if (this.ready.length > 0) {
      // What this batch makes ready comes with the next, after the microtasks.
      for (const { owner, run } of this.ready.splice(0)) if (owner?.dead !== true) run()
      if (++this.steps > patience) throw new RangeError(`time stands still at ${this.now}`)
      return true
    }
    if (done()) return false
    const next = this.pop(end)
    if (next === undefined) {
      this.now = Math.max(this.now, end)
      return false
    }
    if (next.at > this.now) this.steps = 0
    this.now = Math.max(this.now, next.at)
    next.run()
    return true
  }

  private push(timer: Timer): void {
    const { heap } = this
    let i = heap.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!earlier(timer, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = timer
  }

  private pop(end: number): Timer | undefined {
    const { heap } = this
    for (let first = heap[0]; first !== undefined && first.at <= end; first = heap[0]) {
      const last = heap.pop()!
      if (heap.length > 0) this.sink(last)
      if (!first.cancelled && first.owner?.dead !== true) return first
    }
    return undefined
  }

  private sink(timer: Timer): void {
    const { heap } = this
    let i = 0
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child += 1
      if (!earlier(heap[child]!, timer)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = timer
  }
}
