/**
 * Mutates `src/domain` and `src/client`: changes one place at a time and runs the tests that reach it. A mutant that no
 * test notices is either equivalent, with a proof in `scripts/mutate/equivalents.json`, or a gap of the tests.
 *
 * The mutants are drawn by a seed. Results are kept, so that a run that was stopped goes on where it was, and a mutant
 * that survived is tried again only by tests that changed since.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Clock, Console, Effect } from "effect"
import { globSync, mkdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import equivalents from "./mutate/equivalents.json" with { type: "json" }
import { drawMutants, type Mutant } from "./mutate/Mutants.ts"
import { serveRequests, type WorkerMode } from "./mutate/MutantWorker.ts"
import { pendingMutants, pendingTests, runMutants, type RunOptions } from "./mutate/MutationRun.ts"
import { runSwitched } from "./mutate/SwitchedRun.ts"
import { openVerdicts } from "./mutate/Verdicts.ts"
import { parseInteger, parseOptions } from "./ScriptOptions.ts"

/** The seed of the published run. */
const publishedSeed = 20261127
const usage = `Changes one place of src/domain and src/client at a time, and runs the tests that reach it.

Usage: npm run mutate -- [options]
  --seed N       draws the mutants (default ${publishedSeed})
  --count N      number of mutants (default 600)
  --minutes N    stops after so long; the next run goes on (default 60)
  --only TEXT    only mutants of files whose path contains TEXT
  --tests TEXT   only test files whose path contains TEXT; survivors of these stay undecided
  --list         prints the mutants without running them
  --folder DIR   where results are kept (default .mutate)
  --help         print this text`

const options = parseOptions(() => {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: `${publishedSeed}` },
      count: { type: "string", default: "600" },
      minutes: { type: "string", default: "60" },
      only: { type: "string", default: "" },
      tests: { type: "string", default: "" },
      folder: { type: "string", default: ".mutate" },
      list: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      // Runs this script as a process that serves requests.
      worker: { type: "string" }
    }
  })
  return {
    ...values,
    seed: parseInteger("seed", values.seed),
    count: parseInteger("count", values.count),
    minutes: parseInteger("minutes", values.minutes)
  }
})

const mutableFiles = globSync("src/{domain,client}/**/*.ts").sort()

const unitTests = globSync("test/**/*.test.ts").filter((file) => !/^test\/(e2e|simulation)/.test(file)).sort()
/** The tests beside the mutated code come first; all others meet only mutants that survived them. */
const nearTests = unitTests.filter((file) => /^test\/(domain|client)\//.test(file))

/** The mutants that are proven to change nothing: a sentence each, by the mutant's id. */
const proofs: Readonly<Record<string, string>> = equivalents

const main = Effect.gen(function*() {
  const sources = new Map(mutableFiles.map((file) => [file, readFileSync(file, "utf8")]))
  const drawn = drawMutants(sources, options.seed, options.count)
  const ids = new Set(drawn.map(({ id }) => id))
  const stale = options.seed === publishedSeed ? Object.keys(proofs).filter((id) => !ids.has(id)) : []
  for (const id of stale) yield* Console.error(`equivalents.json has a proof for no drawn mutant: ${id}`)
  if (options.list) {
    for (const { id } of drawn) yield* Console.log(id)
    return stale.length
  }
  mkdirSync(options.folder, { recursive: true })
  const run: RunOptions = {
    folder: options.folder,
    deadline: (yield* Clock.currentTimeMillis) + options.minutes * 60_000,
    script: fileURLToPath(import.meta.url),
    drawn,
    isWanted: ({ file, id }) => file.includes(options.only) && !Object.hasOwn(proofs, id),
    sources,
    verdicts: openVerdicts(options.folder)
  }
  let undecided: ReadonlyArray<Mutant> = []
  for (const tests of [nearTests, unitTests]) {
    if (pendingMutants(run).length === 0) break
    const reach = yield* runSwitched(tests.filter((test) => test.includes(options.tests)), run)
    yield* runMutants(reach, run)
    undecided = pendingMutants(run).filter((mutant) =>
      reach.length < tests.length || pendingTests(mutant, reach, run).length > 0
    )
    if (undecided.length > 0) break
  }
  const alive = pendingMutants(run)
  for (const mutant of alive) {
    yield* Console.log(`${undecided.includes(mutant) ? "undecided" : "survived"}: ${mutant.id}`)
  }
  const wanted = drawn.filter(run.isWanted)
  const endless = wanted.filter(({ id }) => run.verdicts.killed(id)?.result === "endless")
  yield* Console.log(
    `seed ${options.seed}: ${drawn.length} mutants drawn, ${wanted.length - alive.length} killed ` +
      `(${endless.length} by an endless test), ${alive.length - undecided.length} survived, ` +
      `${drawn.filter(({ id }) => Object.hasOwn(proofs, id)).length} equivalent, ${undecided.length} undecided`
  )
  return stale.length
})

const program = options.help
  ? Effect.as(Console.log(usage), 0)
  : options.worker === undefined
  ? main
  : serveRequests(options.worker as WorkerMode)
NodeRuntime.runMain(Effect.map(program, (failures) => {
  process.exitCode = failures === 0 ? 0 : 1
}))
