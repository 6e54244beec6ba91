/**
 * The ledger: one topic that holds every account, so that a movement of tokens
 * is one event (LED1). Owns balances and escrows; knows nothing of votes.
 *
 * Idempotence by id is the log's: a command id that wrote an event is not put
 * to a topic again (SYN4).
 */
import { HashMap, Option } from "effect"
import { type CommandId, derivedId, type Instant, isUser, kindOf, type UserId } from "../Ids.ts"
import { reject, type Rejection } from "../Rejection.ts"
import { accept, type Context, type Kind, refuse } from "../Topic.ts"
import * as Model from "./LedgerModel.ts"
import type { AccountId, Answer, Event, Share, State } from "./LedgerModel.ts"

/** Whole tokens: all there ever are, and what a new user gets of them (LED2, LED3). */
export const policy = { supply: 10_000_000_000, grant: 10_000 } as const

type Escrow = Extract<Answer, { readonly _tag: "Escrow" }>
type Transfer = Extract<Answer, { readonly _tag: "Transfer" }>
type Settle = Extract<Answer, { readonly _tag: "Settle" }>

/** What an account holds; 0 for one that does not exist. */
export const balance = (state: State, account: AccountId): number =>
  Option.getOrElse(HashMap.get(state.accounts, account), () => 0)

/** What all accounts hold together; equals `state.supply` (LED2). In proportion to the number of accounts. */
export const total = (state: State): number => HashMap.reduce(state.accounts, 0, (sum, amount) => sum + amount)

const initial = (): State => ({
  accounts: HashMap.make<ReadonlyArray<readonly [AccountId, number]>>(["treasury", policy.supply]),
  supply: policy.supply,
  offers: [],
  version: 0
})

// -- Decisions ---------------------------------------------------------------

/** Events, or why not. */
type Verdict = ReadonlyArray<Event> | Rejection

const isRejection = (verdict: Verdict): verdict is Rejection => "code" in verdict

const decide = (state: State, input: Answer, context: Context) => {
  const verdict = judge(state, input, context)
  if (isRejection(verdict)) return refuse(verdict)
  return conserves(state, verdict)
    ? accept(...verdict)
    : refuse(reject("internal", "LED2", "this movement would make or destroy tokens; nothing was moved"))
}

const judge = (state: State, input: Answer, context: Context): Verdict => {
  if (input._tag === "Escrow") {
    return isUser(context.author)
      ? escrow(state, input, context.author, context)
      : reject("forbidden", "LED1", "only a user's own tokens can be reserved")
  }
  if (isUser(context.author)) {
    return reject("forbidden", "LED1", "the ledger takes orders from the server only")
  }
  switch (input._tag) {
    case "Grant":
      return opening(state, [Model.userAccount(input.user)], context.now)
    case "Transfer":
      return transfer(state, input, context)
    case "Settle":
      return settle(state, input, context.now)
    case "Told":
      return state.offers.some((offer) => offer.tell.id === input.id)
        ? [{ _tag: "OfferClosed", id: input.id, accepted: input.rejection === null, at: context.now }]
        : []
    case "Woke":
      return []
  }
}

/** A user's account is opened by the grant, whatever touches it first; so it is granted once (LED3). */
const opening = (state: State, touched: ReadonlyArray<AccountId>, at: Instant): ReadonlyArray<Event> => {
  let treasury = balance(state, "treasury")
  const fresh = new Set(
    touched.filter((account) => account.startsWith("user:") && !HashMap.has(state.accounts, account))
  )
  return [...fresh].map((to): Event => {
    // With the treasury run dry, newcomers get what is left.
    const amount = Math.min(policy.grant, treasury)
    treasury -= amount
    return { _tag: "Moved", from: "treasury", shares: [{ to, amount }], reason: "grant", at }
  })
}

const escrow = (state: State, input: Escrow, user: UserId, context: Context): Verdict => {
  const from = Model.userAccount(user)
  const opened = opening(state, [from], context.now)
  const held = balance(opened.reduce(evolve, state), from)
  if (context.id.length > 200) return reject("malformed", "SYN1", "the id is too long: use a UUID")
  if (HashMap.has(state.accounts, Model.stakeAccount(context.id))) {
    return reject("id_conflict", "LED1", "this id has already been used for another stake")
  }
  if (kindOf(input.topic) === "ledger") return reject("forbidden", "LED1", "the ledger cannot be offered a stake")
  if (input.amount === 0) return reject("rule_violated", "THR2", "a stake must be at least one token")
  if (held < input.amount) {
    return reject("insufficient_funds", "LED1", `this takes ${input.amount} tokens, and you have ${held}`)
  }
  const tell = { _tag: "Tell", id: offerId(context.id), topic: input.topic, input: input.input } as const
  return [
    ...opened,
    { _tag: "Escrowed", offer: { id: context.id, from, amount: input.amount, tell }, at: context.now }
  ]
}

