/**
 * The types of the client's state machine: state, messages, intents (SYN10). No logic: `ClientMachine` has the
 * transitions. Time, randomness, command ids and signatures arrive in messages.
 *
 * States of the connection:
 *
 * ```text
 *  Disconnected ──Started──▶ Connecting ──init──▶ Online
 *       ▲                      │   ▲                │
 *       │           connection │   │ TimerFired,    │ connection
 *       │           lost       ▼   │ PageShown      │ lost
 *       │                    Reconnecting ◀─────────┘
 *       │
 *       └── from each state: Stopped, and a close code that forbids reconnecting (CON6);
 *           from Connecting also: a rejected key, a failed signature, another server's audience (SEC3);
 *           from Connecting and Reconnecting: no WebSocket can be opened
 * ```
 *
 * "Connection lost" is `SocketClosed` with any other code, a timeout of the sign-in or of an answer to `heartbeat`, a
 * rate-limited sign-in, or a session that the server no longer accepts.
 *
 * The stages of `Connecting`:
 *
 * ```text
 *  opening ──SocketOpened──▶ resuming ───────init──▶ Online
 *     │                         │ session rejected
 *     │ no session              ▼
 *     └────────────────▶ authenticating: challenge, ChallengeSigned ──init──▶ Online
 * ```
 *
 * `Replica` draws the states of a topic's replica, `Outbox` those of a command.
 */
