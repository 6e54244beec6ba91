import { assert, describe, it } from "@effect/vitest"
import { steps } from "../../../src/domain/chorus/ChorusModel.ts"
import { chooseModel, fallsBackAtOnce } from "../../../src/domain/chorus/ModelChoice.ts"
import { makeRunAt } from "../../support/RunFixture.ts"

describe("ModelChoice", () => {
  it("[CHO12] a step's own model takes precedence over the main one, the fallback over both from the third attempt on", () => {
    for (const step of steps) {
      const choose = (attempt: number, fallback?: string) =>
        chooseModel(makeRunAt(step, 0, { attempt }), { primary: "main", steps: { update: "small" }, fallback })
      const own = step === "update" ? "small" : "main"
      assert.deepStrictEqual([0, 1, 2, 4].map((attempt) => choose(attempt)), [own, own, own, own])
      assert.deepStrictEqual([0, 1, 2, 4].map((attempt) => choose(attempt, "spare")), [own, own, "spare", "spare"])
    }
  })

  it("[CHO12] the fallback answers at once only if a retry is useless and no text was shown", () => {
    assert.isTrue(fallsBackAtOnce({ retryable: false }, false))
    assert.isFalse(fallsBackAtOnce({ retryable: false }, true))
    assert.isFalse(fallsBackAtOnce({ retryable: true }, false))
  })
})
