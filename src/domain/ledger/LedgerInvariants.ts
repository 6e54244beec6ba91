/**
 * The invariants of the ledger, checked once more after every decision and before anything is stored (THR8). The rules of
 * single inputs imply them; a violation is a defect of a rule.
 *
 * 1. The supply is constant, and all balances add up to it (LED2). The version grows by one per event.
 * 2. A balance is a whole number and never negative (LED1).
 * 3. Only the accounts that an event names change, by what it moves. An account is Created by its first tokens; one that is no stake is
 *    never Deleted.
 * 4. A stake account is Created with its offer and the offer's amount, never Updated, and Deleted when it is settled or
 *    returned: it never holds zero (LED4).
 * 5. An offer is Created with its stake, never Updated, and Deleted by its answer: a restart offers it again (TOP6). The
 *    stake of a refused offer is returned.
 * 6. A user without a grant has an account (LED3), and only the users that an event names gain or lose that mark.
 * 7. What citations were paid today changes by a citation only (CHO10).
 * 8. What an agent has spent of a budget is a whole number, not negative, and changes only by a stake that counts against
 *    it, and by its refusal (AUT8).
 *
 * The cost is proportional to the accounts that the events name, not to all. The number of accounts tells whether others
 * appeared or are gone; that the balance of another did not change is not checked.
 */
import { HashMap, HashSet, Option } from "effect"
import { type Change, Faults, type Transition, transitionsOf } from "../topic/Transition.ts"
import * as LedgerModel from "./LedgerModel.ts"
import type { AccountId, Event, Offer, State } from "./LedgerModel.ts"

type LedgerChange = Change<State, Event>

/** The faults of a change of the ledger (THR8). */
export const validate = (change: LedgerChange): ReadonlyArray<string> => {
  const { events, new: next, old } = change
  const faults = new Faults()
  faults.when(next.supply !== old.supply, "the supply changed")
  faults.when(next.version !== old.version + events.length, "the version does not grow by one per event")
  faults.when(
    next.rewards !== old.rewards && !events.some((event) => event._tag === "Rewarded"),
    "citations are counted that were not paid"
  )
  validateBudgets(change, faults)
  const moved = movedByAccount(change)
  validateBalances(change, moved, faults)
  validateGrants(change, moved, faults)
  for (const event of events) validateOfferEvent(next, event, faults)
  const offers = transitionsOf(old.offers, next.offers, ({ id }) => id)
  for (const transition of offers) validateOffer(change, transition, faults)
  return faults.found
}

const validateBudgets = ({ events, new: next, old }: LedgerChange, faults: Faults): void => {
  if (next.agents === old.agents) return
  const counted = events.some((event) =>
    event._tag === "Escrowed" && event.offer.spender !== undefined ||
    event._tag === "OfferClosed" &&
      old.offers.some(({ spender, command }) => command.id === event.id && spender !== undefined)
  )
  faults.when(!counted, "an agent's budget is charged for nothing")
  faults.when(HashMap.some(next.agents, ({ spent }) => spent < 0), "an agent has spent less than nothing")
}

/** By each account that an event names, the tokens that the events move to it; negative if from it. */
type Moved = ReadonlyMap<AccountId, number>

const movedByAccount = ({ events, old }: LedgerChange): Moved => {
  const moved = new Map<AccountId, number>()
  const move = (from: AccountId, to: AccountId, amount: number) => {
    moved.set(from, (moved.get(from) ?? 0) - amount)
    moved.set(to, (moved.get(to) ?? 0) + amount)
  }
  for (const event of events) {
    switch (event._tag) {
      case "Moved":
        for (const { amount, to } of event.shares) move(event.from, to, amount)
        break
      case "Rewarded":
        move("treasury", LedgerModel.userAccount(event.author), event.amount)
        break
      case "Escrowed":
        move(event.offer.from, LedgerModel.stakeAccount(event.offer.id), event.offer.amount)
        break
      case "OfferClosed": {
        const offer = old.offers.find(({ command }) => command.id === event.id)
        if (offer === undefined || event.accepted) break
        const stake = LedgerModel.stakeAccount(offer.id)
        move(stake, offer.from, balanceIn(old, stake) ?? 0)
      }
    }
  }
  return moved
}

const balanceIn = ({ accounts }: State, account: AccountId): number | undefined =>
  Option.getOrUndefined(HashMap.get(accounts, account))

const validateBalances = ({ events, new: next, old }: LedgerChange, moved: Moved, faults: Faults): void => {
  let difference = 0
  let countDifference = HashMap.size(next.accounts) - HashMap.size(old.accounts)
  for (const [account, amount] of moved) {
    const before = balanceIn(old, account)
    const after = balanceIn(next, account)
    difference += (after ?? 0) - (before ?? 0)
    faults.when((after ?? 0) - (before ?? 0) !== amount, "a balance is not what was moved")
    countDifference += Number(before !== undefined) - Number(after !== undefined)
    faults.when(after !== undefined && after < 0, "an account is overdrawn")
    faults.when(after !== undefined && !Number.isSafeInteger(after), "a balance is out of range")
    if (account.startsWith("stake:")) {
      faults.when(after === 0, "a stake account is empty")
      faults.when(before !== undefined && after !== undefined && before !== after, "a stake changed")
      const isOffered = events.some((event) =>
        event._tag === "Escrowed" && LedgerModel.stakeAccount(event.offer.id) === account &&
        event.offer.amount === after
      )
      faults.when(before === undefined && after !== undefined && !isOffered, "a stake is not what was offered")
    } else {
      faults.when(before !== undefined && after === undefined, "an account was removed")
    }
  }
  faults.when(difference !== 0, "the accounts do not add up to the supply")
  faults.when(countDifference !== 0, "an account that no event names changed")
}

const validateGrants = ({ new: next, old }: LedgerChange, moved: Moved, faults: Faults): void => {
  if (next.ungranted === old.ungranted) return
  let countDifference = HashSet.size(next.ungranted) - HashSet.size(old.ungranted)
  for (const account of moved.keys()) {
    const isMarked = HashSet.has(next.ungranted, account)
    countDifference += Number(HashSet.has(old.ungranted, account)) - Number(isMarked)
    faults.when(isMarked && !HashMap.has(next.accounts, account), "an account without a grant does not exist")
  }
  faults.when(countDifference !== 0, "the grant of an account that no event names changed")
}

const validateOfferEvent = ({ offers }: State, event: Event, faults: Faults): void => {
  if (event._tag === "Escrowed") {
    faults.when(!offers.some(({ id }) => id === event.offer.id), "an offer is missing")
  }
  if (event._tag === "OfferClosed") {
    faults.when(offers.some(({ command }) => command.id === event.id), "an answered offer is still there")
  }
}

const validateOffer = ({ events, new: next }: LedgerChange, transition: Transition<Offer>, faults: Faults): void => {
  switch (transition._tag) {
    case "Created": {
      const { amount, id } = transition.new
      faults.when(balanceIn(next, LedgerModel.stakeAccount(id)) !== amount, "an offer is without its stake")
      return
    }
    case "Updated":
      return faults.when(true, "an offer changed")
    case "Deleted": {
      const { id, command } = transition.old
      const answer = events.find((event) => event._tag === "OfferClosed" && event.id === command.id)
      faults.when(answer === undefined, "an offer was removed without an answer")
      faults.when(
        answer?._tag === "OfferClosed" && !answer.accepted &&
          balanceIn(next, LedgerModel.stakeAccount(id)) !== undefined,
        "the stake of a refused offer was not returned"
      )
    }
  }
}
