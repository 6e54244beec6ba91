import { assert, describe, it } from "@effect/vitest"
import { HashMap, Result, Schema } from "effect"
import * as Ledger from "../../../src/domain/ledger/Ledger.ts"
import * as LedgerGrants from "../../../src/domain/ledger/LedgerGrants.ts"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import { accept, fold, type HostAnswer } from "../../../src/domain/topic/Topic.ts"
import { commandId, topicId, userId } from "../../support/TopicWorld.ts"

const ledger = Ledger.ledgerKind
const empty = ledger.initial(LedgerModel.mainLedger)
const [alice, bob] = [userId(0), userId(1)]
const accountOf = (n: number) => LedgerModel.userAccount(userId(n))
const server: Author = "system:server"
const cause: LedgerModel.Cause = { _tag: "Payment" }
const [thread, prompt] = [topicId("thread:t"), commandId("p")]

/** The state after an input, or the code of its rejection. */
const applyInput = (
  state: LedgerModel.State,
  input: LedgerModel.Answer | HostAnswer,
  author: Author = server,
  command = "c"
) => {
  const decision = ledger.decide(state, input, { id: commandId(command), author, now: 1, seed: 0 })
  if (Result.isFailure(decision)) return decision.failure.code
  return decision.success._tag === "Accept" ? fold(ledger, state, decision.success.events) : "forwarded"
}

const assertAccepted = (outcome: LedgerModel.State | string): LedgerModel.State => {
  if (typeof outcome === "string") return assert.fail(outcome)
  assert.strictEqual(Ledger.totalBalance(outcome), Ledger.policy.totalSupply)
  return outcome
}

const escrow = (amount: number): LedgerModel.Answer => ({
  _tag: "Escrow",
  amount,
  topic: thread,
  input: { content: "hello" }
})

const granted = assertAccepted(applyInput(empty, { _tag: "Grant", user: alice }))
const staked = assertAccepted(applyInput(granted, escrow(1_000), alice, "s"))

