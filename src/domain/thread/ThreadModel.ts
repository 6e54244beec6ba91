/**
 * What a thread is made of: its state, the commands people send, the answers
 * that come back from the world, and the events that are the only truth.
 *
 * The rules are in `Thread`; this file holds no logic.
 */
import { Schema } from "effect"
import * as ChorusModel from "../chorus/ChorusModel.ts"
import { CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"
import { SendCommand } from "../topic/Topic.ts"

/** Text as people write it: trimmed-nonempty, well-formed, at most 32 KB as UTF-8 (checked by `Thread`). */
export const MessageText = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(32_768))

export const Title = Schema.String.check(Schema.isBetweenLength(1, 200))

export const Visibility = Schema.Literals(["public", "members"])
export type Visibility = typeof Visibility.Type

/** Published for good; never changed afterwards. `source` says where an imported piece came from. */
export const Message = Schema.Struct({
  id: CommandId,
  author: UserId,
  content: Schema.String,
  at: Instant,
  /** "message" was published at once by a co-author, "approved" came through a vote. */
  origin: Schema.Literals(["message", "approved"]),
  source: Schema.NullOr(Schema.String)
})
export type Message = typeof Message.Type

export const VoteChoice = Schema.Literals(["approve", "deny"])
export type VoteChoice = typeof VoteChoice.Type

export const Vote = Schema.Struct({ voter: UserId, choice: VoteChoice, at: Instant })
export type Vote = typeof Vote.Type

/** A message by somebody who is no co-author yet: staked, voted on, settled (THR2-THR4). */
export const Submission = Schema.Struct({
  id: CommandId,
  author: UserId,
  content: Schema.String,
  stake: Schema.Natural,
  /** Frozen at submission (THR3); a leaver is taken out. */
  voters: Schema.Array(UserId),
  votes: Schema.Array(Vote),
  submitted_at: Instant,
  expires_at: Instant,
  status: Schema.Literals(["pending", "approved", "rejected", "expired", "cancelled"])
})
export type Submission = typeof Submission.Type

/** A command that waits for the approval of others (THR9); gone once that is given or refused. */
export const PendingApproval = Schema.Struct({
  id: CommandId,
  action: Schema.TaggedStruct("Invite", { user: UserId }),
  by: UserId,
  /** Frozen when it was opened; a leaver is taken out. */
  voters: Schema.Array(UserId),
  votes: Schema.Array(Vote),
  opened_at: Instant,
  expires_at: Instant
})
export type PendingApproval = typeof PendingApproval.Type

/** The current status of a thread; `absent` before `create_thread`. */
export const ThreadStatus = Schema.Literals(["absent", "active", "closed"])

export const State = Schema.Struct({
  id: TopicId,
  status: ThreadStatus,
  title: Schema.String,
  visibility: Visibility,
  /** Whether only commands that their authors signed are taken (AUT5). */
  require_signatures: Schema.Boolean,
  created_at: Instant,
  updated_at: Instant,
  co_authors: Schema.Array(UserId),
  /** Grows by one per event (THR1). */
  version: Schema.Natural,
  messages: Schema.Array(Message),
  submissions: Schema.Array(Submission),
  /** What the co-authors vote on besides submissions. */
  gates: Schema.Array(PendingApproval),
  /** Tokens that belong to the thread, as far as the ledger has confirmed. */
  token_balance: Schema.Natural,
  runs: Schema.Array(ChorusModel.ChorusState),
  /** Asked of the ledger and not yet answered (THR6). */
  owed: Schema.Array(SendCommand)
})
export type State = typeof State.Type

/** Where an imported piece came from: a path, a link. */
const MessageSource = Schema.String.check(Schema.isMaxLength(1024))

