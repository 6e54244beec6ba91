/**
 * The data of a thread: state, commands, answers and events. Owns no rules; those are in `Thread` and the files that
 * it imports.
 *
 * The life of a thread (THR1, THR7):
 *
 *     absent --create_thread--> active --close_thread by the last co-author--> closed
 *
 * A submission (THR2-THR4, THR7), from the command of a user who is not a co-author:
 *
 *     submit_message --forward--> ledger: stake reserved --SubmissionOffered--> pending
 *                                   |                                             |-- all approve ----> approved
 *                                   | rejected here:                              |-- denied, split --> rejected
 *                                   v the stake is returned                       |-- 7 days ---------> expired
 *                                 (no submission)                                 '-- by its author, or
 *                                                                                     the thread closes -> cancelled
 *
 * Every end of a submission asks the ledger to settle its stake. An offer by a user who has become a co-author
 * meanwhile is approved at once.
 *
 * A gate (THR9): a command that waits for the votes of the other co-authors.
 *
 *     invite_co_author --GateOpened--> open --all approve, or no other co-author--> approved: the command is applied
 *                                       |-- denied --------------------------------> rejected
 *                                       |-- 7 days --------------------------------> expired
 *                                       '-- the thread closes ---------------------> dropped
 */
import { Schema } from "effect"
import * as ChorusModel from "../chorus/ChorusModel.ts"
import { CommandId, Instant, TopicId, UserId } from "../protocol/Ids.ts"
import * as SealedText from "../topic/SealedText.ts"
import { SendCommand } from "../topic/Topic.ts"

/** Text of a message or prompt (THR2). `MessageContent.validateContent` checks blanks, surrogates and bytes. */
const MessageText = SealedText.written(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(32_768)))

/** The name of a thread. */
const Title = SealedText.written(Schema.String.check(Schema.isBetweenLength(1, 200)))

/** Who may read a thread: everyone, or its co-authors (THR10). */
export const Visibility = Schema.Literals(["public", "members"])
export type Visibility = typeof Visibility.Type

/** The owner of the agent that did something (AUT8); absent if a person did. */
const Owner = Schema.optionalKey(UserId)

/** An agent that has acted in the thread, and the owner that it acts for there. */
export const ThreadAgent = Schema.Struct({ agent: UserId, owner: UserId })
export type ThreadAgent = typeof ThreadAgent.Type

/** A message of a thread; it never changes. `source` is the origin of an imported one: a path or a link. */
export const Message = Schema.Struct({
  id: CommandId,
  /** The event that holds its text, by which it can be erased (TOP10). */
  seq: Schema.Natural,
  author: UserId,
  owner: Owner,
  content: SealedText.stored,
  at: Instant,
  /** The topic of its thread. */
  thread: TopicId,
  /** "published": by a co-author. "approved": a submission that passed its vote. */
  status: Schema.Literals(["published", "approved"]),
  /** The voters who approved it, in the order of their votes; none of a published one. */
  approvals: Schema.Array(UserId),
  source: SealedText.orNull(SealedText.stored)
})
export type Message = typeof Message.Type
/** A message, as readers see it: its texts as strings. */
export type PlainMessage = SealedText.Plain<Message>

/** The choices of a vote (THR3). */
export const VoteChoice = Schema.Literals(["approve", "deny"])
export type VoteChoice = typeof VoteChoice.Type

/** A final vote (THR3). */
export const Vote = Schema.Struct({ voter: UserId, owner: Owner, choice: VoteChoice, at: Instant })
export type Vote = typeof Vote.Type

/** A message by a user who is not a co-author: staked, voted on, settled (THR2-THR4). */
export const Submission = Schema.Struct({
  id: CommandId,
  /** The event that holds its text. */
  seq: Schema.Natural,
  author: UserId,
  owner: Owner,
  content: SealedText.stored,
  stake: Schema.Natural,
  /** The co-authors at submission, without those who left before voting (THR3); one for an owner and their agents. */
  voters: Schema.Array(UserId),
  votes: Schema.Array(Vote),
  submitted_at: Instant,
  expires_at: Instant,
  status: Schema.Literals(["pending", "approved", "rejected", "expired", "cancelled"])
})
export type Submission = typeof Submission.Type
/** A submission, as readers see it. */
export type PlainSubmission = SealedText.Plain<Submission>

/** A gate: a command that waits for approval (THR9). It is removed when the vote ends. */
export const PendingApproval = Schema.Struct({
  id: CommandId,
  action: Schema.TaggedStruct("Invite", { user: UserId }),
  by: UserId,
  owner: Owner,
  /** The other co-authors when it opened, without those who left before voting. */
  voters: Schema.Array(UserId),
  votes: Schema.Array(Vote),
  opened_at: Instant,
  expires_at: Instant
})
export type PendingApproval = typeof PendingApproval.Type

/** The current status of a thread; `absent` before `create_thread`. */
export const ThreadStatus = Schema.Literals(["absent", "active", "closed"])

/** The state of a thread; `ThreadInvariants` lists its invariants. */
export const State = Schema.Struct({
  id: TopicId,
  status: ThreadStatus,
  title: SealedText.stored,
  visibility: Visibility,
  /** Whether every command must carry its author's signature (AUT5). */
  require_signatures: Schema.Boolean,
  created_at: Instant,
  updated_at: Instant,
  co_authors: Schema.Array(UserId),
  /** Absent while no agent has acted. */
  agents: Schema.optionalKey(Schema.Array(ThreadAgent)),
  /** Grows by one per event (THR1). */
  version: Schema.Natural,
  messages: Schema.Array(Message),
  submissions: Schema.Array(Submission),
  /** The open gates (THR9). */
  gates: Schema.Array(PendingApproval),
  /** The tokens of the thread's account that the ledger has confirmed (THR6). */
  token_balance: Schema.Natural,
  runs: Schema.Array(ChorusModel.ChorusState),
  /** Requests to the ledger without an answer (THR6). */
  ledger_requests: Schema.Array(SendCommand)
})
export type State = typeof State.Type
/** The state of a thread, as readers see it. */
export type PlainState = SealedText.Plain<State>

