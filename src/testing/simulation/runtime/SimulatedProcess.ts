/**
 * A simulated operating-system process: the scheduler, clock, randomness and logger that Effect's runtime uses in it.
 *
 * A killed process never runs another task, not even a finalizer. That is `kill -9`, which interrupting fibers cannot
 * express; therefore `TestClock` is not enough.
 */
import { Clock, Context, Duration, Effect, type Fiber, Logger, Random, References, Scheduler } from "effect"
import * as Entropy from "../../../layers/runtime/Entropy.ts"
import type { SeededRandom } from "./SeededRandom.ts"
import type { SimulationRuntime } from "./SimulationRuntime.ts"

const nanosOf = (millis: number): bigint => BigInt(Math.round(millis)) * 1_000_000n

/** One process, until it is killed. */
export class SimulatedProcess {
  readonly name: string
  readonly runtime: SimulationRuntime
  readonly random: SeededRandom
  /** Offset of its clock from true time, in milliseconds. */
  clockSkew: number
  killed = false
  /** The references that run an effect in this process. */
  readonly context: Context.Context<never>
  /** Fibers started by `run` that have not ended. */
  readonly fibers = new Set<Fiber.Fiber<unknown, unknown>>()

  constructor(runtime: SimulationRuntime, name: string, clockSkew = 0) {
    this.runtime = runtime
    this.name = name
    this.random = runtime.random.stream(name)
    this.clockSkew = clockSkew
    this.context = Context.make(Scheduler.Scheduler, this.scheduler).pipe(
      Context.add(Clock.Clock, this.clock),
      Context.add(Random.Random, this.random.stream("random")),
      Context.add(Entropy.RandomBytes, this.random.stream("secrets").bytes),
      Context.add(References.TracerEnabled, false),
      Context.add(References.CurrentLoggers, new Set([this.logger]))
    )
  }

  /** This process's wall clock, in milliseconds since the epoch. */
  get now(): number {
    return this.runtime.now + this.clockSkew
  }

  /** Forks an effect in this process. */
  run<A>(effect: Effect.Effect<A>): void {
    const fiber = Effect.runForkWith(this.context)(effect)
    this.fibers.add(fiber)
    fiber.addObserver((exit) => {
      this.fibers.delete(fiber)
      if (exit._tag === "Failure") this.runtime.record(`${this.name} failed`)
    })
  }

  /** Schedules a callback that is dropped when the process is killed; returns its cancellation. */
  schedule(millis: number, run: () => void): () => void {
    return this.runtime.schedule(millis, run, this)
  }

  /** `kill -9`. */
  kill(): void {
    this.killed = true
  }

  private get scheduler(): Scheduler.Scheduler {
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task) => this.runtime.enqueue(task, this),
      flush: () => undefined
    }
    return {
      executionMode: "async",
      shouldYield: (fiber) => fiber.currentOpCount >= 2048,
      makeDispatcher: () => dispatcher
    }
  }

  private get clock(): Clock.Clock {
    return {
      currentTimeMillisUnsafe: () => this.now,
      currentTimeMillis: Effect.sync(() => this.now),
      currentTimeNanosUnsafe: () => nanosOf(this.now),
      currentTimeNanos: Effect.sync(() => nanosOf(this.now)),
      // Clock jumps do not affect monotonic time.
      monotonicTimeNanosUnsafe: () => nanosOf(this.runtime.now),
      monotonicTimeNanos: Effect.sync(() => nanosOf(this.runtime.now)),
      sleep: (duration) => this.sleep(Duration.toMillis(duration))
    }
  }

  private sleep(millis: number): Effect.Effect<void> {
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback((resume) => {
      const cancel = this.schedule(millis, () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }

  /** Reports logged defects: a defect that the server caught and survived is still a violation (FLT25). */
  private get logger(): Logger.Logger<unknown, void> {
    return Logger.make(({ cause, logLevel, message }) => {
      const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
      if (logLevel === "Error" || logLevel === "Fatal") this.runtime.record(`${this.name} logged ${text}`)
      if (text.includes("defect")) {
        this.runtime.reportViolation("FLT25", `${this.name}: ${text} ${JSON.stringify(cause)}`)
      }
    })
  }
}
