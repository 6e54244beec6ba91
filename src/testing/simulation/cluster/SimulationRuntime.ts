/**
 * Virtual time: tasks that are ready, and timers. Nothing here depends on the
 * real clock or the real event loop.
 */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { SeededRandom } from "./SeededRandom.ts"

/** Whose tasks these are; they end with it. */
export interface TaskOwner {
  readonly killed: boolean
}

interface Task {
  readonly owner: TaskOwner | undefined
  readonly run: () => void
}

interface Timer extends Task {
  readonly at: number
  readonly order: number
  cancelled: boolean
}

const isEarlier = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Tasks in one instant before it counts as going round in circles. */
const maxStepsPerInstant = 200_000

export class SimulationRuntime {
  readonly random: SeededRandom
  /** True time; processes have clocks of their own. */
  now = 1_800_000_000_000
  /** What went wrong, in order; see `violate`. */
  readonly violations: Array<string> = []
  private readonly readyTasks: Array<Task> = []
  private readonly timers: Array<Timer> = []
  private readonly traceHash = createHash("sha256")
  private nextTimerOrder = 0
  private stepsThisInstant = 0
  /** Everything that was noted, when somebody wants to read it. */
  readonly recordedTrace: Array<string> | undefined
  private readonly startedAt: number

  constructor(seed: string, story: boolean) {
    this.random = new SeededRandom(seed)
    this.recordedTrace = story ? [] : undefined
    this.startedAt = this.now
  }

  /** Adds to the trace that two runs of a seed are compared by. */
  record(line: string): void {
    this.traceHash.update(`${this.now} ${line}\n`)
    this.recordedTrace?.push(`${this.now - this.startedAt} ${line}`)
  }

  get digest(): string {
    return this.traceHash.copy().digest("hex").slice(0, 16)
  }

  reportViolation(rule: string, detail: string): void {
    if (this.violations.length < 20) this.violations.push(`${rule}: ${detail}`)
    this.record(`violation of ${rule}: ${detail}`)
  }

  /** Runs as soon as what is ready has run. */
  enqueue(run: () => void, owner?: TaskOwner): void {
    this.readyTasks.push({ owner, run })
  }

  /** Gives what cancels it. */
  schedule(millis: number, run: () => void, owner?: TaskOwner): () => void {
    const timer: Timer = {
      at: this.now + Math.max(0, millis),
      order: this.nextTimerOrder++,
      owner,
      run,
      cancelled: false
    }
    this.siftUp(timer)
    return () => {
      timer.cancelled = true
    }
  }

  /** Timers that are still to come, of one owner. */
  pendingTimersOf(owner: TaskOwner): number {
    return this.timers.filter((timer) => timer.owner === owner && !timer.cancelled).length
  }

  /**
   * Lives until `done` says so or `end` has come. Between tasks the microtasks of the real event loop get their turn,
   * and nothing else of it does.
   */
  runUntil(deadline: number, isDone: () => boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const turn = () => {
        try {
          if (this.step(deadline, isDone)) queueMicrotask(turn)
          else resume(Effect.void)
        } catch (defect) {
          resume(Effect.die(defect))
        }
      }
      turn()
    })
  }

  private step(end: number, done: () => boolean): boolean {
    if (this.readyTasks.length > 0) {
      // What this batch makes ready comes with the next, after the microtasks.
      for (const { owner, run } of this.readyTasks.splice(0)) if (owner?.killed !== true) run()
      if (++this.stepsThisInstant > maxStepsPerInstant) throw new RangeError(`time stands still at ${this.now}`)
      return true
    }
    if (done()) return false
    const next = this.popDue(end)
    if (next === undefined) {
      this.now = Math.max(this.now, end)
      return false
    }
    if (next.at > this.now) this.stepsThisInstant = 0
    this.now = Math.max(this.now, next.at)
    next.run()
    return true
  }

  private siftUp(timer: Timer): void {
    const { timers } = this
    let i = timers.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!isEarlier(timer, timers[parent]!)) break
      timers[i] = timers[parent]!
      i = parent
    }
    timers[i] = timer
  }

  private popDue(deadline: number): Timer | undefined {
    const { timers } = this
    for (let first = timers[0]; first !== undefined && first.at <= deadline; first = timers[0]) {
      const last = timers.pop()!
      if (timers.length > 0) this.siftDown(last)
      if (!first.cancelled && first.owner?.killed !== true) return first
    }
    return undefined
  }

  private siftDown(timer: Timer): void {
    const { timers } = this
    let i = 0
    for (let child = 1; child < timers.length; child = 2 * i + 1) {
      if (child + 1 < timers.length && isEarlier(timers[child + 1]!, timers[child]!)) child += 1
      if (!isEarlier(timers[child]!, timer)) break
      timers[i] = timers[child]!
      i = child
    }
    timers[i] = timer
  }
}