/** The origin of imported text: a path or a link. */
const MessageSource = SealedText.written(Schema.String.check(Schema.isMaxLength(1024)))

/** The commands of users; the tags are the message types of the protocol. */
export const Command = Schema.TaggedUnion({
  create_thread: {
    name: Title,
    visibility: Schema.optionalKey(Visibility),
    require_signatures: Schema.optionalKey(Schema.Boolean)
  },
  /** By a co-author: published at once. By another reader: a submission with `stake` (default: the minimum; THR2). */
  submit_message: {
    content: MessageText,
    stake: Schema.optionalKey(Schema.Natural),
    source: Schema.optionalKey(MessageSource)
  },
  /** By a co-author: texts from elsewhere, published together in order; message n has the id `<id>.<n>`, from 0. */
  import_messages: {
    messages: Schema.Array(Schema.Struct({ content: MessageText, source: MessageSource })).check(
      Schema.isBetweenLength(1, 64)
    )
  },
  /** A vote on a submission or a gate (THR3, THR9). */
  process_approval: { message_id: CommandId, decision: VoteChoice },
  /** By a co-author: opens a gate under the command's id; `user` becomes a co-author when it passes (THR7). */
  invite_co_author: { user: UserId },
  /**
   * By a co-author who is not the last: leaves with an equal share of the thread's tokens (THR7). `agent`: by its owner, makes
   * their agent leave, whose votes are waited for otherwise even if it was revoked (AUT8).
   */
  divest: { agent: Schema.optionalKey(UserId) },
  cancel_submission: { message_id: CommandId },
  /**
   * Prompts the Chorus; the command's id is the prompt's id. `if_busy`: enqueue (default), reject, or interrupt the
   * active run (CHO9). `sibling_of`: answers that prompt again; the run does not see the earlier answers (CHO8).
   */
  submit_prompt: {
    prompt: MessageText,
    if_busy: Schema.optionalKey(Schema.Literals(["enqueue", "reject", "interrupt"])),
    sibling_of: Schema.optionalKey(CommandId)
  },
  /** Cancels a queued or active run; the text of its step so far is kept (CHO8). */
  cancel_run: { prompt_id: CommandId },
  close_thread: {}
})
export type Command = typeof Command.Type
/** A command as users send it: strings in place of texts. */
export type CommandInput = typeof Command.Encoded
/** The command with this tag. */
export type CommandOf<T extends Command["_tag"]> = Extract<Command, { readonly _tag: T }>

/**
 * The ledger's offer of a submission whose stake is reserved (THR2); accepted from the ledger only. The ledger has the seal
 * of its text, which stands beside the log of the thread (TOP10).
 */
export const SubmissionOffered = Schema.TaggedStruct("SubmissionOffered", {
  id: CommandId,
  author: UserId,
  owner: Owner,
  content: SealedText.stored,
  stake: Schema.Natural
})

/** The answers to a thread's intents, besides those that every kind has. */
export const Answer = Schema.Union([SubmissionOffered, ChorusModel.RunStepAnswer, ChorusModel.SourceErased])
export type Answer = typeof Answer.Type

/** The events of a thread. */
export const Event = Schema.Union([
  Schema.TaggedUnion({
    ThreadCreated: {
      title: SealedText.stored,
      visibility: Visibility,
      require_signatures: Schema.optionalKey(Schema.Boolean),
      creator: UserId,
      owner: Owner,
      at: Instant
    },
    MessagePublished: {
      id: CommandId,
      author: UserId,
      owner: Owner,
      content: SealedText.stored,
      source: SealedText.orNull(SealedText.stored),
      at: Instant
    },
    SubmissionOpened: {
      id: CommandId,
      author: UserId,
      owner: Owner,
      content: SealedText.stored,
      stake: Schema.Natural,
      voters: Schema.Array(UserId),
      at: Instant,
      expires_at: Instant
    },
    VoteCast: { message_id: CommandId, ...Vote.fields },
    /** The vote has ended; `ledger_request` requests the settlement of the stake (THR6). */
    SubmissionSettled: {
      id: CommandId,
      outcome: Schema.Literals(["approved", "rejected", "expired", "cancelled"]),
      ledger_request: SendCommand,
      at: Instant
    },
    GateOpened: {
      id: CommandId,
      action: PendingApproval.fields.action,
      by: UserId,
      owner: Owner,
      voters: Schema.Array(UserId),
      at: Instant,
      expires_at: Instant
    },
    /** The vote on a gate has ended; if approved, its command is applied (THR9). */
    GateClosed: { id: CommandId, outcome: Schema.Literals(["approved", "rejected", "expired"]), at: Instant },
    /** A co-author has left; `ledger_request` requests the payment of the share, if there is any (THR7). */
    Divested: { user: UserId, amount: Schema.Natural, ledger_request: Schema.NullOr(SendCommand), at: Instant },
    /** The ledger answered the request `request`, which moved `to_thread` tokens to the thread's account (THR6). */
    LedgerAnswered: { request: CommandId, accepted: Schema.Boolean, to_thread: Schema.Natural, at: Instant },
    ThreadClosed: { by: UserId, at: Instant }
  }),
  ChorusModel.ChorusEvent
])
export type Event = typeof Event.Type
/** The event with this tag. */
export type EventOf<T extends Event["_tag"]> = Extract<Event, { readonly _tag: T }>
