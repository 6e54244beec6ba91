/** Attackers who share neither a process nor an event loop with whoever measures what they do. */
import { Effect, Queue, type Scope } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** What attackers tell. */
export type AttackEvent =
  /** As many as there will be are connected. */
  | { readonly at: "peak"; readonly count: number }
  /** All is over: how often a connection ended how; when it began and ended, in milliseconds. */
  | { readonly at: "end"; readonly ends: Readonly<Record<string, number>>; readonly from: number; readonly to: number }

export interface Attack {
  readonly peak: Effect.Effect<AttackEvent & { readonly at: "peak" }>
  readonly outcome: Effect.Effect<AttackEvent & { readonly at: "end" }>
}

/** Begins an attack (`Attacker.ts`); it stops with the scope. */
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
