/**
 * A runner of Vitest that runs each test once for every mutant of the request, in one process: modules are loaded once,
 * and each mutant is switched on for the length of a test. What runs when a module or a test file is loaded is not
 * mutated; mutants that survive here are run again in processes of their own.
 */
import { Effect, Exit } from "effect"
import { appendFileSync, readFileSync } from "node:fs"
import { env } from "node:process"
import { type RunnerTestCase, TestRunner } from "vitest"

/** Where the request is, and where the events of a run are noted, one a line: `try N`, `killed N`. */
export const requestFile = (folder: string): string => `${folder}/switch-request.json`
/** The notes of a run survive the end of its process. */
export const journalFile = (folder: string): string => `${folder}/switch-journal.txt`

const switches = globalThis as { activeMutant?: number }

/** Runs every test with each mutant that is still alive. */
export default class SwitchRunner extends TestRunner {
  private readonly folder = env["CHOIR_MUTATE_FOLDER"] ?? ".mutate"
  private readonly alive = new Set(JSON.parse(readFileSync(requestFile(this.folder), "utf8")) as ReadonlyArray<number>)

  private note(event: string, mutant: number): void {
    appendFileSync(journalFile(this.folder), `${event} ${mutant}\n`)
  }

  runTask(test: RunnerTestCase): Promise<void> {
    const run = Effect.promise(() => Promise.resolve(TestRunner.getTestFn(test)()))
    return Effect.runPromise(
      Effect.andThen(run, Effect.forEach(this.alive, (mutant) => this.runWith(mutant, run), { discard: true }))
    )
  }

  private runWith(mutant: number, run: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      this.note("try", mutant)
      switches.activeMutant = mutant
      const exit = yield* Effect.exit(run)
      switches.activeMutant = 0
      if (Exit.isSuccess(exit)) return
      // A mutant that has left something broken would kill those after it: then the test fails, and they are not noted.
      yield* run
      this.note("killed", mutant)
      this.alive.delete(mutant)
    })
  }
}
