/**
 * Runs test files against one mutant at a time, in a process of its own that the parent kills when a mutant never ends.
 *
 * Vitest stays warm: a mutant is a module that its server transforms anew, everything else is cached. Each request has
 * a new thread, so that code that runs when a module is loaded is mutated too; its test files share the modules.
 */
import { Effect } from "effect"
import { join, relative } from "node:path"
import process from "node:process"
import { createVitest, type TestSpecification, type Vitest } from "vitest/node"

/** What the parent asks for: the test files in this order, until one fails. */
export interface TestRequest {
  readonly tests: ReadonlyArray<string>
  /** The file that is replaced, and its text; undefined runs the code as it is. */
  readonly mutated: { readonly file: string; readonly source: string } | undefined
  /** The sources with switches, by file; set once, by the first request of a process. */
  readonly switched?: Readonly<Record<string, string>>
}

/** The result of one test file. */
export interface TestResult {
  readonly test: string
  readonly ok: boolean
}

/** A worker tells `ready` once, then the results of each request. */
export type WorkerMessage = "ready" | ReadonlyArray<TestResult>

const root = process.cwd()

/** The order of the request is the order of the run. */
class RequestedOrder {
  sort(specifications: Array<TestSpecification>) {
    return Promise.resolve(specifications)
  }
  shard(specifications: Array<TestSpecification>) {
    return Promise.resolve(specifications)
  }
}

/** What a worker is for: running tests, or running each of them for all mutants that are behind switches. */
export type WorkerMode = "tests" | "switches"

/** Ends only tests that hang: those behind switches have closer limits. */
const testTimeoutMillis = 600_000

let mutated: TestRequest["mutated"]
let switched: TestRequest["switched"]

/** Starts Vitest; with switches a failure stops nothing. */
const start = (mode: WorkerMode): Effect.Effect<Vitest> =>
  Effect.promise(() =>
    createVitest("test", {
      config: false,
      root,
      watch: false,
      // Its key does not know of mutants.
      fsModuleCache: false,
      include: ["test/**/*.test.ts"],
      setupFiles: ["scripts/mutate/NoShrinking.ts"],
      ...mode === "switches" ? { runner: "scripts/mutate/SwitchRunner.ts" } : undefined,
      pool: "threads",
      isolate: false,
      maxWorkers: 1,
      bail: mode === "tests" ? 1 : 0,
      testTimeout: testTimeoutMillis,
      hookTimeout: testTimeoutMillis,
      reporters: [{}],
      sequence: { sequencer: RequestedOrder }
    }, {
      server: { watch: null },
      plugins: [{
        name: "mutate",
        enforce: "pre",
        transform: (_code, id) => {
          const file = relative(root, id)
          return mutated?.file === file ? mutated.source : switched?.[file]
        }
      }]
    })
  )

const runTests = Effect.fnUntraced(function*(vitest: Vitest, request: TestRequest) {
  const changed = [mutated?.file, request.mutated?.file].filter((file) => file !== undefined)
  mutated = request.mutated
  switched ??= request.switched
  for (const file of changed) vitest.invalidateFile(join(root, file))
  // The results of earlier requests would be among those of this one.
  vitest.state.filesMap.clear()
  const project = vitest.getRootProject()
  const specifications = request.tests.map((test) => project.createSpecification(join(root, test)))
  const { testModules } = yield* Effect.promise(() => vitest.runTestSpecifications(specifications))
  return testModules.map((module): TestResult => ({
    test: relative(root, module.moduleId),
    ok: module.ok()
  }))
})

const nextRequest = Effect.callback<TestRequest>((resume) => {
  process.once("message", (request: TestRequest) => resume(Effect.succeed(request)))
})

/** Serves the requests of the parent process, one after another. */
export const serveRequests = Effect.fnUntraced(function*(mode: WorkerMode) {
  process.once("disconnect", () => process.exit())
  const vitest = yield* start(mode)
  process.send!("ready" satisfies WorkerMessage)
  while (true) {
    process.send!((yield* runTests(vitest, yield* nextRequest)) satisfies WorkerMessage)
  }
})
