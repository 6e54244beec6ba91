/** Attackers who share neither a process nor an event loop with whoever measures what they do. */
import { Effect, Queue, type Scope } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

/** What attackers tell. */
export type Said =
  /** As many as there will be are connected. */
  | { readonly at: "height"; readonly count: number }
  /** All is over: how often a connection ended how; when it began and ended, in milliseconds. */
  | { readonly at: "end"; readonly ends: Readonly<Record<string, number>>; readonly from: number; readonly to: number }

export interface Attack {
  readonly height: Effect.Effect<Said & { readonly at: "height" }>
  readonly end: Effect.Effect<Said & { readonly at: "end" }>
}

/** Begins an attack (`Attacker.ts`); it stops with the scope. */
export const begin = (...args: ReadonlyArray<string>): Effect.Effect<Attack, never, Scope.Scope> =>
  Effect.gen(function*() {
    const heights = yield* Queue.unbounded<Said & { readonly at: "height" }>()
    const ends = yield* Queue.unbounded<Said & { readonly at: "end" }>()
    const program = fileURLToPath(new URL("Attacker.ts", import.meta.url))
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    createInterface(child.stdout).on("line", (line) => {
      const said = JSON.parse(line) as Said
      if (said.at === "height") Queue.offerUnsafe(heights, said)
      else Queue.offerUnsafe(ends, said)
    })
    return { height: Queue.take(heights), end: Queue.take(ends) }
  })
