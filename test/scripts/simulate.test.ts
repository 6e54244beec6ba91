/** Tests the options of `scripts/simulate.ts`; the simulator itself is tested in `test/simulation`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import * as PlantedBugs from "../../src/testing/simulation/planted-bugs/PlantedBugs.ts"
import { repositoryRoot } from "../support/ServerProcess.ts"

/** Runs the script to its end. */
const simulate = (...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>((resume) => {
    const child = execFile(
      process.execPath,
      ["scripts/simulate.ts", ...args],
      { cwd: repositoryRoot },
      (_error, stdout, stderr) => resume(Effect.succeed({ code: child.exitCode, stdout, stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("simulate", () => {
  it.live("--help prints the usage and runs no seed", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* simulate("--help", "--seeds", "1000000")
      assert.deepStrictEqual([code, stderr], [0, ""])
      for (const name of ["--seeds", "--from", "--jobs", "--bug", "--trace", ...PlantedBugs.bugNames]) {
        assert.include(stdout, name)
      }
    }))

  it.live.each([
    { args: ["--nonsense"], sentence: "Unknown option '--nonsense'" },
    { args: ["--seeds"], sentence: "Option '--seeds <value>' argument missing" },
    { args: ["--seeds", "many"], sentence: "--seeds must be a positive integer" },
    { args: ["--bug", "none"], sentence: "Unknown planted bug 'none'" }
  ])("rejects $args with one sentence", ({ args, sentence }) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* simulate(...args), { code: 1, stdout: "", stderr: `${sentence}: see --help.\n` })
    }))

  it.live("splits the seeds among processes, even when there are more processes than seeds", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* simulate("--from", "7", "--seeds", "2", "--jobs", "3")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(stdout.trim().split("\n").map((line) => line.split(":", 1)[0]).sort(), [
        "7 to 7",
        "8 to 8"
      ])
    }))
})
