import { assert, describe, it } from "@effect/vitest"
import { HashMap, Result, Schema } from "effect"
import * as DailyBudget from "../../../src/domain/admission/DailyBudget.ts"

const dayMillis = 86_400_000
const limits = { ann: 3, ben: 5, server: 6 }

const Attempt = Schema.Struct({
  user: Schema.Literals(["ann", "ben"]),
  amount: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  hours: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
  refunded: Schema.Boolean
})

describe("DailyBudget", () => {
  it.prop("[SEC29] on no day is more spent than a limit, and what is refused did not fit", {
    attempts: Schema.Array(Attempt)
  }, ({ attempts }) => {
    let usage = DailyBudget.nothingSpent
    let now = 20 * dayMillis
    let model = { day: 20, ann: 0, ben: 0, server: 0 }
    for (const { amount, hours, refunded, user } of attempts) {
      now += hours * 3_600_000
      const day = Math.floor(now / dayMillis)
      if (day > model.day) model = { day, ann: 0, ben: 0, server: 0 }
      const allowances = [[user, limits[user]], ["server", limits.server]] as const
      const outcome = DailyBudget.spend(usage, allowances, amount, now)
      const fits = model[user] + amount <= limits[user] && model.server + amount <= limits.server
      assert.strictEqual(Result.isSuccess(outcome), fits)
      if (Result.isFailure(outcome)) {
        const { counter, wait } = outcome.failure
        assert.strictEqual(counter, model[user] + amount > limits[user] ? user : "server")
        assert.strictEqual((now + wait) % dayMillis, 0)
        assert.isAtMost(wait, dayMillis)
        continue
      }
      usage = outcome.success
      model = { ...model, [user]: model[user] + amount, server: model.server + amount }
      if (!refunded) continue
      usage = DailyBudget.refund(usage, allowances, amount, now)
      model = { ...model, [user]: model[user] - amount, server: model.server - amount }
    }
  })

  it("[SEC29] who is refused, and who got everything back, leaves no entry", () => {
    const full = DailyBudget.spend(DailyBudget.nothingSpent, [["ann", 2], ["server", 2]], 2, 0)
    const usage = Result.getOrThrow(full)
    for (let n = 0; n < 1_000; n++) {
      assert.isTrue(Result.isFailure(DailyBudget.spend(usage, [[`new-${n}`, 2], ["server", 2]], 1, 0)))
    }
    assert.strictEqual(HashMap.size(usage.spent), 2)
    assert.strictEqual(HashMap.size(DailyBudget.refund(usage, [["ann", 2], ["server", 2]], 2, 0).spent), 0)
  })

  it("[SEC29] a clock that is set back neither begins a day nor opens a budget", () => {
    const usage = Result.getOrThrow(DailyBudget.spend(DailyBudget.nothingSpent, [["ann", 1]], 1, 3 * dayMillis))
    const earlier = DailyBudget.spend(usage, [["ann", 1]], 1, 2 * dayMillis)
    assert.deepStrictEqual(Result.isFailure(earlier) && earlier.failure, { counter: "ann", wait: 2 * dayMillis })
  })

  it("[SEC29] a refund of another day takes nothing off today's spending", () => {
    const usage = Result.getOrThrow(DailyBudget.spend(DailyBudget.nothingSpent, [["ann", 1]], 1, 3 * dayMillis))
    assert.strictEqual(DailyBudget.refund(usage, [["ann", 1]], 1, 2 * dayMillis), usage)
  })
})
