/**
 * Fixed and fresh seeds of the simulator must pass. The ranges run in `scripts/simulate.ts`, in two processes; the
 * planted bugs run beside them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
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

const fixedSeedCount = 600
const freshSeedCount = 200
/** Two idle cores need some four minutes; a busy machine takes many times as long. */
const timeoutMillis = 60 * 60_000

describe("the simulator", () => {
  it.live(
    `[TOP2][TOP3][TOP4][TOP5][TOP6][TOP7][TOP10][CON2][CON8][SYN2][SYN4][SYN5][SYN7][SYN10][SYN11][AUT2][AUT5][AUT8][SEC7][SEC10][STO4][THR3][THR4][THR6][THR8][LED2][LED4][CHO7][CHO13][ROO8][FLT1][FLT7][FLT12][FLT18][FLT25] finds no violation in ${fixedSeedCount} fixed seeds`,
    () =>
      Effect.gen(function*() {
        const { code, output } = yield* runInTwoProcesses(1, fixedSeedCount)
        assert.strictEqual(code, 0, output)
      }),
    timeoutMillis
  )

  it.live(
    `[TOP4][SYN2][SYN10][CHO13][FLT25] finds no violation in ${freshSeedCount} fresh seeds`,
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
        // Its plan has few faults, so that few runs shrink it.
        const { code, output } = yield* runScript(["--from", "8", "--seeds", "1", "--bug", "stripped-hashes"])
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
