import { assert, describe, it } from "@effect/vitest"
import { HashMap, Result } from "effect"
import type { Author } from "../../../src/domain/Ids.ts"
import * as Ledger from "../../../src/domain/kinds/Ledger.ts"
import * as Model from "../../../src/domain/kinds/LedgerModel.ts"
import { fold } from "../../../src/domain/Topic.ts"
import { id, topic, user } from "../../support/scripts.ts"

const ledger = Ledger.ledger
const empty = ledger.initial(Model.mainLedger)
const [alice, bob] = [user(0), user(1)]
const accountOf = (n: number) => Model.userAccount(user(n))
const server: Author = "system:server"

/** The state after an input, or the code of its refusal. */
const give = (state: Model.State, input: Model.Answer, author: Author = server, command = "c") => {
  const decision = ledger.decide(state, input, { id: id(command), author, now: 1, seed: 0 })
  if (Result.isFailure(decision)) return decision.failure.code
  return decision.success._tag === "Accept" ? fold(ledger, state, decision.success.events) : "forwarded"
}

const ok = (outcome: Model.State | string): Model.State => {
  if (typeof outcome === "string") return assert.fail(outcome)
  assert.strictEqual(Ledger.total(outcome), Ledger.policy.supply)
  return outcome
}

const escrow = (amount: number): Model.Answer => ({
  _tag: "Escrow",
  amount,
  topic: topic("thread:t"),
  input: { content: "hello" }
})

const granted = ok(give(empty, { _tag: "Grant", user: alice }))
const staked = ok(give(granted, escrow(1_000), alice, "s"))

describe("Ledger", () => {
  it("[LED3] a new user is granted 10,000 once, whatever the command", () => {
    assert.strictEqual(Ledger.balance(granted, accountOf(0)), 10_000)
    assert.deepStrictEqual(give(granted, { _tag: "Grant", user: alice }, server, "again"), granted)
  })

  it("[LED3] an account that a payment opens is granted first, and not again", () => {
    const paid = ok(give(empty, { _tag: "Transfer", from: "treasury", to: accountOf(1), amount: 5, reason: "cited" }))
    assert.strictEqual(Ledger.balance(paid, accountOf(1)), 10_005)
    assert.deepStrictEqual(give(paid, { _tag: "Grant", user: bob }, server, "grant"), paid)
  })

  it("[LED3] with the treasury run dry a newcomer gets what is left", () => {
    const poor = {
      ...empty,
      supply: 7,
      accounts: HashMap.make<ReadonlyArray<readonly [Model.AccountId, number]>>(["treasury", 7])
    }
    const decision = give(poor, { _tag: "Grant", user: alice })
    assert.isObject(decision)
    if (typeof decision !== "string") assert.strictEqual(Ledger.balance(decision, accountOf(0)), 7)
  })

  it("[LED1] moves tokens in one event, and never overdraws", () => {
    const transfer = { _tag: "Transfer", from: accountOf(0), to: "treasury", amount: 10_000, reason: "r" } as const
    assert.strictEqual(Ledger.balance(ok(give(granted, transfer)), accountOf(0)), 0)
    assert.strictEqual(give(granted, { ...transfer, amount: 10_001 }), "insufficient_funds")
  })

  it("[LED1] takes no orders from users, and a thread spends only its own tokens", () => {
    const transfer = { _tag: "Transfer", from: "thread:t", to: "treasury", amount: 0, reason: "r" } as const
    assert.strictEqual(give(granted, transfer, alice), "forbidden")
    assert.strictEqual(give(granted, { _tag: "Grant", user: bob }, bob), "forbidden")
    assert.strictEqual(give(granted, { _tag: "Settle", stake: id("s"), shares: [], reason: "" }, alice), "forbidden")
    assert.strictEqual(give(granted, transfer, "system:thread:other"), "forbidden")
    ok(give(granted, transfer, "system:thread:t"))
    assert.strictEqual(ledger.commands.size, 0)
  })

  it("[LED1] a stake is neither transferred into nor out of", () => {
    const transfer = { _tag: "Transfer", from: "stake:s", to: "treasury", amount: 1, reason: "r" } as const
    assert.strictEqual(give(staked, transfer), "rule_violated")
    assert.strictEqual(give(staked, { ...transfer, from: "treasury", to: "stake:s" }), "rule_violated")
  })

  it("[LED1][THR2] reserves a stake, then offers what it is for", () => {
    assert.strictEqual(Ledger.balance(staked, accountOf(0)), 9_000)
    assert.strictEqual(Ledger.balance(staked, "stake:s"), 1_000)
    assert.deepStrictEqual(ledger.pending(staked), [
      { _tag: "Tell", id: id("s:offer"), topic: topic("thread:t"), input: { content: "hello" } }
    ])
  })

  it("[LED1] reserves no more than there is, only for users, and once per id", () => {
    assert.strictEqual(give(granted, escrow(10_001), alice), "insufficient_funds")
    assert.strictEqual(give(granted, escrow(0), alice), "rule_violated")
    assert.strictEqual(give(granted, escrow(1_000), server), "forbidden")
    assert.strictEqual(give(staked, escrow(1_000), alice, "s"), "id_conflict")
    assert.strictEqual(give(granted, { ...escrow(1), topic: Model.mainLedger } as Model.Answer, alice), "forbidden")
  })

  it("[LED1] a refused offer flows back; an accepted one stays reserved; an echo changes nothing", () => {
    const rejection = { code: "rule_violated", rule: "THR7", message: "closed" } as const
    const told = { _tag: "Told", id: id("s:offer"), rejection } as const
    const back = ok(give(staked, told))
    assert.strictEqual(Ledger.balance(back, accountOf(0)), 10_000)
    assert.isFalse(HashMap.has(back.accounts, "stake:s"))
    const kept = ok(give(staked, { ...told, rejection: null }))
    assert.strictEqual(Ledger.balance(kept, "stake:s"), 1_000)
    assert.deepStrictEqual(ledger.pending(kept), [])
    assert.deepStrictEqual(give(kept, told), kept)
  })

  it("[LED2] a stake is settled to the last token, or not at all", () => {
    const settle = (amount: number): Model.Answer => ({
      _tag: "Settle",
      stake: id("s"),
      shares: [{ to: accountOf(1), amount }, { to: "treasury", amount: 1 }],
      reason: "approved"
    })
    assert.strictEqual(give(staked, settle(1_000)), "rule_violated")
    assert.strictEqual(give(staked, settle(998)), "rule_violated")
    const settled = ok(give(staked, settle(999)))
    assert.strictEqual(Ledger.balance(settled, accountOf(1)), 10_999)
    assert.strictEqual(give(settled, settle(999), server, "again"), "not_found")
  })

  it("[LED4] a stake may be settled before the answer to its offer arrives", () => {
    const shares = [{ to: "treasury", amount: 1_000 }] as const
    const settled = ok(give(staked, { _tag: "Settle", stake: id("s"), shares, reason: "expired" }))
    const answered = ok(give(settled, { _tag: "Told", id: id("s:offer"), rejection: null }))
    assert.deepStrictEqual(answered.offers, [])
    assert.strictEqual(Ledger.balance(answered, accountOf(0)), 9_000)
  })

  it("[AUT4] nobody but the server reads it, and no list shows it", () => {
    assert.isFalse(ledger.canRead(granted, alice))
    assert.isTrue(ledger.canRead(granted, server))
    assert.isUndefined(ledger.listing(granted))
  })
})
