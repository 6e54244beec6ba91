/**
 * The data of the ledger: accounts, inputs and events, in the one topic `ledger:main`. The rules are in `Ledger`.
 *
 * An escrow (LED1, THR2). The ledger reserves a stake before it offers the escrow's input to another topic:
 *
 *     Escrow --> reserved, offered --Told accepted--> reserved --Settle--> settled: the shares are paid
 *                  |      |
 *                  |      '--Settle, before the offer's answer (LED4)--> settled
 *                  '--Told rejected--> returned to its owner
 *
 * `LedgerInvariants` lists the invariants.
 */
import { Schema } from "effect"
import { CommandId, Instant, type SystemId, TopicId, UserId } from "../protocol/Ids.ts"
import { SendCommand } from "../topic/Topic.ts"

/** The one topic of the ledger. */
export const mainLedger = TopicId.make("ledger:main")
/** The author of the ledger's commands to other topics. */
export const ledgerAuthor: SystemId = `system:${mainLedger}`

/** An account (LED1): `treasury`, `user:<key>`, `thread:<topic name>` or `stake:<submission>`. */
export const AccountId = Schema.Union([
  Schema.Literal("treasury"),
  Schema.TemplateLiteral(["user:", Schema.String]),
  Schema.TemplateLiteral(["thread:", Schema.String]),
  Schema.TemplateLiteral(["stake:", Schema.String])
])
export type AccountId = typeof AccountId.Type

/** The account of a user. */
export const userAccount = (user: string): AccountId => `user:${user}`
/** The account of a thread: its id equals the topic's. */
export const threadAccount = (thread: TopicId): AccountId => `thread:${thread.slice("thread:".length)}`
/** The account that holds the stake of a submission. */
export const stakeAccount = (submission: CommandId): AccountId => `stake:${submission}`

/** Whole tokens (LED2). */
export const Amount = Schema.Natural

/** A part of a movement of tokens. */
export const Share = Schema.Struct({ to: AccountId, amount: Amount })
export type Share = typeof Share.Type

/** An escrow whose offer has no answer yet; `tell` submits its input to the other topic. */
export const Offer = Schema.Struct({
  id: CommandId,
  from: AccountId,
  amount: Amount,
  tell: SendCommand
})
export type Offer = typeof Offer.Type

/** The state of the ledger. Keys of `accounts` contain names chosen by users, and so are map keys (SEC19). */
export const State = Schema.Struct({
  /** Balance by account. A stake is removed when it is returned or settled. */
  accounts: Schema.HashMap(AccountId, Amount),
  supply: Amount,
  /** The escrows whose offer has no answer. */
  offers: Schema.Array(Offer),
  /** The accounts of users that a payment opened, and that are not granted yet (LED3). */
  ungranted: Schema.HashSet(AccountId),
  /** What citations were paid today, by asker and by cited author (LED3); see `DailyBudget`. */
  rewards: Schema.Struct({ day: Schema.Natural, spent: Schema.HashMap(Schema.String, Amount) }),
  version: Schema.Natural
})
export type State = typeof State.Type

/** Users send no commands to the ledger; topics and the server do. */
export const Command = Schema.Never
export type Command = typeof Command.Type

/** The requests of topics and the server. */
export const Answer = Schema.TaggedUnion({
  /** The grant of a user from the treasury, once per user whatever the command id (LED3). */
  Grant: { user: UserId },
  Transfer: { from: AccountId, to: AccountId, amount: Amount, reason: Schema.String },
  /** Pays a cited author from the treasury, up to the limits of the day (CHO10, LED3). */
  Reward: { asker: UserId, author: UserId, amount: Amount, reason: Schema.String },
  /**
   * Reserves `amount` of the author's tokens as `stake:<id of this command>`, then offers `input` to `topic` as a command
   * of the ledger. If that topic rejects it, the stake is returned.
   */
  Escrow: { amount: Amount, topic: TopicId, input: Schema.Json },
  /** Pays a stake out as `shares`, which must add up to it (LED2). */
  Settle: { stake: CommandId, shares: Schema.Array(Share), reason: Schema.String }
})
export type Answer = typeof Answer.Type

/** The request of a topic to the ledger, as an intent of the topic. */
export const ledgerRequest = (id: CommandId, input: Answer): SendCommand => ({
  _tag: "Tell",
  id,
  topic: mainLedger,
  input
})

/** The events of the ledger. */
export const Event = Schema.TaggedUnion({
  /** One atomic movement of the sum of `shares`. `reason` names its cause: the grant, the vote, the citation (LED3). */
  Moved: { from: AccountId, shares: Schema.Array(Share), reason: Schema.String, at: Instant },
  /** A citation was paid from the treasury. */
  Rewarded: { asker: UserId, author: UserId, amount: Amount, reason: Schema.String, at: Instant },
  Escrowed: { offer: Offer, at: Instant },
  /** The other topic answered an offer; if it rejected it, the stake is returned. */
  OfferClosed: { id: CommandId, accepted: Schema.Boolean, at: Instant }
})
export type Event = typeof Event.Type
