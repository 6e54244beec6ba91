/**
 * Runs mutants one after another, each in modules of its own, until all are decided or time is up.
 *
 * A mutant is killed when a test that reaches it fails, does not end, or takes the process down. What was decided is
 * kept: a killed mutant is not run again, a surviving one only by tests that are new or have changed since.
 */
import { Clock, Console, Effect, Option } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import process from "node:process"
import { applyReplacement, type Mutant } from "./Mutants.ts"
import type { TestRequest, TestResult, WorkerMessage, WorkerMode } from "./MutantWorker.ts"
import { distance, type ReachRecord } from "./Reach.ts"
import type { Verdicts } from "./Verdicts.ts"

/** What a run needs to know. */
export interface RunOptions {
  /** Where records are kept. */
  readonly folder: string
  /** When to stop, in milliseconds since 1970. */
  readonly deadline: number
  /** The script that serves requests when it is started with `--worker`. */
  readonly script: string
  readonly drawn: ReadonlyArray<Mutant>
  /** Whether a drawn mutant is to be run. */
  readonly isWanted: (mutant: Mutant) => boolean
  /** The text of each file. */
  readonly sources: ReadonlyMap<string, string>
  readonly verdicts: Verdicts
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
  /** The results; none when the process ended, or had to be ended because it was stuck. */
  const ask = Effect.fnUntraced(function*(request: TestRequest, untilStuck: Effect.Effect<void>) {
    if (child === undefined) {
      child = fork(script, ["--worker", mode], { stdio: ["ignore", "ignore", "ignore", "ipc"], env })
      yield* nextMessage(child)
    }
    child.send(request)
    const results = yield* Effect.raceFirst(nextMessage(child), Effect.as(untilStuck, Option.none()))
    if (Option.isNone(results)) yield* stop
    return Option.map(results, (message) => message as ReadonlyArray<TestResult>)
  })
  return { ask, stop }
}

/** How many times its usual duration a test file may take, on a machine that does other things too. */
const slownessMax = 20
/** The time that a worker has for a request besides its tests. */
export const startupMillis = 120_000

/** The mutants that are to be run and that no test has killed so far. */
export const pendingMutants = ({ drawn, isWanted, verdicts }: RunOptions): ReadonlyArray<Mutant> =>
  drawn.filter((mutant) => isWanted(mutant) && verdicts.killed(mutant.id) === undefined)

/** The tests that a mutant has not passed yet, near ones first, then the fast ones. */
export const pendingTests = (
  mutant: Mutant,
  reach: ReadonlyArray<ReachRecord>,
  { verdicts }: RunOptions
): ReadonlyArray<ReachRecord> =>
  reach.filter(({ inTests, ok, outside, test }) =>
    ok && (inTests.includes(mutant.id) || outside.includes(mutant.id)) && !verdicts.hasPassed(mutant.id, test)
  )
    .map((record) => ({ record, far: distance(mutant, record.test) }))
    .sort((a, b) => a.far - b.far || a.record.millis - b.record.millis)
    .map(({ record }) => record)

/** Runs what is left: mutants whose code runs when modules are loaded, and tests that cannot be run twice. */
export const runMutants = Effect.fnUntraced(function*(reach: ReadonlyArray<ReachRecord>, options: RunOptions) {
  const { deadline, sources, verdicts } = options
  const worker = makeWorker(options, "tests")
  for (const mutant of pendingMutants(options)) {
    const left = pendingTests(mutant, reach, options)
    if (left.length === 0) continue
    if ((yield* Clock.currentTimeMillis) > deadline) break
    const source = applyReplacement(sources.get(mutant.file)!, mutant)
    const request = { tests: left.map(({ test }) => test), mutated: { file: mutant.file, source } }
    const millis = left.reduce((sum, record) => sum + record.millis, 0)
    const results = yield* worker.ask(request, Effect.sleep(startupMillis + slownessMax * millis))
    if (Option.isNone(results)) verdicts.add(mutant.id, left[0]!.test, "endless")
    else {
      const failed = results.value.find(({ ok }) => !ok)
      if (failed === undefined) { for (const { test } of left) verdicts.add(mutant.id, test, "passed") }
      else verdicts.add(mutant.id, failed.test, "failed")
    }
    const killed = verdicts.killed(mutant.id)
    yield* Console.log(killed === undefined ? `survived ${mutant.id}` : `killed ${mutant.id} (${killed.test})`)
  }
  yield* worker.stop
})
