import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { steps } from "../../../src/domain/chorus/ChorusModel.ts"
import { findMissingStep } from "../../../src/domain/chorus/ChorusProgress.ts"
import { makeRunAt } from "../../support/RunFixture.ts"

it.prop("[CHO7] the first step of this loop without an output is missing, however many other loops have one", {
  step: Schema.Literals(steps),
  loop: Schema.Literals([0, 1, 2]),
  removed: Schema.Array(Schema.Literals(steps))
}, ({ loop, removed, step }) => {
  const run = makeRunAt(step, loop)
  assert.isUndefined(findMissingStep(run))
  const left = run.steps.filter((record) => record.loop !== loop || !removed.includes(record.step))
  const expected = steps.slice(0, steps.indexOf(step)).find((earlier) => removed.includes(earlier))
  assert.strictEqual(findMissingStep({ ...run, steps: left }), expected)
})
