/**
 * Keeps the books of the ledger by its events alone, and compares the kind's accounts with them after every event: no
 * token appears or disappears, and no account is overdrawn (LED1, LED2).
 */
import { balanceOf, policy, totalBalance } from "../../../domain/ledger/Ledger.ts"
import * as LedgerModel from "../../../domain/ledger/LedgerModel.ts"
import type { TopicId } from "../../../domain/protocol/Ids.ts"
import type { DecodedEntry } from "../../../domain/topic/DurableState.ts"
import type { DurableModel } from "../oracle/DurableModel.ts"
import type { SimulationRuntime } from "../runtime/SimulationRuntime.ts"

type Movement = Pick<Extract<LedgerModel.Event, { readonly _tag: "Moved" }>, "from" | "shares">

/** The books of one run. */
export class LedgerChecker {
  private readonly runtime: SimulationRuntime
  private readonly oracle: DurableModel
  private readonly balances = new Map<LedgerModel.AccountId, number>([["treasury", policy.totalSupply]])
  /** The escrows without an answer, by the id of their offer. */
  private readonly offers = new Map<string, LedgerModel.Offer>()

  constructor(runtime: SimulationRuntime, oracle: DurableModel) {
    this.runtime = runtime
    this.oracle = oracle
  }

  /** Enters the events of an append that became durable; the oracle has applied them. */
  checkCommit(topic: TopicId, entries: ReadonlyArray<DecodedEntry>): void {
    if (topic !== LedgerModel.mainLedger) return
    for (const { decoded, seq } of entries) {
      const state = this.oracle.historyOf(topic)?.states[seq] as LedgerModel.State
      const movement = this.movementOf(decoded as LedgerModel.Event)
      if (movement !== undefined) this.enter(movement, state)
      if (totalBalance(state) !== policy.totalSupply) {
        this.runtime.reportViolation(
          "LED2",
          `the ledger holds ${totalBalance(state)} of ${policy.totalSupply} at ${seq}`
        )
      }
    }
  }

  private movementOf(event: LedgerModel.Event): Movement | undefined {
    switch (event._tag) {
      case "Moved":
        return event
      case "Rewarded":
        return { from: "treasury", shares: [{ to: LedgerModel.userAccount(event.author), amount: event.amount }] }
      case "Escrowed": {
        const { amount, from, id, command } = event.offer
        this.offers.set(command.id, event.offer)
        return { from, shares: [{ to: LedgerModel.stakeAccount(id), amount }] }
      }
      case "OfferClosed": {
        const offer = this.offers.get(event.id)
        this.offers.delete(event.id)
        if (offer === undefined || event.accepted) return undefined
        // A stake that was settled before the answer arrived holds nothing.
        const stake = LedgerModel.stakeAccount(offer.id)
        return { from: stake, shares: [{ to: offer.from, amount: this.balances.get(stake) ?? 0 }] }
      }
    }
  }

  private enter({ from, shares }: Movement, state: LedgerModel.State): void {
    const postings = [...shares, { to: from, amount: -shares.reduce((sum, { amount }) => sum + amount, 0) }]
    for (const { amount, to } of postings) this.balances.set(to, (this.balances.get(to) ?? 0) + amount)
    for (const account of new Set(postings.map(({ to }) => to))) {
      const balance = this.balances.get(account) ?? 0
      if (!Number.isSafeInteger(balance) || balance < 0) {
        this.runtime.reportViolation("LED2", `${account} is overdrawn: its balance is ${balance}`)
      } else if (balanceOf(state, account) !== balance) {
        this.runtime.reportViolation(
          "LED2",
          `${account} has ${balanceOf(state, account)}, but ${balance} tokens were moved into it`
        )
      }
    }
  }
}
