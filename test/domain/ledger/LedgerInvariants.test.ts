/** Whatever a wrong rule would do to the ledger is refused, with exactly the faults that it has. */
import { assert, describe, it } from "@effect/vitest"
import { HashMap, HashSet, Result } from "effect"
import { balanceOf, ledgerKind } from "../../../src/domain/ledger/Ledger.ts"
import * as LedgerModel from "../../../src/domain/ledger/LedgerModel.ts"
import type { AccountId, Answer, State } from "../../../src/domain/ledger/LedgerModel.ts"
import type { Author } from "../../../src/domain/protocol/Ids.ts"
import { type HostAnswer, step } from "../../../src/domain/topic/Topic.ts"
import { type PlantedFault, refusedFaults, type Situation } from "../../support/InvalidChange.ts"
import { commandId, topicId, userId } from "../../support/TopicWorld.ts"

const [alice, bob, carol] = [userId(0), userId(1), userId(2)]
const server: Author = "system:server"
const accountOf = LedgerModel.userAccount
const stake = LedgerModel.stakeAccount(commandId("s"))
const newStake = LedgerModel.stakeAccount(commandId("spoilt"))

const after = (state: State, ...inputs: ReadonlyArray<readonly [Author, Answer | HostAnswer, id?: string]>): State =>
  inputs.reduce<State>((current, [author, input, id = "c"]) => {
    const applied = Result.getOrThrow(step(ledgerKind, current, input, { id: commandId(id), author, now: 1, seed: 0 }))
    return "state" in applied ? applied.state : current
  }, state)

const thread = topicId("thread:t")
const escrow: Answer = { _tag: "Escrow", amount: 1_000, topic: thread, input: {} }
const reward: Answer = { _tag: "Reward", asker: alice, author: carol, amount: 5, thread, prompt: commandId("p") }
const busy = after(
  ledgerKind.initial(LedgerModel.mainLedger),
  [server, { _tag: "Grant", user: alice }],
  [server, { _tag: "Grant", user: bob }],
  [alice, escrow, "s"]
)
const settle: Answer = {
  _tag: "Settle",
  stake: commandId("s"),
  shares: [{ to: accountOf(bob), amount: 400 }, { to: "treasury", amount: 600 }],
  cause: { _tag: "Settled", thread, submission: commandId("s"), outcome: "expired" }
}
const refusal: HostAnswer = {
  _tag: "CommandOutcome",
  id: commandId("s:offer"),
  rejection: { code: "forbidden", rule: "THR2", message: "no" }
}
const situations = {
  transfer: {
    state: busy,
    author: server,
    input: { _tag: "Transfer", from: "treasury", to: accountOf(bob), amount: 1, cause: { _tag: "Payment" } }
  },
  reward: { state: busy, author: server, input: reward },
  escrow: { state: busy, author: bob, input: escrow },
  settle: { state: busy, author: server, input: settle },
  refuse: { state: busy, author: server, input: refusal },
  /** After the settlement, the offer is still without an answer. */
  refuseLate: { state: after(busy, [server, settle]), author: server, input: refusal },
  grant: { state: busy, author: server, input: { _tag: "Grant", user: carol } }
} satisfies Record<string, Situation<State>>

const withAccounts =
  (edit: (accounts: State["accounts"], old: State) => State["accounts"]): PlantedFault<State> => (next, old) => ({
    ...next,
    accounts: edit(next.accounts, old)
  })
const withBalance = (account: AccountId, amount: number) =>
  withAccounts((accounts) => HashMap.set(accounts, account, amount))
const keeping = (account: AccountId) =>
  withAccounts((accounts, old) => HashMap.set(accounts, account, balanceOf(old, account)))

const unmoved = "a balance is not what was moved"
const unbalanced = "the accounts do not add up to the supply"
const cases: ReadonlyArray<readonly [faults: string, name: keyof typeof situations, spoil: PlantedFault<State>]> = [
  ["the supply changed", "transfer", (next) => ({ ...next, supply: 1 })],
  ["the version does not grow by one per event", "transfer", (next, old) => ({ ...next, version: old.version })],
  ["citations are counted that were not paid", "transfer", (next) => ({ ...next, rewards: { ...next.rewards } })],

  [`${unmoved}; ${unbalanced}`, "transfer", keeping("treasury")],
  [`${unmoved}; ${unbalanced}`, "reward", keeping("treasury")],
  [`${unmoved}; ${unbalanced}`, "settle", keeping(accountOf(bob))],
  [
    `${unmoved}; an account is overdrawn`,
    "transfer",
    withAccounts((accounts, old) => {
      const both = balanceOf(old, "treasury") + balanceOf(old, accountOf(bob))
      return HashMap.set(HashMap.set(accounts, accountOf(bob), -1), "treasury", both + 1)
    })
  ],
  [`${unmoved}; a balance is out of range; ${unbalanced}`, "transfer", withBalance(accountOf(bob), 0.5)],
  [
    `${unmoved}; an account was removed; ${unbalanced}`,
    "transfer",
    withAccounts((accounts) => HashMap.remove(accounts, accountOf(bob)))
  ],
  ["an account that no event names changed", "transfer", withBalance(accountOf(carol), 7)],
  [
    "an account that no event names changed",
    "transfer",
    withAccounts((accounts) => HashMap.remove(accounts, accountOf(alice)))
  ],

  [`${unmoved}; a stake changed; ${unbalanced}`, "settle", withBalance(stake, 400)],
  ["a stake account is empty; a stake changed", "settle", withBalance(stake, 0)],
  [
    unmoved,
    "transfer",
    withAccounts((accounts, old) =>
      HashMap.set(
        HashMap.set(accounts, "treasury", balanceOf(old, "treasury")),
        accountOf(bob),
        balanceOf(old, accountOf(bob))
      )
    )
  ],
  ["an offer is missing", "escrow", (next, old) => ({ ...next, offers: old.offers })],
  ["an answered offer is still there", "refuse", (next, old) => ({ ...next, offers: old.offers })],
  [
    `${unmoved}; a stake is not what was offered; ${unbalanced}; an offer is without its stake`,
    "escrow",
    withBalance(newStake, 999)
  ],
  [
    `${unmoved}; ${unbalanced}; an offer is without its stake`,
    "escrow",
    withAccounts((accounts) => HashMap.remove(accounts, newStake))
  ],
  ["an offer changed", "transfer", (next) => ({ ...next, offers: next.offers.map((offer) => ({ ...offer })) })],
  ["an offer was removed without an answer", "transfer", (next) => ({ ...next, offers: [] })],
  [`${unmoved}; ${unbalanced}; the stake of a refused offer was not returned`, "refuse", keeping(stake)],

  [
    `${unmoved}; ${unbalanced}; an account without a grant does not exist`,
    "reward",
    withAccounts((accounts) => HashMap.remove(accounts, accountOf(carol)))
  ],
  [
    "the grant of an account that no event names changed",
    "transfer",
    (next) => ({ ...next, ungranted: HashSet.add(next.ungranted, accountOf(alice)) })
  ]
]

describe("LedgerInvariants", () => {
  it("[THR8] valid changes pass", () => {
    for (const one of Object.values(situations)) {
      assert.deepStrictEqual(refusedFaults(ledgerKind, one, (next) => next), [])
    }
  })

  it.each(cases)("[THR8][LED1][LED2] nothing is moved: %s", (faults, name, spoil) => {
    assert.deepStrictEqual(refusedFaults(ledgerKind, situations[name], spoil), faults.split("; "))
  })
})