describe("Grants and transfers", () => {
  it("[LED3] a new user is granted 10,000 tokens once, whatever the command id", () => {
    assert.strictEqual(Ledger.balanceOf(granted, accountOf(0)), 10_000)
    assert.deepStrictEqual(applyInput(granted, { _tag: "Grant", user: alice }, server, "again"), granted)
  })

  it("[LED3] who has spent everything is not granted again", () => {
    const all = { _tag: "Transfer", from: accountOf(0), to: "treasury", amount: 10_000, cause } as const
    const spent = assertAccepted(applyInput(granted, all))
    assert.deepStrictEqual(applyInput(spent, { _tag: "Grant", user: alice }, server, "again"), spent)
    assert.deepStrictEqual([empty, granted, spent].map(({ version }) => version), [0, 1, 2])
  })

  it("[LED3] neither a payment to a new user nor a stake of one is a grant; it is given once, later", () => {
    const payment = { _tag: "Transfer", from: "treasury", to: accountOf(1), amount: 5, cause } as const
    const paid = assertAccepted(applyInput(empty, payment))
    assert.deepStrictEqual([Ledger.balanceOf(paid, accountOf(1)), LedgerGrants.isGranted(paid, bob)], [5, false])
    assert.strictEqual(applyInput(paid, escrow(6), bob), "insufficient_funds")
    const decision = ledger.decide(empty, escrow(1_000), { id: commandId("c"), author: bob, now: 1, seed: 0 })
    assert.include(Result.isFailure(decision) && decision.failure.message, "connect again after midnight UTC")
    const both = assertAccepted(applyInput(paid, { _tag: "Grant", user: bob }, server, "grant"))
    assert.deepStrictEqual([Ledger.balanceOf(both, accountOf(1)), LedgerGrants.isGranted(both, bob)], [10_005, true])
    assert.deepStrictEqual(applyInput(both, { _tag: "Grant", user: bob }, server, "again"), both)
  })

  it("[LED3] a citation is a payment that names its thread and prompt, and no grant", () => {
    const reward = { _tag: "Reward", asker: alice, author: bob, amount: 5, thread, prompt } as const
    const decision = ledger.decide(empty, reward, { id: commandId("c"), author: server, now: 1, seed: 0 })
    const { _tag, ...named } = reward
    assert.deepStrictEqual<unknown>(decision, accept({ _tag: "Rewarded", ...named, at: 1 }))
    const paid = assertAccepted(applyInput(empty, reward))
    assert.isFalse(LedgerGrants.isGranted(paid, bob))
    const both = assertAccepted(applyInput(paid, { _tag: "Grant", user: bob }))
    assert.isTrue(LedgerGrants.isGranted(assertAccepted(applyInput(both, reward)), bob))
  })

  it("[LED3] a treasury that runs out is noticed", () => {
    const transfer = (amount: number) =>
      assertAccepted(applyInput(empty, { _tag: "Transfer", from: "treasury", to: "thread:t", amount, cause }))
    const spare = Ledger.policy.totalSupply - LedgerGrants.grantPolicy.lowTreasury
    assert.deepStrictEqual([spare, spare + 1].map((amount) => LedgerGrants.isTreasuryLow(transfer(amount))), [
      false,
      true
    ])
  })

  it.each([
    { name: "staked", input: escrow, author: alice },
    {
      name: "moved",
      input: (amount: number): LedgerModel.Answer => ({
        _tag: "Transfer",
        from: accountOf(0),
        to: accountOf(1),
        amount,
        cause
      }),
      author: server
    }
  ])("[LED1] all of a balance can be $name, and not one token more", ({ author, input }) => {
    const balance = Ledger.balanceOf(granted, accountOf(0))
    for (const amount of [balance - 1, balance]) {
      assert.strictEqual(
        Ledger.balanceOf(assertAccepted(applyInput(granted, input(amount), author)), accountOf(0)),
        balance - amount
      )
    }
    assert.strictEqual(applyInput(granted, input(balance + 1), author), "insufficient_funds")
  })

  it("[LED3] an almost empty treasury grants the rest of its balance", () => {
    const poor = {
      ...empty,
      supply: 7,
      accounts: HashMap.make<ReadonlyArray<readonly [LedgerModel.AccountId, number]>>(["treasury", 7])
    }
    const decision = applyInput(poor, { _tag: "Grant", user: alice })
    assert.isObject(decision)
    if (typeof decision !== "string") assert.strictEqual(Ledger.balanceOf(decision, accountOf(0)), 7)
  })

  it("[LED1] a transfer is one event, and never overdraws", () => {
    const transfer = { _tag: "Transfer", from: accountOf(0), to: "treasury", amount: 10_000, cause } as const
    assert.strictEqual(Ledger.balanceOf(assertAccepted(applyInput(granted, transfer)), accountOf(0)), 0)
    assert.strictEqual(applyInput(granted, { ...transfer, amount: 10_001 }), "insufficient_funds")
  })

  it("[LED1] users move no tokens, and a thread moves only its own", () => {
    const transfer = { _tag: "Transfer", from: "thread:t", to: "treasury", amount: 0, cause } as const
    assert.strictEqual(applyInput(granted, transfer, alice), "forbidden")
    assert.strictEqual(applyInput(granted, { _tag: "Grant", user: bob }, bob), "forbidden")
    assert.strictEqual(
      applyInput(granted, { _tag: "Settle", stake: commandId("s"), shares: [], cause }, alice),
      "forbidden"
    )
    assert.strictEqual(applyInput(granted, transfer, "system:thread:other"), "forbidden")
    assertAccepted(applyInput(granted, transfer, "system:thread:t"))
    assert.deepStrictEqual([...ledger.commands], ["erase"])
  })

  it("[LED1] no transfer moves tokens of a stake", () => {
    const transfer = { _tag: "Transfer", from: "stake:s", to: "treasury", amount: 1, cause } as const
    assert.strictEqual(applyInput(staked, transfer), "rule_violated")
    assert.strictEqual(applyInput(staked, { ...transfer, from: "treasury", to: "stake:s" }), "rule_violated")
    const shares = [{ to: "stake:other", amount: 1_000 }] as const
    const settle = { _tag: "Settle", stake: commandId("s"), shares, cause } as const
    assert.strictEqual(applyInput(staked, settle), "rule_violated")
  })
})

const CitedRun = Schema.Struct({
  asker: Schema.Literals([0, 1, 2]),
  author: Schema.Literals([0, 1, 2]),
  hours: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 }))
})