/** What people may ask of a thread; the tags are the message types of the protocol. */
export const Command = Schema.TaggedUnion({
  create_thread: {
    name: Title,
    visibility: Schema.optionalKey(Visibility),
    require_signatures: Schema.optionalKey(Schema.Boolean)
  },
  /** By a co-author: published. By anybody else who may read: a submission that stakes `stake` (default: the minimum). */
  submit_message: {
    content: MessageText,
    stake: Schema.optionalKey(Schema.Natural),
    source: Schema.optionalKey(MessageSource)
  },
  /** By a co-author: pieces written elsewhere, published together and in order; the nth goes by `<id>.<n>`, from 0. */
  import_messages: {
    messages: Schema.Array(Schema.Struct({ content: MessageText, source: MessageSource })).check(
      Schema.isBetweenLength(1, 64)
    )
  },
  /** A vote, on a submission or an invitation. */
  process_approval: { message_id: CommandId, decision: VoteChoice },
  /** By a co-author: makes `user` one as soon as all the others have approved. The command's id is voted on. */
  invite_co_author: { user: UserId },
  /** By a co-author who is not the last: out, with an equal share of what the thread holds. */
  divest: {},
  cancel_submission: { message_id: CommandId },
  /**
   * Asks the Chorus. The command's id is the prompt's id. `if_busy`: wait for one's turn (the default), be refused, or
   * cancel the run under way (CHO9). `sibling_of`: answers that prompt once more, without a look at what was answered.
   */
  submit_prompt: {
    prompt: MessageText,
    if_busy: Schema.optionalKey(Schema.Literals(["enqueue", "reject", "interrupt"])),
    sibling_of: Schema.optionalKey(CommandId)
  },
  /** What the running step has said so far is kept with the run. */
  cancel_run: { prompt_id: CommandId },
  close_thread: {}
})
export type Command = typeof Command.Type
export type CommandOf<T extends Command["_tag"]> = Extract<Command, { readonly _tag: T }>

/** The ledger's offer of a staked submission; comes only from the ledger (see `Ledger`'s escrow). */
export const SubmissionOffered = Schema.TaggedStruct("SubmissionOffered", {
  id: CommandId,
  author: UserId,
  content: MessageText,
  stake: Schema.Natural
})

/** What a thread is answered besides what every topic is. */
export const Answer = Schema.Union([SubmissionOffered, ChorusModel.RunStepAnswer])
export type Answer = typeof Answer.Type

export const Event = Schema.Union([
  Schema.TaggedUnion({
    ThreadCreated: {
      title: Title,
      visibility: Visibility,
      require_signatures: Schema.optionalKey(Schema.Boolean),
      creator: UserId,
      at: Instant
    },
    MessagePublished: {
      id: CommandId,
      author: UserId,
      content: Schema.String,
      source: Schema.NullOr(Schema.String),
      at: Instant
    },
    SubmissionOpened: {
      id: CommandId,
      author: UserId,
      content: Schema.String,
      stake: Schema.Natural,
      voters: Schema.Array(UserId),
      at: Instant,
      expires_at: Instant
    },
    VoteCast: { message_id: CommandId, voter: UserId, choice: VoteChoice, at: Instant },
    /** The vote is over. `asks` is what the ledger is told to do with the stake. */
    SubmissionSettled: {
      id: CommandId,
      outcome: Schema.Literals(["approved", "rejected", "expired", "cancelled"]),
      asks: SendCommand,
      at: Instant
    },
    GateOpened: {
      id: CommandId,
      action: PendingApproval.fields.action,
      by: UserId,
      voters: Schema.Array(UserId),
      at: Instant,
      expires_at: Instant
    },
    /** The vote is over; what was approved has happened. */
    GateClosed: { id: CommandId, outcome: Schema.Literals(["approved", "rejected", "expired"]), at: Instant },
    /** A co-author has left; `asks` has the ledger pay out the share, if there is any. */
    Divested: { user: UserId, amount: Schema.Natural, asks: Schema.NullOr(SendCommand), at: Instant },
    /** The ledger answered `ask`; `to_thread` is what reached the thread's own account by it. */
    LedgerAnswered: { ask: CommandId, accepted: Schema.Boolean, to_thread: Schema.Natural, at: Instant },
    ThreadClosed: { by: UserId, at: Instant }
  }),
  ChorusModel.ChorusEvent
])
export type Event = typeof Event.Type
export type EventOf<T extends Event["_tag"]> = Extract<Event, { readonly _tag: T }>
