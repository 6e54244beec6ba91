/**
 * The discrete-event scheduler: virtual time, a queue of ready tasks and a heap of timers. Ties are broken by insertion
 * order, so a run is a function of its seed. Also collects the trace and the violations.
 */
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { SeededRandom } from "./SeededRandom.ts"

/** Owner of tasks and timers: once killed, none of them runs. */
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

/** Task batches at one instant of virtual time before the run counts as a livelock. */
const maxStepsPerInstant = 200_000

/** Virtual time of one run. */
export class SimulationRuntime {
  readonly random: SeededRandom
  /** True time in milliseconds since the epoch; each process has its own clock with a skew. */
  now = 1_800_000_000_000
  /** In the order of detection; see `reportViolation`. */
  readonly violations: Array<string> = []
  private readonly readyTasks: Array<Task> = []
  private readonly timers: Array<Timer> = []
  private readonly traceHash = createHash("sha256")
  private nextTimerOrder = 0
  private stepsThisInstant = 0
  /** Every trace line, when the run keeps them. */
  readonly recordedTrace: Array<string> | undefined
  private readonly startedAt: number

  constructor(seed: string, recordTrace: boolean) {
    this.random = new SeededRandom(seed)
    this.recordedTrace = recordTrace ? [] : undefined
    this.startedAt = this.now
  }

  /** Appends a line to the trace, whose hash identifies the run. */
  record(line: string): void {
    this.traceHash.update(`${this.now} ${line}\n`)
    this.recordedTrace?.push(`${this.now - this.startedAt} ${line}`)
  }

  /** SHA-256 of the trace so far, 16 hexadecimal digits. */
  get digest(): string {
    return this.traceHash.copy().digest("hex").slice(0, 16)
  }

  /** Records that a rule of docs/SPEC.md was violated; the first 20 are kept. */
  reportViolation(rule: string, detail: string): void {
    if (this.violations.length < 20) this.violations.push(`${rule}: ${detail}`)
    this.record(`violation of ${rule}: ${detail}`)
  }

  /** Runs a task after the tasks that are ready now, at the same instant. */
  enqueue(run: () => void, owner?: TaskOwner): void {
    this.readyTasks.push({ owner, run })
  }

  /** Runs a task in `millis` of virtual time; returns its cancellation. */
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

  /** Number of timers of an owner that have neither fired nor been cancelled. */
  pendingTimersOf(owner: TaskOwner): number {
    return this.timers.filter((timer) => timer.owner === owner && !timer.cancelled).length
  }

  /**
   * Advances virtual time until `deadline` is reached, or `isDone` holds before. Between batches of tasks only the microtasks
   * of the real event loop run: promises settle, but no timer or I/O callback can interfere.
   */
  runUntil(deadline: number, isDone: () => boolean = () => false): Effect.Effect<void> {
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

  private step(deadline: number, isDone: () => boolean): boolean {
    if (this.readyTasks.length > 0) {
      // Tasks made ready by this batch run in the next one, after the microtasks.
      for (const { owner, run } of this.readyTasks.splice(0)) if (owner?.killed !== true) run()
      if (++this.stepsThisInstant > maxStepsPerInstant) throw new RangeError(`livelock at ${this.now}`)
      return true
    }
    if (isDone()) return false
    const next = this.popDue(deadline)
    if (next === undefined) {
      this.now = Math.max(this.now, deadline)
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
