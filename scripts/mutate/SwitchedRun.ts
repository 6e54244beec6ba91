/**
 * The fast way to kill mutants: all of them are in the code at once, behind switches, and each test file is loaded once
 * and run for every mutant that it reaches. The tests beside a file come first, then the fast ones.
 */
import { Clock, Console, Effect, Option } from "effect"
import { readFileSync, statSync, writeFileSync } from "node:fs"
import { type Mutant, switchMutants } from "./Mutants.ts"
import { makeWorker, pendingMutants, type RunOptions, startupMillis } from "./MutationRun.ts"
import { distance, type ReachRecord } from "./Reach.ts"
import { appendRecord, hashText, readLines, readRecords } from "./Records.ts"
import { journalFile, requestFile } from "./SwitchRunner.ts"

/** The mutants that one request tries: so many that it takes some minutes at most, if each runs all tests of a file. */
const requestMillis = 240_000

/** What the run of one test file noted. */
const readJournal = (folder: string) => {
  const lines = readLines(journalFile(folder)).map((line) => {
    const [event, ...numbers] = line.split(" ").filter((part) => part !== "")
    return { event, numbers: numbers.map(Number) }
  })
  const numbersOf = (name: string) => lines.filter(({ event }) => event === name).flatMap(({ numbers }) => numbers)
  const last = lines.at(-1)
  return {
    failed: numbersOf("failed"),
    endless: numbersOf("endless"),
    inTests: new Set(numbersOf("reached")),
    outside: new Set(numbersOf("outside")),
    millis: numbersOf("ran").reduce((sum, millis) => sum + millis, 0),
    /** The mutant that a test runs now. */
    tried: last?.event === "try" ? last.numbers[0] : undefined,
    /** How long nothing may be noted. */
    limit: last?.event === "try" ? last.numbers[1]! : 5 * startupMillis
  }
}

/** Waits until the process has noted nothing for longer than the test that it runs may take. */
const untilStuck = Effect.fnUntraced(function*(folder: string) {
  while (true) {
    yield* Effect.sleep(1_000)
    const { mtimeMs } = statSync(journalFile(folder))
    // The runner ends tests that wait; a second more is for those that compute.
    if ((yield* Clock.currentTimeMillis) - mtimeMs > readJournal(folder).limit + 1_000) return
  }
})

/** The sources with switches, and the mutants by their numbers. */
const makeSwitches = ({ drawn, sources }: RunOptions) => {
  const switched: Record<string, string> = {}
  const numbers = new Map<number, Mutant>()
  for (const [file, ofFile] of Map.groupBy(drawn, ({ file }) => file)) {
    switched[file] = switchMutants(file, sources.get(file)!, ofFile, numbers.size + 1)
    for (const mutant of ofFile) numbers.set(numbers.size + 1, mutant)
  }
  return { switched, numbers }
}

/** A process that runs a test file with any of the drawn mutants. */
const makeSwitchedTests = (options: RunOptions) => {
  const { folder, verdicts } = options
  const { numbers, switched } = makeSwitches(options)
  const numberOf = new Map([...numbers].map(([number, { id }]) => [id, number]))
  const idsOf = (some: Iterable<number>) => [...some].map((number) => numbers.get(number)!.id)
  const worker = makeWorker(options, "switches")

  /** Runs a test file with these mutants, again without each that ends the process; whether it passed without any. */
  const runFile = Effect.fnUntraced(function*(test: string, all: ReadonlyArray<Mutant>) {
    while (true) {
      const left = all.filter(({ id }) => verdicts.killed(id) === undefined)
      writeFileSync(journalFile(folder), "")
      writeFileSync(requestFile(folder), JSON.stringify(left.map(({ id }) => numberOf.get(id))))
      const answer = yield* worker.ask({ tests: [test], mutated: undefined, switched }, untilStuck(folder))
      const journal = readJournal(folder)
      for (const id of idsOf(journal.failed)) verdicts.add(id, test, "failed")
      for (const id of idsOf(journal.endless)) verdicts.add(id, test, "endless")
      if (Option.isNone(answer) && journal.tried !== undefined) {
        verdicts.add(numbers.get(journal.tried)!.id, test, "endless")
        continue
      }
      const ok = Option.isSome(answer) && answer.value.every((result) => result.ok)
      for (const { id } of ok ? left : []) {
        const number = numberOf.get(id)!
        const isTried = journal.inTests.has(number) && !journal.outside.has(number)
        if (isTried && verdicts.killed(id) === undefined) verdicts.add(id, test, "passed")
      }
      yield* Console.log(`${test}: ${left.length} mutants, ${pendingMutants(options).length} left`)
      return { ok, journal }
    }
  })

  return { runFile, idsOf, stop: worker.stop }
}

/** Kills what the tests kill, and returns what each test reaches; mutants that run when modules load are left. */
export const runSwitched = Effect.fnUntraced(function*(tests: ReadonlyArray<string>, options: RunOptions) {
  const { deadline, drawn, folder, verdicts } = options
  const { idsOf, runFile, stop } = makeSwitchedTests(options)
  const reachFile = `${folder}/reach.jsonl`
  const recorded = new Map(readRecords<ReachRecord>(reachFile).map((record) => [record.test, record]))
  const allIds = drawn.map(({ id }) => id).join("\n")
  const hashes = new Map(tests.map((test) => [test, hashText(`${readFileSync(test, "utf8")}\n${allIds}`)]))
  const reach = new Map([...recorded].filter(([test, { hash }]) => hashes.get(test) === hash))

  /** Runs a test file with mutants, and records what it reaches if that is not known. */
  const visit = Effect.fnUntraced(function*(test: string, some: ReadonlyArray<Mutant>) {
    const { journal, ok } = yield* runFile(test, some)
    if (reach.has(test)) return
    const record: ReachRecord = {
      test,
      hash: hashes.get(test)!,
      ok: ok || (some.length > 0 && (yield* runFile(test, [])).ok),
      millis: journal.millis,
      inTests: idsOf(journal.inTests),
      outside: idsOf(journal.outside)
    }
    if (!record.ok) yield* Console.error(`${test} fails without a mutant, and is left out`)
    appendRecord(reachFile, record)
    reach.set(test, record)
  })
  const isTimeLeft = Effect.map(Clock.currentTimeMillis, (now) => now < deadline)
  const millisOf = (test: string) => recorded.get(test)?.millis ?? 0

  // What a file's own test kills is killed at once.
  for (const test of tests) {
    const own = pendingMutants(options).filter((mutant) =>
      distance(mutant, test) === 0 && !verdicts.hasPassed(mutant.id, test)
    )
    if (own.length > 0 && (yield* isTimeLeft)) yield* visit(test, own)
  }
  for (const test of tests.toSorted((a, b) => millisOf(a) - millisOf(b))) {
    const size = Math.ceil(requestMillis / (millisOf(test) + 1))
    const tried = new Set<string>()
    while (pendingMutants(options).length > 0 && (yield* isTimeLeft)) {
      const record = reach.get(test)
      const left = pendingMutants(options).filter(({ id }) =>
        !tried.has(id) && !verdicts.hasPassed(id, test) &&
        (record === undefined || record.ok && record.inTests.includes(id) && !record.outside.includes(id))
      ).slice(0, size)
      if (record !== undefined && left.length === 0) break
      for (const { id } of left) tried.add(id)
      yield* visit(test, left)
    }
  }
  yield* stop
  return [...reach.values()]
})
