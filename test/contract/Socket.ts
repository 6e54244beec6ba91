/** Runs the conformance checks that the package exports (SOC4), each as a test. */
import { describe, it } from "@effect/vitest"
import { conformanceChecks, type Harness } from "../../src/conformance/SocketConformance.ts"

/** Registers the suite. */
export const conformanceSuite = <R, E>(harness: Harness<R, E>): void => {
  describe(`${harness.name}: conformance`, () => {
    for (const { run, title } of conformanceChecks(harness)) it.live(title, () => run)
  })
}
