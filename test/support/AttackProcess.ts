/** Runs an attack in a process of its own, so that it shares no event loop with the test that measures its effect. */
import { Effect, Queue, type Scope } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** Number of loopback addresses from which signatures are forged. */
export const attackAddresses = 100

/** The progress of an attack. */
export type AttackEvent =
  /** All connections are open. */
  | { readonly at: "peak"; readonly count: number }
  /** The attack is over: connections or requests by their end, and its start and end in milliseconds since the epoch. */
  | { readonly at: "end"; readonly ends: Readonly<Record<string, number>>; readonly from: number; readonly to: number }

/** A running attack. */
export interface Attack {
  readonly peak: Effect.Effect<AttackEvent & { readonly at: "peak" }>
  readonly outcome: Effect.Effect<AttackEvent & { readonly at: "end" }>
}

/** Starts an attack of `AttackerMain.ts`; it is killed with the scope. */
export const startAttack = (...args: ReadonlyArray<string>): Effect.Effect<Attack, never, Scope.Scope> =>
  Effect.gen(function*() {
    const peaks = yield* Queue.unbounded<AttackEvent & { readonly at: "peak" }>()
    const outcomes = yield* Queue.unbounded<AttackEvent & { readonly at: "end" }>()
    const program = fileURLToPath(new URL("AttackerMain.ts", import.meta.url))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    createInterface(child.stdout).on("line", (line) => {
      const event = JSON.parse(line) as AttackEvent
      if (event.at === "peak") Queue.offerUnsafe(peaks, event)
      else Queue.offerUnsafe(outcomes, event)
    })
    return { peak: Queue.take(peaks), outcome: Queue.take(outcomes) }
  })
