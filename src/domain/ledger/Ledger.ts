/**
 * The kind `ledger`: one topic holds every account, so that a movement of tokens is one event (LED1). Owns balances and
 * escrows; votes and shares belong to `approval` and `thread`.
 *
 * Deduplication by command id belongs to the host: an applied command is not decided again (SYN4).
 */
import { HashMap, HashSet, Option } from "effect"
import { type CommandId, deriveId, type Instant, isUser, kindOf, type UserId } from "../protocol/Ids.ts"
import { makeRejection, type Rejection } from "../protocol/Rejection.ts"
import { accept, type CommandContext, define, type HostAnswer, reject } from "../topic/Topic.ts"
import * as LedgerBudgets from "./LedgerBudgets.ts"
import * as LedgerGrants from "./LedgerGrants.ts"
import type { EventsOrRejection } from "./LedgerGrants.ts"
import * as LedgerInvariants from "./LedgerInvariants.ts"
import * as LedgerModel from "./LedgerModel.ts"
import type { AccountId, Answer, Event, Share, State } from "./LedgerModel.ts"

/** LED2: all tokens there are. `LedgerGrants` has the policy of what the treasury pays. */
export const policy = { totalSupply: 10_000_000_000 } as const

type Escrow = Extract<Answer, { readonly _tag: "Escrow" }>
type Transfer = Extract<Answer, { readonly _tag: "Transfer" }>
type Settle = Extract<Answer, { readonly _tag: "Settle" }>

/** The balance of an account; 0 if it does not exist. */
export const balanceOf = (state: State, account: AccountId): number =>
  Option.getOrElse(HashMap.get(state.accounts, account), () => 0)

/** The sum of all balances, which equals `state.supply` (LED2). Its cost is proportional to the number of accounts. */
export const totalBalance = (state: State): number => HashMap.reduce(state.accounts, 0, (sum, amount) => sum + amount)

const initial = (): State => ({
  accounts: HashMap.make<ReadonlyArray<readonly [AccountId, number]>>(["treasury", policy.totalSupply]),
  supply: policy.totalSupply,
  offers: [],
  ungranted: HashSet.empty(),
  rewards: LedgerGrants.noRewards,
  agents: LedgerBudgets.nothingSpent,
  version: 0
})

// -- Decisions ---------------------------------------------------------------

const isRejection = (result: EventsOrRejection): result is Rejection => "code" in result

const decide = (state: State, input: Answer | HostAnswer, context: CommandContext) => {
  const result = decideInput(state, input, context)
  return isRejection(result) ? reject(result) : accept(...result)
}

const decideInput = (state: State, input: Answer | HostAnswer, context: CommandContext): EventsOrRejection => {
  if (input._tag === "Escrow") {
    return isUser(context.author)
      ? decideEscrow(state, input, context.author, context)
      : makeRejection("forbidden", "LED1", "only users can stake tokens, and only their own")
  }
  if (isUser(context.author)) {
    return makeRejection("forbidden", "LED1", "only the server and topics can move tokens")
  }
  switch (input._tag) {
    case "Grant":
      return LedgerGrants.decideGrant(state, input.user, context.now)
    case "Transfer":
      return decideTransfer(state, input, context)
    case "Reward":
      return LedgerGrants.decideReward(state, input, context.now)
    case "Settle":
      return decideSettle(state, input, context.now)
    case "CommandOutcome":
      return state.offers.some((offer) => offer.command.id === input.id)
        ? [{ _tag: "OfferClosed", id: input.id, accepted: input.rejection === null, at: context.now }]
        : []
    // An offer without a usable answer is made again when the ledger is loaded: its outcome is not known.
    case "IntentFailed":
    case "TimerFired":
      return []
  }
}

/** LED1, AUT8: reserves a stake of the author, or of the owner for an agent, and offers it to the other topic. */
const decideEscrow = (state: State, input: Escrow, user: UserId, context: CommandContext): EventsOrRejection => {
  const attestation = LedgerBudgets.attestationOf(context.principal)
  const payer = attestation?.owner ?? user
  const from = LedgerModel.userAccount(payer)
  const available = balanceOf(state, from)
  if (context.id.length > 200) return makeRejection("malformed", "SYN1", "the id is too long: use a UUID")
  if (HashMap.has(state.accounts, LedgerModel.stakeAccount(context.id))) {
    return makeRejection("id_conflict", "LED1", "this id is in use for another stake: send the command with a new id")
  }
  if (kindOf(input.topic) === "ledger") {
    return makeRejection("forbidden", "LED1", "a stake cannot be offered to the ledger")
  }
  if (input.amount === 0) return makeRejection("rule_violated", "THR2", "a stake is at least one token")
  const overBudget = attestation === undefined
    ? undefined
    : LedgerBudgets.rejectStake(state, from, attestation, input.amount, context.now)
  if (overBudget !== undefined) return overBudget
  if (available < input.amount) {
    return makeRejection(
      "insufficient_funds",
      "LED1",
      `${payer === user ? "your" : "your owner's"} balance is too low: this needs ${input.amount} tokens, and ${
        payer === user ? "you have" : "there are"
      } ${available}${LedgerGrants.isGranted(state, payer) ? "" : ungrantedHint}`
    )
  }
  const offerCommand = {
    _tag: "SendCommand",
    id: offerCommandId(context.id),
    topic: input.topic,
    input: input.input
  } as const
  const spenderField = attestation === undefined ? undefined : { spender: LedgerBudgets.spenderOf(attestation) }
  const offer = { id: context.id, from, amount: input.amount, ...spenderField, command: offerCommand }
  return [{ _tag: "Escrowed", offer, at: context.now }]
}

