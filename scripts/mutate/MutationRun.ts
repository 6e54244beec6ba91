/**
 * Runs mutants one after another until all are decided or time is up.
 *
 * A mutant is killed when a test that reaches it fails, does not end, or takes the process down. What was decided is
 * kept: a killed mutant is not run again, a surviving one only by tests that are new or have changed since.
 */
import { Clock, Console, Effect, Option } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import process from "node:process"
import { applyReplacement, type Mutant } from "./Mutants.ts"
import type { TestRequest, TestResult, WorkerMessage, WorkerMode } from "./MutantWorker.ts"
import { reachingTests, type ReachRecord } from "./Reach.ts"
import { appendRecord, hashFile, readRecords } from "./Records.ts"

/** What became of a mutant. */
export interface Outcome {
  readonly id: string
  readonly outcome: "killed" | "survived"
  /** The test file that failed; how the process ended otherwise; empty for a survivor. */
  readonly by: string
  /** The tests that passed, as `file@hash`. */
  readonly passed: ReadonlyArray<string>
}

/** Files and limits of a run. */
export interface RunOptions {
  /** Where records are kept. */
  readonly folder: string
  /** When to stop, in milliseconds since 1970. */
  readonly deadline: number
  /** The script that serves requests when it is started with `--worker`. */
  readonly script: string
}

const nextMessage = (child: ChildProcess) =>
  Effect.callback<Option.Option<WorkerMessage>>((resume) => {
    const settle = (message: Effect.Effect<Option.Option<WorkerMessage>>) => {
      child.off("message", onMessage).off("exit", onExit)
      resume(message)
    }
    const onMessage = (message: WorkerMessage) => settle(Effect.succeedSome(message))
    const onExit = () => settle(Effect.succeedNone)
    child.on("message", onMessage).on("exit", onExit)
    return Effect.sync(() => child.off("message", onMessage).off("exit", onExit))
  })

/** A worker process that is started when it is needed, and again after it ended. */
export const makeWorker = ({ folder, script }: RunOptions, mode: WorkerMode) => {
  let child: ChildProcess | undefined
  // The same properties are drawn each time, so that a run can be repeated.
  const env = { ...process.env, CHOIR_MUTATE_FOLDER: folder, CHOIR_TEST_SEED: "1" }
  const stop = Effect.sync(() => {
    child?.kill("SIGKILL")
    child = undefined
  })
  /** The results; none when the process ended or did not answer in time. */
  const ask = Effect.fnUntraced(function*(request: TestRequest, timeoutMillis: number) {
    if (child === undefined) {
      child = fork(script, ["--worker", mode], { stdio: ["ignore", "ignore", "ignore", "ipc"], env })
      yield* nextMessage(child)
    }
    child.send(request)
    const answer = yield* Effect.timeoutOption(nextMessage(child), timeoutMillis)
    const results = Option.flatten(answer)
    if (Option.isNone(results)) yield* stop
    return Option.map(results, (message) => message as ReadonlyArray<TestResult>)
  })
  return { ask, stop }
}

/** How many times its usual duration a test may take, on a machine that does other things too. */
export const slownessMax = 10
/** The time that a worker has for a request besides its tests. */
export const startupMillis = 120_000

/** Records what each test file reaches, unless it is known. */
export const recordReach = Effect.fnUntraced(function*(tests: ReadonlyArray<string>, options: RunOptions) {
  const file = `${options.folder}/reach.jsonl`
  const known = readRecords<ReachRecord>(file, ({ test }) => test)
  const worker = makeWorker(options, "points")
  for (const test of tests) {
    if (known.get(test)?.hash === hashFile(test)) continue
    if ((yield* Clock.currentTimeMillis) > options.deadline) break
    const results = yield* worker.ask({ tests: [test], mutated: undefined }, 10 * startupMillis)
    const { millis, ok, points } = Option.getOrUndefined(results)?.[0] ?? { millis: 0, ok: false, points: [] }
    const record: ReachRecord = { test, hash: hashFile(test), ok, millis, points }
    if (!ok) yield* Console.error(`${test} fails without a mutant, and is left out`)
    appendRecord(file, record)
    known.set(test, record)
  }
  yield* worker.stop
  return tests.flatMap((test) => known.get(test) ?? [])
})

/** Where outcomes are kept. */
export const outcomesFile = ({ folder }: RunOptions) => `${folder}/outcomes.jsonl`

/** The outcomes so far, by the mutant's id. */
export const readKnown = (options: RunOptions) => readRecords<Outcome>(outcomesFile(options), ({ id }) => id)

/** The outcomes of the mutants that were run. */
export const readOutcomes = (mutants: ReadonlyArray<Mutant>, options: RunOptions): ReadonlyArray<Outcome> => {
  const known = readKnown(options)
  return mutants.flatMap(({ id }) => known.get(id) ?? [])
}

const keyOf = ({ hash, test }: ReachRecord) => `${test}@${hash}`

/** Runs the mutants that are not decided. */
export const runMutants = Effect.fnUntraced(function*(
  mutants: ReadonlyArray<Mutant>,
  sources: ReadonlyMap<string, string>,
  reach: ReadonlyArray<ReachRecord>,
  options: RunOptions
) {
  const known = readKnown(options)
  const worker = makeWorker(options, "tests")
  for (const mutant of mutants) {
    const before = known.get(mutant.id)
    if (before?.outcome === "killed") continue
    const passed = new Set(before?.passed)
    const tests = reachingTests(mutant, reach)
    const left = tests.filter((record) => !passed.has(keyOf(record)))
    if (before !== undefined && left.length === 0) continue
    if ((yield* Clock.currentTimeMillis) > options.deadline) break
    const source = applyReplacement(sources.get(mutant.file)!, mutant)
    const request = { tests: left.map(({ test }) => test), mutated: { file: mutant.file, source } }
    const millis = left.reduce((sum, record) => sum + record.millis, 0)
    const results = yield* worker.ask(request, startupMillis + slownessMax * millis)
    const failed = Option.match(results, {
      onNone: () => "the process was ended",
      onSome: (all) => all.find(({ ok }) => !ok)?.test ?? ""
    })
    const outcome: Outcome = failed === ""
      ? { id: mutant.id, outcome: "survived", by: "", passed: tests.map(keyOf) }
      : { id: mutant.id, outcome: "killed", by: failed, passed: [] }
    appendRecord(outcomesFile(options), outcome)
    known.set(mutant.id, outcome)
    yield* Console.log(`${outcome.outcome} ${mutant.id}${failed === "" ? "" : ` (${failed})`}`)
  }
  yield* worker.stop
})
