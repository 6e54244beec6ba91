/**
 * A process of the simulated world, as Effect's runtime sees it: a scheduler
 * and a clock of its own.
 *
 * A killed process never runs again, not even its finalizers: that is
 * `kill -9`, which no interruption of fibers can be, and why this is not `TestClock`.
 */
import { Clock, Context, Duration, Effect, type Fiber, Logger, Random, References, Scheduler } from "effect"
import * as Entropy from "../../src/layers/Entropy.ts"
import type { Dice } from "./Dice.ts"
import type { World } from "./World.ts"

const nanos = (millis: number): bigint => BigInt(Math.round(millis)) * 1_000_000n

export class Process {
  readonly name: string
  readonly world: World
  readonly dice: Dice
  /** How far its clock is off, in milliseconds. */
  skew: number
  dead = false
  /** What Effect's runtime needs to live in this process. */
  readonly context: Context.Context<never>
  /** Fibers that `run` started and that have not ended. */
  readonly fibers = new Set<Fiber.Fiber<unknown, unknown>>()

  constructor(world: World, name: string, skew = 0) {
    this.world = world
    this.name = name
    this.dice = world.dice.stream(name)
    this.skew = skew
    this.context = Context.make(Scheduler.Scheduler, this.scheduler).pipe(
      Context.add(Clock.Clock, this.clock),
      Context.add(Random.Random, this.dice.stream("random")),
      Context.add(Entropy.Bytes, this.dice.stream("secrets").bytes),
      Context.add(References.TracerEnabled, false),
      Context.add(References.CurrentLoggers, new Set([this.logger]))
    )
  }

  get now(): number {
    return this.world.now + this.skew
  }

  run<A>(effect: Effect.Effect<A>): void {
    const fiber = Effect.runForkWith(this.context)(effect)
    this.fibers.add(fiber)
    fiber.addObserver((exit) => {
      this.fibers.delete(fiber)
      if (exit._tag === "Failure") this.world.note(`${this.name} failed`)
    })
  }

  after(millis: number, run: () => void): () => void {
    return this.world.after(millis, run, this)
  }

  kill(): void {
    this.dead = true
  }

  private get scheduler(): Scheduler.Scheduler {
    const dispatcher: Scheduler.SchedulerDispatcher = {
      scheduleTask: (task) => this.world.soon(task, this),
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
      currentTimeNanosUnsafe: () => nanos(this.now),
      currentTimeNanos: Effect.sync(() => nanos(this.now)),
      // Jumps of the clock do not touch it.
      monotonicTimeNanosUnsafe: () => nanos(this.world.now),
      monotonicTimeNanos: Effect.sync(() => nanos(this.world.now)),
      sleep: (duration) => this.sleep(Duration.toMillis(duration))
    }
  }

  private sleep(millis: number): Effect.Effect<void> {
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback((resume) => {
      const cancel = this.after(millis, () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }

  /** A defect that the server caught is still one. */
  private get logger(): Logger.Logger<unknown, void> {
    return Logger.make(({ cause, logLevel, message }) => {
      const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
      if (logLevel === "Error" || logLevel === "Fatal") this.world.note(`${this.name} logged ${text}`)
      if (text.includes("defect")) this.world.violate("FLT25", `${this.name}: ${text} ${JSON.stringify(cause)}`)
    })
  }
}