describe("Citations", () => {
  it.prop(
    "[LED3][LED2] no asker and no cited author is paid more on a day than the policy says, and what fits is paid",
    {
      runs: Schema.Array(CitedRun).check(Schema.isMaxLength(80))
    },
    ({ runs }) => {
      const amount = 40
      let state = empty
      let now = 0
      let day = 0
      let paid = new Map<string, number>()
      for (const { asker, author, hours } of runs) {
        now += hours * 3_600_000
        if (Math.floor(now / 86_400_000) > day) {
          day = Math.floor(now / 86_400_000)
          paid = new Map()
        }
        const paidTo = (counter: string) => paid.get(counter) ?? 0
        const reward = {
          _tag: "Reward",
          asker: userId(asker),
          author: userId(author),
          amount,
          thread,
          prompt
        } as const
        const decision = ledger.decide(state, reward, { id: commandId("c"), author: server, now, seed: 0 })
        const fits = paidTo(`asker ${asker}`) + amount <= LedgerGrants.grantPolicy.rewardsPerAsker &&
          paidTo(`author ${author}`) + amount <= LedgerGrants.grantPolicy.rewardsPerAuthor
        assert.strictEqual(Result.isSuccess(decision), fits)
        if (Result.isFailure(decision) || decision.success._tag === "Forward") continue
        const before = Ledger.balanceOf(state, accountOf(author))
        state = assertAccepted(fold(ledger, state, decision.success.events))
        assert.strictEqual(Ledger.balanceOf(state, accountOf(author)), before + amount)
        for (const counter of [`asker ${asker}`, `author ${author}`]) paid.set(counter, paidTo(counter) + amount)
      }
    }
  )

  it("[LED3] only the server's topics ask for rewards, and an empty treasury pays none", () => {
    const reward = { _tag: "Reward", asker: alice, author: bob, amount: 5, thread, prompt } as const
    assert.strictEqual(applyInput(empty, reward, alice), "forbidden")
    const poor = { ...empty, accounts: HashMap.set(empty.accounts, "treasury", 4) }
    assert.strictEqual(applyInput(poor, reward), "insufficient_funds")
  })
})

describe("Escrows", () => {
  it("[LED1][THR2] an escrow reserves the stake before its offer is pending", () => {
    assert.strictEqual(Ledger.balanceOf(staked, accountOf(0)), 9_000)
    assert.strictEqual(Ledger.balanceOf(staked, "stake:s"), 1_000)
    assert.deepStrictEqual(ledger.pending(staked), [
      { _tag: "SendCommand", id: commandId("s:offer"), topic: thread, input: { content: "hello" } }
    ])
  })

  it("[LED1] an escrow is covered by the balance, of a user, and unique by its id", () => {
    assert.strictEqual(applyInput(granted, escrow(10_001), alice), "insufficient_funds")
    assert.strictEqual(applyInput(granted, escrow(0), alice), "rule_violated")
    assert.strictEqual(applyInput(granted, escrow(1_000), server), "forbidden")
    assert.strictEqual(applyInput(staked, escrow(1_000), alice, "s"), "id_conflict")
    assert.strictEqual(
      applyInput(granted, { ...escrow(1), topic: LedgerModel.mainLedger } as LedgerModel.Answer, alice),
      "forbidden"
    )
  })

  it("[LED1][LED4] a rejected offer returns the stake, an accepted one keeps it, and a repeated answer changes nothing", () => {
    const rejection = { code: "rule_violated", rule: "THR7", message: "closed" } as const
    const outcome = { _tag: "CommandOutcome", id: commandId("s:offer"), rejection } as const
    const back = assertAccepted(applyInput(staked, outcome))
    assert.strictEqual(Ledger.balanceOf(back, accountOf(0)), 10_000)
    assert.isFalse(HashMap.has(back.accounts, "stake:s"))
    const kept = assertAccepted(applyInput(staked, { ...outcome, rejection: null }))
    assert.strictEqual(Ledger.balanceOf(kept, "stake:s"), 1_000)
    assert.deepStrictEqual(ledger.pending(kept), [])
    assert.deepStrictEqual(applyInput(kept, outcome), kept)
  })
})

describe("Settlement and access", () => {
  it("[LED2] the shares of a settlement add up to the stake", () => {
    const settle = (amount: number): LedgerModel.Answer => ({
      _tag: "Settle",
      stake: commandId("s"),
      shares: [{ to: accountOf(1), amount }, { to: "treasury", amount: 1 }],
      cause
    })
    assert.strictEqual(applyInput(staked, settle(1_000)), "rule_violated")
    assert.strictEqual(applyInput(staked, settle(998)), "rule_violated")
    const settled = assertAccepted(applyInput(staked, settle(999)))
    assert.strictEqual(Ledger.balanceOf(settled, accountOf(1)), 999)
    assert.strictEqual(applyInput(settled, settle(999), server, "again"), "not_found")
  })

  it("[LED4] a stake may be settled before the answer to its offer arrives", () => {
    const shares = [{ to: "treasury", amount: 1_000 }] as const
    const settled = assertAccepted(
      applyInput(staked, { _tag: "Settle", stake: commandId("s"), shares, cause })
    )
    const answered = assertAccepted(
      applyInput(settled, { _tag: "CommandOutcome", id: commandId("s:offer"), rejection: null })
    )
    assert.deepStrictEqual(answered.offers, [])
    assert.strictEqual(Ledger.balanceOf(answered, accountOf(0)), 9_000)
  })

  it("[AUT4] only the server reads the ledger, and it is in no list", () => {
    assert.isFalse(ledger.canRead(granted, alice))
    assert.isTrue(ledger.canRead(granted, server))
    assert.isUndefined(ledger.listing(granted))
  })
})
