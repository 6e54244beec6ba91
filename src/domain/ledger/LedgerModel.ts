/**
 * The data of the ledger: accounts, inputs and events, in the one topic `ledger:main`. The rules are in `Ledger`.
 *
 * An escrow (LED1, THR2). The ledger reserves a stake before it offers the escrow's input to another topic:
 *
 *     Escrow --> reserved, offered --accepted--> reserved --Settle--> settled: the shares are paid
 *                  |      |
 *                  |      '--Settle, before the offer's answer (LED4)--> settled
 *                  '--rejected--> returned to its owner
 *
 * `LedgerInvariants` lists the invariants.
 */
import { Schema } from "effect"
import { CommandId, Instant, siblingTopic, type SystemId, TopicId, UserId } from "../protocol/Ids.ts"
import { SendCommand } from "../topic/Topic.ts"

/** The ledger of tokens, outside tenants. The name of a ledger is its unit: `main` counts tokens. */
export const mainLedger = TopicId.make("ledger:main")
/** The ledger of tokens in the tenant of a topic (ROO11). */
export const ledgerOf = (topic: TopicId): TopicId => siblingTopic(topic, "ledger", "main")
/** The author of a ledger's commands to other topics. */
export const authorOfLedger = (ledger: TopicId): SystemId => `system:${ledger}`

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

/** Why tokens moved (LED3). */
export const Cause = Schema.TaggedUnion({
  /** The grant of a new user. */
  Grant: {},
  /** The vote on a submission has ended, or its author has cancelled it. */
  Settled: {
    thread: TopicId,
    submission: CommandId,
    outcome: Schema.Literals(["approved", "rejected", "expired", "cancelled"])
  },
  /** A co-author has left the thread with a share. */
  Divested: { thread: TopicId },
  /** The thread was closed. */
  Closed: { thread: TopicId },
  /** A payment between accounts by the server. */
  Payment: {}
})
export type Cause = typeof Cause.Type

/** A part of a movement of tokens. */
export const Share = Schema.Struct({ to: AccountId, amount: Amount })
export type Share = typeof Share.Type

/** The attestation that an escrow counts against (AUT8): of the owner of the account, for this agent, of this time. */
export const Spender = Schema.Struct({ agent: UserId, expires_at: Instant, issued_at: Instant })
export type Spender = typeof Spender.Type

/** What an agent has staked by the newest attestation that it has used. */
export const AgentSpending = Schema.Struct({ issued_at: Instant, spent: Amount })
export type AgentSpending = typeof AgentSpending.Type

/** An escrow whose offer has no answer yet; `command` submits its input to the other topic. */
export const Offer = Schema.Struct({
  id: CommandId,
  from: AccountId,
  amount: Amount,
  /** Present if an agent has staked it. */
  spender: Schema.optionalKey(Spender),
  command: SendCommand
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
  /** By owner's account and agent, what it has staked (AUT8). */
  agents: Schema.HashMap(Schema.String, AgentSpending),
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
  Transfer: { from: AccountId, to: AccountId, amount: Amount, cause: Cause },
  /** Pays a cited author from the treasury, up to the limits of the day (CHO10, LED3). */
  Reward: { asker: UserId, author: UserId, amount: Amount, thread: TopicId, prompt: CommandId },
  /**
   * Reserves `amount` of the author's tokens, an agent's owner's for it (AUT8), as `stake:<id of this command>`, then offers `input` to `topic` as a command
   * of the ledger. If that topic rejects it, the stake is returned.
   */
  Escrow: { amount: Amount, topic: TopicId, input: Schema.Json },
  /** Pays a stake out as `shares`, which must add up to it (LED2). */
  Settle: { stake: CommandId, shares: Schema.Array(Share), cause: Cause }
})
export type Answer = typeof Answer.Type

/** The request of a topic to the ledger of its tenant, as an intent of the topic. */
export const ledgerRequest = (from: TopicId, id: CommandId, input: Answer): SendCommand => ({
  _tag: "SendCommand",
  id,
  topic: ledgerOf(from),
  input
})

/** The events of the ledger. */
export const Event = Schema.TaggedUnion({
  /** One atomic movement of the sum of `shares`. */
  Moved: { from: AccountId, shares: Schema.Array(Share), cause: Cause, at: Instant },
  /** A citation in the answer to `prompt` was paid from the treasury. */
  Rewarded: { asker: UserId, author: UserId, amount: Amount, thread: TopicId, prompt: CommandId, at: Instant },
  Escrowed: { offer: Offer, at: Instant },
  /** The other topic answered an offer; if it rejected it, the stake is returned. */
  OfferClosed: { id: CommandId, accepted: Schema.Boolean, at: Instant }
})
export type Event = typeof Event.Type
