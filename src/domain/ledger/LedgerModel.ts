/**
 * What the ledger is made of. All accounts live in the one topic `ledger:main`;
 * the rules are in `Ledger`.
 */
import { Schema } from "effect"
import { CommandId, Instant, type SystemId, TopicId, UserId } from "../protocol/Ids.ts"
import { SendCommand } from "../topic/Topic.ts"

/** The one ledger, and the author it has in other topics. */
export const mainLedger = TopicId.make("ledger:main")
export const ledgerAuthor: SystemId = `system:${mainLedger}`

/** `treasury`, `user:<key>`, `thread:<topic name>`, `stake:<submission>`. */
export const AccountId = Schema.Union([
  Schema.Literal("treasury"),
  Schema.TemplateLiteral(["user:", Schema.String]),
  Schema.TemplateLiteral(["thread:", Schema.String]),
  Schema.TemplateLiteral(["stake:", Schema.String])
])
export type AccountId = typeof AccountId.Type

export const userAccount = (user: string): AccountId => `user:${user}`
/** A thread's topic id is its account id: both read `thread:<name>`. */
export const threadAccount = (thread: TopicId): AccountId => `thread:${thread.slice("thread:".length)}`
export const stakeAccount = (submission: CommandId): AccountId => `stake:${submission}`

/** Whole tokens. */
export const Amount = Schema.Natural

export const Share = Schema.Struct({ to: AccountId, amount: Amount })
export type Share = typeof Share.Type

/** An escrow that has not been taken up by the topic it was offered to. */
export const Offer = Schema.Struct({
  id: CommandId,
  from: AccountId,
  amount: Amount,
  tell: SendCommand
})
export type Offer = typeof Offer.Type

export const State = Schema.Struct({
  /** Balance by account; accounts that reached zero and can never move again (stakes) are dropped. */
  accounts: Schema.HashMap(AccountId, Amount),
  supply: Amount,
  /** Escrows whose offer the other topic has not answered. */
  offers: Schema.Array(Offer),
  version: Schema.Natural
})
export type State = typeof State.Type

/** Users never command the ledger over the wire; topics and the server do. */
export const Command = Schema.Never
export type Command = typeof Command.Type

/** What topics and the server ask of the ledger. */
export const Answer = Schema.TaggedUnion({
  /** A new user's grant from the treasury; once per user, whatever the id (LED3). */
  Grant: { user: UserId },
  Transfer: { from: AccountId, to: AccountId, amount: Amount, reason: Schema.String },
  /**
   * Reserve `amount` of the author's tokens as `stake:<id of this command>`, and then offer `input` to `topic`
   * (which sees it as coming from this ledger). Refused there: the stake flows back.
   */
  Escrow: { amount: Amount, topic: TopicId, input: Schema.Json },
  /** Empty a stake into `shares`; they must add up to it exactly. */
  Settle: { stake: CommandId, shares: Schema.Array(Share), reason: Schema.String }
})
export type Answer = typeof Answer.Type

export const Event = Schema.TaggedUnion({
  /** One atomic movement; `amount` leaves `from`. `reason` names the cause: the grant, the vote, the citation (LED3). */
  Moved: { from: AccountId, shares: Schema.Array(Share), reason: Schema.String, at: Instant },
  Escrowed: { offer: Offer, at: Instant },
  /** The other topic answered; refused offers flowed back. */
  OfferClosed: { id: CommandId, accepted: Schema.Boolean, at: Instant }
})
export type Event = typeof Event.Type