import type { Result } from "effect"
import type { CommandId, Instant, TopicId, UserId } from "../domain/protocol/Ids.ts"
import type { Attestation } from "../domain/protocol/Principal.ts"
import type { PublishedEvent, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import type { AnyKind } from "../domain/topic/Topic.ts"
import type { ClientErrorReason } from "./ClientError.ts"
import type { Replica } from "./Replica.ts"

/** Fixed settings of a client. */
export interface Config {
  readonly kinds: ReadonlyMap<string, AnyKind>
  readonly me: UserId
  /** What the client acts by as an agent (AUT8). */
  readonly attestation?: Attestation | undefined
  /** A UUID that identifies this client instance (AUT7). Its first 24 characters begin its message ids. */
  readonly instance: string
  /** `host:port` as dialled: challenges for another audience are not signed (SEC3). Undefined: all are. */
  readonly host: string | undefined
  /** Whether each command is signed by itself (AUT5). */
  readonly signCommands: boolean
}

/** A session that can be resumed without a signature (AUT2). Times are of the client's clock. */
export interface Session {
  readonly token: string
  readonly renewAt: Instant
  readonly expiresAt: Instant
}

/** The server's announcement of a close (CON6). */
export type Goodbye = Omit<ServerMessageOf<"goodbye">, "_tag">

/** The state of the connection; drawn above. */
export type Connection =
  /** No connection, and no attempt is scheduled. `reason` is undefined before the first start and after `Stopped`. */
  | { readonly _tag: "Disconnected"; readonly reason: ClientErrorReason | undefined }
  | {
    readonly _tag: "Connecting"
    readonly socket: number
    readonly since: Instant
    readonly attempt: number
    readonly stage: "opening" | "resuming" | "authenticating"
    /** The id of the last sign-in message, which an error may name. */
    readonly requestId: string | undefined
    readonly goodbye: Goodbye | undefined
  }
  | {
    readonly _tag: "Online"
    readonly socket: number
    readonly since: Instant
    readonly attempt: number
    readonly connectionId: string
    readonly lastReceivedAt: Instant
    /** Until when a `heartbeat` that was sent must be answered. */
    readonly answerBy: Instant | undefined
    readonly goodbye: Goodbye | undefined
  }
  /** The next attempt is at `retryAt`. `notBefore` is the server's lower bound, which `PageShown` respects too. */
  | {
    readonly _tag: "Reconnecting"
    readonly attempt: number
    readonly retryAt: Instant
    readonly notBefore: Instant
  }

/** Flow control of the commands of one budget. */
export interface SendWindow {
  /** No command is sent before this time: the server's `retry_after_ms`. */
  readonly notBefore: Instant
  /** Maximum number of unanswered commands: 1 after `rate_limited`, one more with each receipt. */
  readonly window: number
}

/** A command whose events are not in the replica yet; `Outbox` draws its states. */
export interface PendingCommand {
  readonly id: CommandId
  readonly topic: TopicId
  /** As it is sent: strings in place of texts. */
  readonly command: { readonly _tag: string }
  /** As its kind decides it, with its texts committed to; undefined for one that the kind does not have. */
  readonly input: unknown
  /** What its texts are committed to under, also when it is sent again; undefined without texts (TOP10). */
  readonly salt: string | undefined
  /** The name of the rate limit's budget that it draws on (CON7). */
  readonly budget: string
  readonly at: Instant
  readonly seed: number
  /** Not yet sent on this connection, sent on it and unanswered, or receipted ahead of the replica's `base`. */
  readonly stage: "queued" | "sent" | "accepted"
  /** Whether it is applied to the replica's `base`; false once that contains it. */
  readonly optimistic: boolean
  /** How often it was sent, but for attempts that the server has answered undecided. Above 0, the log may contain it. */
  readonly undecidedAttempts: number
  /** Whether the replica's `confirmed` contains it. Maybe after a snapshot, which names no commands, until its answer. */
  readonly inConfirmed: "no" | "maybe" | "yes"
  /** Its seq in the log, once `accepted`; 0 before. */
  readonly seq: number
}

/** A read that the server answers once. */
export type Query =
  | { readonly _tag: "get_threads"; readonly public: boolean }
  | { readonly _tag: "get_thread" }
  | { readonly _tag: "get_user" }
  | { readonly _tag: "sign_out" }

/** A query without an answer; sent again after a reconnect. */
export interface PendingQuery {
  readonly id: string
  readonly query: Query
  readonly topic: TopicId | undefined
  readonly sent: boolean
}

/** The server's answer to an accepted command: where it is logged (SYN5). */
export type Receipt = Omit<ServerMessageOf<"receipt">, "_tag" | "ref_id">
/** The server's answer to a query. */
export type QueryResponse = ServerMessageOf<"threads" | "thread_messages" | "user" | "signed_out">

/** The whole state of a client. */
export interface State {
  readonly connection: Connection
  /** When the connection was lost; undefined while it is online, and before it was first online. */
  readonly lostAt: Instant | undefined
  /** Whether the server closed the connection for a restart (SYN11): shortens the back-off. */
  readonly serverRestarting: boolean
  readonly session: Session | undefined
  /** The last `init`; kept while the connection is lost. */
  readonly init: Omit<ServerMessageOf<"init">, "_tag"> | undefined
  /** Topics whose title was erased since the last `init`: whoever keeps a list of topics drops it there too (TOP10). */
  readonly erasedTitles: ReadonlySet<TopicId>
  readonly replicas: ReadonlyMap<TopicId, Replica>
  /** In the order of submission. */
  readonly outbox: ReadonlyArray<PendingCommand>
  readonly pendingQueries: ReadonlyArray<PendingQuery>
  /** Flow control by budget. A budget without an entry has the largest window and no pause (CON7). */
  readonly sendWindows: ReadonlyMap<string, SendWindow>
  /** Topics whose position is to be acknowledged at `ackAt` (SYN6). */
  readonly unacked: ReadonlySet<TopicId>
  readonly ackAt: Instant
  /** Number of sockets opened so far, which is the number of the newest. Messages of older sockets are ignored. */
  readonly socketCount: number
  /** Generator of message ids: the instance's first 24 characters, and the counter that follows them. */
  readonly idPrefix: string
  readonly idCounter: number
}

/** An input of the machine, without its time. */
export type UntimedMessage =
  | { readonly _tag: "Started" }
  | { readonly _tag: "Stopped" }
  | { readonly _tag: "SocketOpened"; readonly socket: number }
  /** No socket can be opened. `problem` says why, without a period at its end. */
  | { readonly _tag: "SocketUnusable"; readonly problem: string }
  /** `value` is the parsed JSON of a frame. */
  | { readonly _tag: "FrameReceived"; readonly socket: number; readonly value: unknown }
  | { readonly _tag: "ChallengeSigned"; readonly socket: number; readonly signature: string }
  | { readonly _tag: "SigningFailed"; readonly socket: number }
  /** `random` is in [0, 1). */
  | { readonly _tag: "SocketClosed"; readonly socket: number; readonly code: number; readonly random: number }
  | { readonly _tag: "TimerFired"; readonly random: number }
  /** The page became visible, or the network changed. */
  | { readonly _tag: "PageShown" }
  | { readonly _tag: "TopicWatched"; readonly topic: TopicId }
  | { readonly _tag: "TopicUnwatched"; readonly topic: TopicId }
  | {
    readonly _tag: "CommandSubmitted"
    readonly id: CommandId
    readonly topic: TopicId
    readonly command: { readonly _tag: string }
    readonly seed: number
    readonly salt: string
  }
  /** Nobody waits for the outcome of a command any more. */
  | { readonly _tag: "CommandWithdrawn"; readonly id: string }
  | {
    readonly _tag: "QuerySubmitted"
    readonly id: string
    readonly query: Query
    readonly topic: TopicId | undefined
  }
  | { readonly _tag: "SignalSubmitted"; readonly topic: TopicId; readonly key: string; readonly value: unknown }
/** An input of the machine. */
export type Message = UntimedMessage & { readonly at: Instant }
/** The input with a tag. */
export type MessageOf<T extends Message["_tag"]> = Extract<Message, { readonly _tag: T }>

/** A durable event as listeners get it: of the kind's present version, with strings in place of texts. */
export interface ReceivedEvent extends Omit<PublishedEvent, "event" | "open"> {
  readonly event: unknown
  /** The same event with its texts as `SealedText`: whoever keeps events erases texts by their seals (TOP10). */
  readonly sealed: unknown
}

/** An effect that the machine asks the runtime for. */
export type Intent =
  | { readonly _tag: "Open"; readonly socket: number }
  | { readonly _tag: "Close"; readonly socket: number; readonly code: number }
  /** `signing`: what is signed of a command, if the client signs commands (AUT5). */
  | {
    readonly _tag: "Send"
    readonly socket: number
    readonly envelope: OutgoingMessage
    readonly signing?: { readonly audience: string; readonly command: unknown }
  }
  | { readonly _tag: "Sign"; readonly socket: number; readonly text: string }
  /** The single outcome of a command (SYN5). */
  | {
    readonly _tag: "CompleteCommand"
    readonly id: string
    readonly outcome: Result.Result<Receipt, ClientErrorReason>
  }
  /** The single answer to a query. */
  | {
    readonly _tag: "CompleteQuery"
    readonly id: string
    readonly outcome: Result.Result<QueryResponse, ClientErrorReason>
  }
  /** Durable events that a replica has just applied, in order. */
  | { readonly _tag: "EmitEvents"; readonly topic: TopicId; readonly events: ReadonlyArray<ReceivedEvent> }

/** An envelope to be sent. `payload` holds the fields of a command without its tag, which is `type`. */
export interface OutgoingMessage {
  readonly id: string
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly timestamp: Instant
  readonly thread_id?: TopicId
  readonly salt?: string
}

/** The result of a step. */
export type Transition = readonly [state: State, intents: ReadonlyArray<Intent>]
