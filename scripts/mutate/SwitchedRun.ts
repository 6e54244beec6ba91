/**
 * The fast way to kill mutants: all of them are in the code at once, behind switches, and each test file is loaded once
 * and run for every mutant that it reaches. Near tests come first, and fast ones before slow ones.
 */
import { Clock, Console, Effect, Option } from "effect"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { type Mutant, switchMutants } from "./Mutants.ts"
import { makeWorker, outcomesFile, readKnown, type RunOptions, slownessMax, startupMillis } from "./MutationRun.ts"
import { distance, reachingTests, type ReachRecord } from "./Reach.ts"
import { appendRecord } from "./Records.ts"
import { journalFile, requestFile } from "./SwitchRunner.ts"

/** What the run of one test file noted: the mutants that it killed, and the one that it did not survive. */
const readJournal = (folder: string, ended: boolean) => {
  const file = journalFile(folder)
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : []
  const killed = lines.flatMap((line) => line.startsWith("killed ") ? [Number(line.slice(7))] : [])
  const last = lines.at(-1)
  return { killed, fatal: ended && last?.startsWith("try ") === true ? Number(last.slice(4)) : undefined }
}

/** The sources with switches, and the mutants by their numbers; a file whose switches have a syntax error is left out. */
const makeSwitches = (mutants: ReadonlyArray<Mutant>, sources: ReadonlyMap<string, string>) => {
  const switched: Record<string, string> = {}
  const numbers = new Map<number, Mutant>()
  for (const [file, ofFile] of Map.groupBy(mutants, ({ file }) => file)) {
    const first = numbers.size + 1
    const source = switchMutants(file, sources.get(file)!, ofFile, first)
    if (source === undefined) continue
    switched[file] = source
    for (const [index, mutant] of ofFile.entries()) numbers.set(first + index, mutant)
  }
  return { switched, numbers }
}

/** Kills what the near tests kill; survivors are left to `runMutants`. */
export const runSwitched = Effect.fnUntraced(function*(
  mutants: ReadonlyArray<Mutant>,
  sources: ReadonlyMap<string, string>,
  reach: ReadonlyArray<ReachRecord>,
  options: RunOptions
) {
  const known = readKnown(options)
  const { numbers, switched } = makeSwitches(mutants.filter(({ id }) => !known.has(id)), sources)
  const alive = new Set(numbers.keys())
  const tests = new Map([...numbers].map(([number, mutant]) => [number, reachingTests(mutant, reach)]))
  const worker = makeWorker(options, "switches")
  const kill = (number: number, by: string) => {
    alive.delete(number)
    appendRecord(outcomesFile(options), { id: numbers.get(number)!.id, outcome: "killed", by, passed: [] })
  }
  for (const far of [0, 1, 2, 3]) {
    for (const record of reach.toSorted((a, b) => a.millis - b.millis)) {
      let left = [...alive].filter((number) =>
        distance(numbers.get(number)!, record.test) === far && tests.get(number)?.includes(record) === true
      )
      while (left.length > 0) {
        if ((yield* Clock.currentTimeMillis) > options.deadline) return yield* worker.stop
        rmSync(journalFile(options.folder), { force: true })
        writeFileSync(requestFile(options.folder), JSON.stringify(left))
        const timeout = startupMillis + slownessMax * record.millis * left.length
        const answer = yield* worker.ask({ tests: [record.test], mutated: undefined, switched }, timeout)
        const { fatal, killed } = readJournal(options.folder, Option.isNone(answer))
        for (const number of killed) kill(number, record.test)
        if (fatal !== undefined) kill(fatal, "the process was ended")
        yield* Console.log(`${record.test}: ${left.length} mutants, ${killed.length} killed, ${alive.size} left`)
        left = fatal === undefined ? [] : left.filter((number) => alive.has(number))
      }
    }
  }
  yield* worker.stop
})
