/** Runs the conformance checks that the package exports (SOC4), each as a test. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { conformanceChecks, type Harness } from "../../src/conformance/SocketConformance.ts"

/** Registers the suite. Checks that the clients cannot run or the engine does not declare are skipped by name. */
export const conformanceSuite = <R, E>(harness: Harness<R, E>): void => {
  describe(`${harness.name}: conformance`, () => {
    for (const { missingClientCapabilities, run, title } of conformanceChecks(harness)) {
      if (missingClientCapabilities.length > 0) {
        it.skip(`${title} (its clients cannot ${missingClientCapabilities.join(", ")})`, () => {})
      } else {
        it.live(
          title,
          (context) =>
            Effect.tap(
              run,
              (undeclaredCapability) =>
                Effect.sync(() =>
                  undeclaredCapability === undefined || context.skip(`the engine declares no ${undeclaredCapability}`)
                )
            )
        )
      }
    }
  })
}
