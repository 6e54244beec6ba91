/**
 * Runs the simulator: fixed and fresh seeds must pass, every planted bug must be found, and seeds that failed once must
 * not fail again. The seed ranges run in `scripts/simulate.ts`, in two processes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as PlantedBugs from "../../src/testing/simulation/planted-bugs/PlantedBugs.ts"
import * as SeedRunner from "../../src/testing/simulation/SeedRunner.ts"
import { simulate } from "../../src/testing/simulation/Simulation.ts"
import { seed } from "../support/Seed.ts"

const script = fileURLToPath(new URL("../../scripts/simulate.ts", import.meta.url))

/** Runs `scripts/simulate.ts`; its exit code and stdout. */
const runScript = (args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly output: string }>((resume) => {
    const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.on("close", (code) => resume(Effect.succeed({ code: code ?? 1, output })))
    return Effect.sync(() => child.kill())
  })

const runInTwoProcesses = (from: number, seeds: number) =>
  runScript(["--from", `${from}`, "--seeds", `${seeds}`, "--jobs", "2"])

const fixedSeedCount = 2_000
const freshSeedCount = 200
/** Two idle cores need five minutes; a busy machine takes many times as long. */
const timeoutMillis = 60 * 60_000

describe("the simulator", () => {
  it.live(
    `[TOP2][TOP3][TOP4][TOP5][TOP6][TOP7][CON2][CON8][SYN2][SYN4][SYN5][SYN7][SYN10][SYN11][SEC7][STO4][THR6][LED2][LED4][CHO7][ROO8][FLT1][FLT7][FLT12][FLT18][FLT25] finds no violation in ${fixedSeedCount} fixed seeds`,
    () =>
      Effect.gen(function*() {
        const { code, output } = yield* runInTwoProcesses(1, fixedSeedCount)
        assert.strictEqual(code, 0, output)
      }),
    timeoutMillis
  )

  it.live(
    `[TOP4][SYN2][SYN10][FLT25] finds no violation in ${freshSeedCount} fresh seeds`,
    () =>
      Effect.gen(function*() {
        const from = 1_000_000 + (seed ?? (yield* Random.nextIntBetween(0, 2_000_000_000)))
        const { code, output } = yield* runInTwoProcesses(from, freshSeedCount)
        assert.strictEqual(code, 0, output)
      }),
    timeoutMillis
  )

  it.live("replays a seed bit for bit, and runs another seed differently", () =>
    Effect.gen(function*() {
      const [first, replayed, other] = [yield* simulate("7"), yield* simulate("7"), yield* simulate("8")]
      assert.strictEqual(first.digest, replayed.digest)
      assert.notStrictEqual(first.digest, other.digest)
    }), timeoutMillis)

  it.live(
    "prints a failing seed with its fault plan and a command that replays the same failure",
    () =>
      Effect.gen(function*() {
        const { code, output } = yield* runScript(["--from", "2", "--seeds", "1", "--bug", "stripped-hashes"])
        assert.strictEqual(code, 1)
        const failure = output.split(/^(?=seed )/m).find((part) => part.startsWith("seed "))
        const { command, seed } = /^seed (?<seed>\d+) .*replay: node scripts\/simulate.ts (?<command>[^\n]*)/s
          .exec(failure ?? "")?.groups ?? {}
        assert.match(failure ?? "", /^ +\d+ [A-Z]\w+ .*=/m)
        assert.strictEqual(command, `--from ${seed} --seeds 1 --bug stripped-hashes`)
        const replayed = yield* runScript((command ?? "").split(" "))
        assert.strictEqual(replayed.code, 1)
        assert.include(replayed.output, failure?.slice(0, failure.indexOf("replay:")) ?? "no failure was printed")
      }),
    timeoutMillis
  )
})

/** Runs a planted bug until a seed violates one of `rules`; fails after `seedsMax` seeds. */
const assertFound = Effect.fnUntraced(
  function*(bug: PlantedBugs.BugName, rules: ReadonlyArray<string>, seedsMax: number) {
    const shouldStop = ({ failures }: SeedRunner.RunSummary) =>
      failures.some(({ violations }) =>
        violations.some((violation) => rules.includes(SeedRunner.violatedRule(violation)))
      )
    const summary = yield* SeedRunner.runSeeds({ from: 1, seeds: seedsMax, bug, shouldStop })
    assert.isTrue(
      shouldStop(summary),
      `${summary.failures.length} of ${summary.seeds} seeds failed, none by ${rules.join()}`
    )
  }
)

interface Expectation {
  readonly title: string
  /** The rules of which at least one must be violated. */
  readonly rules: ReadonlyArray<string>
  readonly seedsMax: number
}

const expectations: Record<PlantedBugs.BugName, Expectation> = {
  "unordered-broadcast": { title: "[SYN2] a broadcast out of order", rules: ["SYN2"], seedsMax: 10 },
  "subscribe-after-read": { title: "[SYN2] a subscription after the read", rules: ["SYN2"], seedsMax: 10 },
  "no-dedupe": { title: "[SYN4] a server without dedup", rules: ["SYN4"], seedsMax: 80 },
  "ack-before-sync": { title: "[TOP4] an acknowledgement before the fsync", rules: ["TOP4"], seedsMax: 10 },
  "dirty-read": { title: "[TOP4] a publication before the fsync", rules: ["TOP4"], seedsMax: 10 },
  "read-inside-race": {
    title: "[SYN2][SYN10] a client that loses a frame in a race",
    rules: ["SYN2", "SYN10"],
    seedsMax: 10
  },
  "cached-authorisation": { title: "[SEC7] a cached authorisation", rules: ["SEC7"], seedsMax: 10 },
  "ignored-upsert-errors": { title: "[STO4] an indexer that ignores failed upserts", rules: ["STO4"], seedsMax: 20 },
  "stripped-hashes": { title: "[SYN7] a server that sends no state hashes", rules: ["SYN7"], seedsMax: 10 },
  "drain-without-goodbye": { title: "[SYN11] a drain without goodbye", rules: ["SYN11"], seedsMax: 20 }
}

describe("planted bugs", () => {
  for (const bug of PlantedBugs.bugNames) {
    const { rules, seedsMax, title } = expectations[bug]
    it.live(
      `${title} is found within ${seedsMax} seeds (${bug})`,
      () => assertFound(bug, rules, seedsMax),
      timeoutMillis
    )
  }
})

/** Seeds beyond the fixed range. The defect that each of them found also has a test of its own where it was fixed. */
const regressions: ReadonlyArray<readonly [seed: string, title: string]> = [
  ["10100", "[STO4] the indexer is notified of a commit in doubt that became durable"],
  ["12245", "[STO4] the index is rebuilt when the server crashes while it was wiped"],
  ["11512", "[SEC7] a removed member receives no more text of a run"],
  ["10986", "[SYN11] a restart announced during authentication does not count as a failure"],
  ["13541", "[SYN2] a subscription that is cancelled while it is made ends"],
  ["20095", "[SYN2] a topic that is being passivated accepts no subscription"]
]

describe("regression seeds", () => {
  for (const [seed, title] of regressions) {
    it.live(
      `${title} (seed ${seed})`,
      () => Effect.map(simulate(seed), ({ violations }) => assert.deepStrictEqual(violations, [])),
      timeoutMillis
    )
  }
})
