/**
 * A runner of Vitest that runs each test once without a mutant and then once for every mutant of the request whose code
 * that test runs, in one process: modules are loaded once, and each mutant is active for the length of a test. What
 * runs when a module or a test file is loaded, or in a hook, is not mutated: such mutants have processes of their own.
 */
import { Duration, Effect, Exit, Option } from "effect"
import { appendFileSync, readFileSync } from "node:fs"
import { env } from "node:process"
import { type RunnerTestCase, TestRunner } from "vitest"

/** Where the request is: the numbers of the mutants to run. */
export const requestFile = (folder: string): string => `${folder}/switch-request.json`
/**
 * Where the events of a run are noted, a line each: `ran MILLIS` for a test without a mutant, `reached N..` and
 * `outside N..` for what ran in tests and besides, `try N MILLIS` with the time it may take, `failed N`, `endless N`.
 * The notes survive the end of the process.
 */
export const journalFile = (folder: string): string => `${folder}/switch-journal.txt`

/** How many times its usual duration a test may take, on a machine that does other things too, and how long at least. */
const slownessMax = 20
const minLimit = 20_000

let activeMutant = 0
const reached = new Set<number>()
Object.assign(globalThis, {
  isMutantActive: (mutant: number) => {
    reached.add(mutant)
    return mutant === activeMutant
  }
})

/** Runs every test with each mutant that is still alive. */
export default class SwitchRunner extends TestRunner {
  private readonly folder = env["CHOIR_MUTATE_FOLDER"] ?? ".mutate"
  private readonly alive = new Set(JSON.parse(readFileSync(requestFile(this.folder), "utf8")) as ReadonlyArray<number>)

  private note(event: string, ...numbers: ReadonlyArray<number>): void {
    appendFileSync(journalFile(this.folder), `${event} ${numbers.join(" ")}\n`)
  }

  runTask(test: RunnerTestCase): Promise<void> {
    const run = Effect.promise(() => Promise.resolve(TestRunner.getTestFn(test)()))
    return Effect.runPromise(Effect.gen({ self: this }, function*() {
      this.note("outside", ...reached)
      reached.clear()
      const [duration] = yield* Effect.timed(run)
      const millis = Math.ceil(Duration.toMillis(duration))
      const inTest = [...reached]
      this.note("reached", ...inTest)
      this.note("ran", millis)
      const limit = minLimit + slownessMax * millis
      for (const mutant of inTest) if (this.alive.has(mutant)) yield* this.runWith(mutant, run, limit)
      reached.clear()
    }))
  }

  private runWith(mutant: number, run: Effect.Effect<void>, limit: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.note("try", mutant, limit)
      reached.clear()
      activeMutant = mutant
      const exit = yield* Effect.exit(Effect.timeoutOption(run, limit))
      activeMutant = 0
      if (Exit.isSuccess(exit) && Option.isSome(exit.value)) {
        // A value that was kept from an earlier run hides the mutant.
        if (!reached.has(mutant)) this.note("outside", mutant)
        return
      }
      // A mutant that has left something broken would kill those after it: then the test fails, and they are not noted.
      yield* run
      this.note(Exit.isSuccess(exit) ? "endless" : "failed", mutant)
      this.alive.delete(mutant)
    })
  }
}
