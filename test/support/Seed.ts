/**
 * Where `CHOIR_TEST_SEED` is set, as in continuous integration, everything that properties and the simulator try is
 * drawn from it: a commit that fails does so again. Elsewhere each run draws anew.
 */
import { Arbitrary } from "effect"
import { env } from "node:process"

/** The whole number that is set; undefined when none is. */
export const seed = env["CHOIR_TEST_SEED"] === undefined ? undefined : Number(env["CHOIR_TEST_SEED"])

Arbitrary.configureGlobal({ check: { seed } })
