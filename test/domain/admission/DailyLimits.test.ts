import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as DailyBudget from "../../../src/domain/admission/DailyBudget.ts"
import * as DailyLimits from "../../../src/domain/admission/DailyLimits.ts"
import { UserId } from "../../../src/domain/protocol/Ids.ts"
import { defaults } from "../../../src/domain/protocol/Limits.ts"

const [ann, ben] = ["B", "C"].map((letter) => UserId.make(letter.repeat(42) + "A")) as [UserId, UserId]
const limits = { ...defaults, runsPerUser: 1, runsPerAddress: 2, runsPerDay: 3 }
const noon = 43_200_000

/** The sentences of the refusals of runs that are asked for one after another; undefined for a run that may start. */
const askAll = (runs: ReadonlyArray<readonly [user: UserId, address: string]>) => {
  let usage = DailyBudget.nothingSpent
  return runs.map(([user, address]) => {
    const spent = DailyBudget.spend(usage, DailyLimits.runAllowances(user, address, limits), 1, noon)
    if (Result.isFailure(spent)) return DailyLimits.budgetSentence(spent.failure)
    usage = spent.success
    return undefined
  })
}

describe("DailyLimits", () => {
  it("[SEC29] runs count per key, per address with IPv6 by /64, and for the server", () => {
    const users = ["D", "E", "F"].map((letter) => UserId.make(letter.repeat(42) + "A")) as [UserId, UserId, UserId]
    const again = "budget for the Chorus is used up for today: ask again in 12 hours, after midnight UTC"
    assert.deepStrictEqual(
      askAll([
        [ann, "2001:db8::1"],
        [ann, "192.0.2.1"],
        [ben, "2001:db8::2"],
        [users[0], "2001:db8::3"],
        [users[1], "192.0.2.1"],
        [users[2], "192.0.2.2"]
      ]),
      [undefined, `your ${again}`, undefined, `your network's ${again}`, undefined, `this server's ${again}`]
    )
  })

  it("[SEC29] prompts count by their length, per key and for the server", () => {
    const perUser = { promptCharactersPerUser: 100, promptCharactersPerDay: 150 }
    const spend = (usage: DailyBudget.DailyUsage, user: UserId, characters: number) =>
      DailyBudget.spend(usage, DailyLimits.promptAllowances(user, perUser), characters, noon)
    const usage = Result.getOrThrow(spend(DailyBudget.nothingSpent, ann, 100))
    assert.isTrue(Result.isFailure(spend(usage, ann, 1)))
    assert.isTrue(Result.isFailure(spend(usage, ben, 51)))
    assert.isTrue(Result.isSuccess(spend(usage, ben, 50)))
  })

  it("[SEC29] one hour before midnight the sentence says so", () => {
    assert.include(DailyLimits.budgetSentence({ counter: "server", wait: 3_600_000 }), "ask again in an hour,")
  })
})
