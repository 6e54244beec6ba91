/** Runs the conformance checks that the package exports (SOC4), each as a test. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { checks, type Harness } from "../../src/conformance/Socket.ts"

/** Registers the suite. What an engine or its clients cannot do is skipped, with a line. */
export const suite = <R, E>(harness: Harness<R, E>): void => {
  describe(`${harness.name}: conformance`, () => {
    for (const { lacking, run, title } of checks(harness)) {
      if (lacking.length > 0) it.skip(`${title} (its clients cannot ${lacking.join(", ")})`, () => {})
      else {
        it.live(
          title,
          (context) =>
            Effect.tap(
              run,
              (cannot) => Effect.sync(() => cannot === undefined || context.skip(`the engine declares no ${cannot}`))
            )
        )
      }
    }
  })
}
