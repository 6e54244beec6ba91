/** A setup file of Vitest: that a property fails is enough, its smallest counterexample is not looked for. */
import { Arbitrary } from "effect"
import { seed } from "../../test/support/Seed.ts"

Arbitrary.configureGlobal({ check: { seed, maxShrinks: 0 } })