const ungrantedHint =
  ". You are granted yours when you connect, unless your network's new keys had all grants of that " +
  "day: connect again after midnight UTC"

/** The id under which an escrow's input is submitted to its topic. */
const offerCommandId = (escrow: CommandId): CommandId => deriveId(escrow, ":offer")

const decideTransfer = (
  state: State,
  { amount, cause, from, to }: Transfer,
  context: CommandContext
): EventsOrRejection => {
  if (from.startsWith("stake:") || to.startsWith("stake:")) {
    return makeRejection("rule_violated", "LED1", "tokens of a stake cannot be transferred: settle the stake")
  }
  if (from === to) return makeRejection("rule_violated", "LED1", "tokens cannot be moved within one account")
  if (from.startsWith("thread:") && context.author !== `system:${from}`) {
    return makeRejection("forbidden", "LED1", "only the thread itself can spend its tokens")
  }
  const available = balanceOf(state, from)
  return available < amount
    ? makeRejection("insufficient_funds", "LED1", `the balance of ${from} is too low: ${available} of ${amount} tokens`)
    : [{ _tag: "Moved", from, shares: [{ to, amount }], cause, at: context.now }]
}

const decideSettle = (state: State, input: Settle, at: Instant): EventsOrRejection => {
  const from = LedgerModel.stakeAccount(input.stake)
  const reserved = balanceOf(state, from)
  if (reserved === 0) return makeRejection("not_found", "LED1", "this stake does not exist, or is settled already")
  if (input.shares.some((share) => share.to.startsWith("stake:"))) {
    return makeRejection("rule_violated", "LED1", "a stake cannot be paid into another stake")
  }
  const shareTotal = input.shares.reduce((sum, share) => sum + share.amount, 0)
  return shareTotal === reserved
    ? [{ _tag: "Moved", from, shares: input.shares, cause: input.cause, at }]
    : makeRejection("rule_violated", "LED2", `the shares add up to ${shareTotal} tokens, but the stake is ${reserved}`)
}

// -- Evolution ---------------------------------------------------------------

const evolve = (previous: State, event: Event): State => {
  const state = { ...previous, version: previous.version + 1 }
  switch (event._tag) {
    case "Moved":
      return {
        ...state,
        accounts: moveTokens(state.accounts, event.from, event.shares),
        ungranted: LedgerGrants.ungrantedAfterMove(state, event)
      }
    case "Rewarded": {
      const shares = [{ to: LedgerModel.userAccount(event.author), amount: event.amount }]
      return {
        ...state,
        accounts: moveTokens(state.accounts, "treasury", shares),
        ungranted: LedgerGrants.ungrantedAfterShares(state, shares),
        rewards: LedgerGrants.rewardsAfter(state, event)
      }
    }
    case "Escrowed": {
      const { amount, from, id } = event.offer
      const shares = [{ to: LedgerModel.stakeAccount(id), amount }]
      return {
        ...state,
        accounts: moveTokens(state.accounts, from, shares),
        offers: [...state.offers, event.offer],
        agents: LedgerBudgets.withStake(state.agents, event.offer)
      }
    }
    case "OfferClosed": {
      const offer = state.offers.find((offer) => offer.command.id === event.id)
      const offers = state.offers.filter((other) => other !== offer)
      if (offer === undefined || event.accepted) return { ...state, offers }
      const stake = LedgerModel.stakeAccount(offer.id)
      const shares = [{ to: offer.from, amount: balanceOf(state, stake) }]
      return {
        ...state,
        offers,
        accounts: moveTokens(state.accounts, stake, shares),
        agents: LedgerBudgets.withoutStake(state.agents, offer)
      }
    }
  }
}

const moveTokens = (accounts: State["accounts"], from: AccountId, shares: ReadonlyArray<Share>): State["accounts"] => {
  const debited = shares.reduce((sum, share) => sum + share.amount, 0)
  const remaining = Option.getOrElse(HashMap.get(accounts, from), () => 0) - debited
  return shares.reduce(
    (balances, { amount, to }) =>
      HashMap.set(balances, to, Option.getOrElse(HashMap.get(balances, to), () => 0) + amount),
    from.startsWith("stake:") && remaining === 0
      ? HashMap.remove(accounts, from)
      : HashMap.set(accounts, from, remaining)
  )
}

/** The kind of the ledger. Only the server reads it (AUT4); users receive their own balance from the gateway. */
export const ledgerKind = define({
  name: "ledger",
  State: LedgerModel.State,
  Command: LedgerModel.Command,
  Answer: LedgerModel.Answer,
  Event: LedgerModel.Event,
  initial,
  decide,
  evolve,
  evolveErased: (state) => ({ ...state, version: state.version + 1 }),
  validate: LedgerInvariants.validate,
  pending: (state) => state.offers.map((offer) => offer.command),
  canRead: (_state, reader) => !isUser(reader)
})
