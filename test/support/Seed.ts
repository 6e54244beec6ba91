/**
 * The seed of property tests and of the simulator's fresh seeds. CI sets `CHOIR_TEST_SEED` from the commit, so that a
 * failing commit fails again; without it every run draws a new seed.
 */
import { Arbitrary } from "effect"
import { env } from "node:process"

/** The integer in `CHOIR_TEST_SEED`; undefined when it is not set. */
export const seed = env["CHOIR_TEST_SEED"] === undefined ? undefined : Number(env["CHOIR_TEST_SEED"])

Arbitrary.configureGlobal({ check: { seed } })