/** The id under which an escrow's input is put to its topic. */
const offerId = (escrow: CommandId): CommandId => derivedId(escrow, ":offer")

const transfer = (state: State, { amount, from, reason, to }: Transfer, context: Context): Verdict => {
  if (from.startsWith("stake:") || to.startsWith("stake:")) {
    return reject("rule_violated", "LED1", "a stake is reserved and settled, never transferred")
  }
  if (from === to) return reject("rule_violated", "LED1", "tokens cannot be moved to where they are")
  if (from.startsWith("thread:") && context.author !== `system:${from}`) {
    return reject("forbidden", "LED1", "only the thread itself may spend its tokens")
  }
  const opened = opening(state, [from, to], context.now)
  const held = balance(opened.reduce(evolve, state), from)
  return held < amount
    ? reject("insufficient_funds", "LED1", `${from} holds ${held} tokens; ${amount} cannot be moved`)
    : [...opened, { _tag: "Moved", from, shares: [{ to, amount }], reason, at: context.now }]
}

const settle = (state: State, input: Settle, at: Instant): Verdict => {
  const from = Model.stakeAccount(input.stake)
  const held = balance(state, from)
  if (held === 0) return reject("not_found", "LED1", "there is no such stake, or it has been settled")
  if (input.shares.some((share) => share.to.startsWith("stake:"))) {
    return reject("rule_violated", "LED1", "a stake cannot be settled into a stake")
  }
  const given = input.shares.reduce((sum, share) => sum + share.amount, 0)
  return given === held
    ? [
      ...opening(state, input.shares.map((share) => share.to), at),
      { _tag: "Moved", from, shares: input.shares, reason: input.reason, at }
    ]
    : reject("rule_violated", "LED2", `the shares add up to ${given} tokens, the stake is ${held}`)
}

/** LED2, checked before commit over the accounts that the events touch: the others do not change. */
const conserves = (state: State, events: ReadonlyArray<Event>): boolean => {
  const touched = [...new Set(events.flatMap((event) => accountsOf(state, event)))]
  const after = events.reduce(evolve, state)
  const sum = (of: State) => touched.reduce((sum, account) => sum + balance(of, account), 0)
  return sum(state) === sum(after) && touched.every((account) => balance(after, account) >= 0)
}

const accountsOf = (state: State, event: Event): ReadonlyArray<AccountId> => {
  switch (event._tag) {
    case "Moved":
      return [event.from, ...event.shares.map((share) => share.to)]
    case "Escrowed":
      return [event.offer.from, Model.stakeAccount(event.offer.id)]
    case "OfferClosed":
      return state.offers.flatMap((offer) =>
        offer.tell.id === event.id ? [offer.from, Model.stakeAccount(offer.id)] : []
      )
  }
}

// -- Evolution ---------------------------------------------------------------

const evolve = (before: State, event: Event): State => {
  const state = { ...before, version: before.version + 1 }
  switch (event._tag) {
    case "Moved":
      return { ...state, accounts: move(state.accounts, event.from, event.shares) }
    case "Escrowed": {
      const { amount, from, id } = event.offer
      const shares = [{ to: Model.stakeAccount(id), amount }]
      return { ...state, accounts: move(state.accounts, from, shares), offers: [...state.offers, event.offer] }
    }
    case "OfferClosed": {
      const offer = state.offers.find((offer) => offer.tell.id === event.id)
      const offers = state.offers.filter((other) => other !== offer)
      if (offer === undefined || event.accepted) return { ...state, offers }
      const stake = Model.stakeAccount(offer.id)
      const shares = [{ to: offer.from, amount: balance(state, stake) }]
      return { ...state, offers, accounts: move(state.accounts, stake, shares) }
    }
  }
}

const move = (accounts: State["accounts"], from: AccountId, shares: ReadonlyArray<Share>): State["accounts"] => {
  const gone = shares.reduce((sum, share) => sum + share.amount, 0)
  const left = Option.getOrElse(HashMap.get(accounts, from), () => 0) - gone
  return shares.reduce(
    (all, { amount, to }) => HashMap.set(all, to, Option.getOrElse(HashMap.get(all, to), () => 0) + amount),
    from.startsWith("stake:") && left === 0 ? HashMap.remove(accounts, from) : HashMap.set(accounts, from, left)
  )
}

/** The kind. Nobody but the server reads it; users hear of their balance through it. */
export const ledger: Kind<State, Model.Command, Answer, Event, Model.Intent> = {
  name: "ledger",
  version: 1,
  upcasters: {},
  State: Model.State,
  Command: Model.Command,
  Answer: Model.Answer,
  Event: Model.Event,
  commands: new Set(),
  initial,
  decide,
  evolve,
  pending: (state) => state.offers.map((offer) => offer.tell),
  nextWake: () => undefined,
  canRead: (_state, reader) => !isUser(reader),
  listing: () => undefined
}
