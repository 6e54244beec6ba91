/**
 * Counts the steps of JavaScript code: how often each block ran, by V8's block coverage. Unlike a time, a count does not
 * depend on the machine. Work inside built-in functions is not counted; `test/system/LinearPatterns.test.ts` covers regular expressions.
 */
import { assert } from "@effect/vitest"
import { type Profiler, Session } from "node:inspector"

const session = new Session()
session.connect()
// Functions compiled before this call are counted by calls only, so a test file imports this module first.
session.post("Profiler.enable")
session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })

/** The executed blocks since the last call. */
const takeCount = (): number => {
  let count = 0
  session.post("Profiler.takePreciseCoverage", (_, { result }: Profiler.TakePreciseCoverageReturnType) => {
    for (const { functions } of result) {
      for (const { ranges } of functions) {
        for (const range of ranges) count += range.count
      }
    }
  })
  return count
}

/** The number of blocks that `run` executes. */
const countSteps = (run: () => void): number => {
  takeCount()
  run()
  return takeCount()
}

/**
 * Asserts that `run` is linear in the length of its input: of `run(2 n)` at most 2.2 times the steps of `run(n)`, plus a
 * constant for work that does not depend on the input.
 */
export const assertLinear = (run: (length: number) => void, length: number, label?: string): void => {
  run(16) // Loads and compiles what is loaded and compiled at the first use.
  const single = countSteps(() => run(length))
  const double = countSteps(() => run(2 * length))
  assert.isAtMost(double, 2.2 * single + 2_000, `${label ?? ""}: ${single} steps at ${length}, ${double} at twice that`)
}
