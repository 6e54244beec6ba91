import { assert, describe, it } from "@effect/vitest"
import { HashMap, Result, Schema } from "effect"
import * as Ledger from "../../../src/domain/ledger/Ledger.ts"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import { agentOf, type Attestation } from "../../../src/domain/protocol/Principal.ts"
import { step } from "../../../src/domain/topic/Topic.ts"
import { makeAttestation } from "../../support/Attestations.ts"
import { commandId, topicId, userId } from "../../support/TopicWorld.ts"

const ledger = Ledger.ledgerKind
const [owner, agent] = [userId(0), userId(1)]

const applied = (
  state: LedgerModel.State,
  input: Parameters<typeof ledger.decide>[1],
  context: Omit<Parameters<typeof ledger.decide>[2], "seed">
): LedgerModel.State | string =>
  Result.match(step(ledger, state, input, { ...context, seed: 0 }), {
    onFailure: ({ code, rule }) => `${code} ${rule}`,
    onSuccess: (next) => "state" in next ? next.state : "forwarded"
  })

const assertState = (outcome: LedgerModel.State | string): LedgerModel.State =>
  typeof outcome === "string" ? assert.fail(outcome) : outcome

const granted = assertState(
  applied(ledger.initial(LedgerModel.mainLedger), { _tag: "Grant", user: owner }, {
    id: commandId("grant"),
    author: "system:server",
    now: 1
  })
)

/** An agent stakes by an attestation. */
const stake = (state: LedgerModel.State, id: string, amount: number, by: Partial<Attestation>, now = 10) => {
  const principal = agentOf(makeAttestation(owner, agent, by))
  const input = { _tag: "Escrow", amount, topic: topicId("thread:t"), input: {} } as const
  return applied(state, input, { id: commandId(id), author: agent, principal, now })
}

/** The thread answers the offer of a stake. */
const answer = (state: LedgerModel.State, id: string, code?: "rule_violated") =>
  assertState(applied(state, {
    _tag: "CommandOutcome",
    id: commandId(`${id}:offer`),
    rejection: code === undefined ? null : { code, rule: "THR2", message: "no" }
  }, { id: commandId(`${id}:answer`), author: "system:thread:t", now: 10 }))

const balances = (state: LedgerModel.State) =>
  [owner, agent].map((user) => Ledger.balanceOf(state, LedgerModel.userAccount(user)))

describe("what agents spend", () => {
  it("[AUT8][LED1] an agent stakes its owner's tokens, and gets them back for its owner", () => {
    const staked = assertState(stake(granted, "a", 4_000, {}))
    assert.deepStrictEqual(balances(staked), [6_000, 0])
    assert.deepStrictEqual(balances(answer(staked, "a", "rule_violated")), [10_000, 0])
    assert.strictEqual(stake(staked, "b", 6_001, {}), "insufficient_funds LED1")
  })

  it("[AUT8] a budget bounds what one attestation stakes; a refused offer is given back, a settled one is not", () => {
    const by = { budget: 3_000, issued_at: 5 }
    assert.strictEqual(stake(granted, "a", 3_001, by), "insufficient_funds AUT8")
    const staked = assertState(stake(granted, "a", 2_000, by))
    assert.strictEqual(stake(staked, "b", 1_001, by), "insufficient_funds AUT8")
    const both = assertState(stake(staked, "b", 1_000, by))
    assert.strictEqual(stake(both, "c", 1, by), "insufficient_funds AUT8")
    const refused = answer(both, "a", "rule_violated")
    assert.strictEqual(stake(refused, "c", 2_001, by), "insufficient_funds AUT8")
    assertState(stake(refused, "c", 2_000, by))
    assert.strictEqual(stake(answer(both, "a"), "c", 1, by), "insufficient_funds AUT8")
  })

  it("[AUT8] a newer attestation begins anew, and an older one pays for nothing more, also once the newer has expired", () => {
    const older = { budget: 1_000, issued_at: 5, expires_at: 500 }
    const newer = { budget: 1_000, issued_at: 6, expires_at: 20 }
    const state = assertState(stake(assertState(stake(granted, "a", 1_000, older)), "b", 1_000, newer))
    assert.strictEqual(stake(state, "c", 1, older), "rule_violated AUT8")
    assert.strictEqual(stake(state, "c", 1, newer, 20), "auth_failed AUT8")
    const unrelated = makeAttestation(owner, userId(2), { budget: 5, issued_at: 1 })
    const later = assertState(
      applied(state, { _tag: "Escrow", amount: 5, topic: topicId("thread:t"), input: {} }, {
        id: commandId("d"),
        author: userId(2),
        principal: agentOf(unrelated),
        now: 30
      })
    )
    assert.strictEqual(stake(later, "c", 1, older, 31), "rule_violated AUT8")
  })

  it.each([null, 100])(
    "[AUT8] nor does an older one, with or without a budget, after a newer one with the budget %s",
    (budget) => {
      const newer = { budget, issued_at: 6, expires_at: 20 }
      const state = assertState(stake(granted, "a", 100, newer))
      // Others stake when it has expired: what was not used yet is older all the same.
      const later = assertState(stake(state, "b", 1, { agent: userId(2), issued_at: 1 }, 25))
      for (const older of [{ budget: null, issued_at: 5 }, { budget: 1_000, issued_at: 5 }]) {
        for (const known of [state, later]) assert.strictEqual(stake(known, "c", 1, older, 25), "rule_violated AUT8")
      }
      const refused = answer(state, "a", "rule_violated")
      assert.strictEqual(stake(refused, "c", 1, { budget: null, issued_at: 5 }, 25), "rule_violated AUT8")
    }
  )

  it("[AUT8] [TOP11] the ledger keeps one record per agent, however many attestations and stakes it had", () => {
    let state = granted
    for (let n = 1; n <= 5; n++) {
      for (const id of ["a", "b"]) state = assertState(stake(state, `${id}${n}`, 10, { budget: 20, issued_at: n }))
    }
    assert.strictEqual(HashMap.size(state.agents), 1)
  })

  it.prop(
    "[AUT8] no sequence of stakes and answers spends more than the budget",
    [Schema.Natural, Schema.Array(Schema.Struct({ amount: Schema.Natural, refuse: Schema.Boolean }))],
    ([total, turns]) => {
      const budget = total % 5_000
      let state = granted
      let spent = 0
      for (const [n, { amount: drawn, refuse }] of turns.entries()) {
        const amount = 1 + drawn % 2_000
        const next = stake(state, `s${n}`, amount, { budget })
        assert.strictEqual(typeof next === "string", spent + amount > budget)
        if (typeof next === "string") continue
        state = refuse ? answer(next, `s${n}`, "rule_violated") : answer(next, `s${n}`)
        if (!refuse) spent += amount
        assert.deepStrictEqual(balances(state), [10_000 - spent, 0])
      }
    }
  )
})
