/**
 * What the client's machine is made of: its state, what happens to it, what it
 * wants done. No logic; the rules are in `Machine`.
 *
 * Time, randomness, ids and signatures arrive in messages.
 */
import type { Result } from "effect"
import type { CommandId, Instant, TopicId, UserId } from "../domain/protocol/Ids.ts"
import type { PublishedEvent, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import type { AnyKind } from "../domain/topic/Topic.ts"
import type { ClientErrorReason } from "./ClientError.ts"
import type { Replica } from "./Replica.ts"

/** What does not change while a client lives. */
export interface Config {
  readonly kinds: ReadonlyMap<string, AnyKind>
  readonly me: UserId
  /** A UUID of this client instance: names it to the server (AUT7), and its first 24 characters begin its messages' ids. */
  readonly instance: string
  /** `host:port` of the server as dialled; a challenge for anybody else is not signed. Undefined: any will do. */
  readonly host: string | undefined
  /** Whether every command leaves with a signature of its own (AUT5). */
  readonly signCommands?: boolean
}

/** A session that resumes without signing (AUT2). Times are of this side's clock. */
export interface Session {
  readonly token: string
  readonly renewAt: Instant
  readonly expiresAt: Instant
}

/** What the server said last before it closes (CON6). */
export type Goodbye = Omit<ServerMessageOf<"goodbye">, "_tag">

export type Connection =
  /** Not connected, and not about to be. `fault` says why, unless it was asked for. */
  | { readonly _tag: "Disconnected"; readonly reason: ClientErrorReason | undefined }
  | {
    readonly _tag: "Connecting"
    readonly socket: number
    readonly since: Instant
    readonly attempt: number
    /** How far it has come; `ref` is the id of the message that waits for its answer. */
    readonly stage: "opening" | "resuming" | "authenticating"
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
    /** When we asked whether the server is still there, if we wait for its answer. */
    readonly probedAt: Instant | undefined
    readonly goodbye: Goodbye | undefined
  }
  /** The connection is lost and comes back by itself at `dueAt`, never before `notBefore`. */
  | {
    readonly _tag: "Reconnecting"
    readonly attempt: number
    readonly retryAt: Instant
    readonly notBefore: Instant
  }

/** How fast the commands that draw on one budget may leave. */
export interface SendWindow {
  /** None leaves before this time: the server asked for a pause. */
  readonly notBefore: Instant
  /** How many may be without an answer at once: falls to 1 at such a pause, and grows with every receipt. */
  readonly window: number
}

/** A command that its topic's log does not show yet. */
export interface PendingCommand {
  readonly id: CommandId
  readonly topic: TopicId
  readonly command: { readonly _tag: string }
  /** The budget it draws on. */
  readonly budget: string
  readonly at: Instant
  readonly seed: number
  /** `queued` to be sent on this connection, `sent` on it, or `accepted`: receipted, its events still on their way. */
  readonly stage: "queued" | "sent" | "accepted"
  /** Whether its expected effect is shown. Not when the copy may contain it already. */
  readonly optimistic: boolean
  /** Whether it has ever left this client. */
  readonly attempted: boolean
  /** Where it was logged, once `accepted`. */
  readonly seq: number
}

/** Questions that are answered once. */
export type Query =
  | { readonly _tag: "get_threads"; readonly public: boolean }
  | { readonly _tag: "get_thread" }
  | { readonly _tag: "get_user" }
  | { readonly _tag: "sign_out" }

export interface PendingQuery {
  readonly id: string
  readonly query: Query
  readonly topic: TopicId | undefined
  readonly sent: boolean
}

export type Receipt = Omit<ServerMessageOf<"receipt">, "_tag" | "ref_id">
export type QueryResponse = ServerMessageOf<"threads" | "thread_messages" | "user" | "signed_out">

export interface State {
  readonly connection: Connection
  /** When the connection was lost; undefined while it is there, and before it was first there. */
  readonly lostAt: Instant | undefined
  /** Whether it was lost because the server restarts (SYN11). */
  readonly serverRestarting: boolean
  readonly session: Session | undefined
  /** What the server said on sign-in; kept while the connection is lost. */
  readonly init: Omit<ServerMessageOf<"init">, "_tag"> | undefined
  readonly replicas: ReadonlyMap<TopicId, Replica>
  /** In the order they were given. */
  readonly outbox: ReadonlyArray<PendingCommand>
  readonly pendingQueries: ReadonlyArray<PendingQuery>
  /** By budget, how fast its commands may leave; budgets that never ran out are not there (CON7). */
  readonly sendWindows: ReadonlyMap<string, SendWindow>
  /** Topics whose position the server has not been told yet, and when it will be (SYN6). */
  readonly unacked: ReadonlySet<TopicId>
  readonly ackAt: Instant
  /** Sockets opened so far; what an older one says is not heard. */
  readonly socketCount: number
  /** The first 24 characters of the ids of our own messages, and how many of them were made. */
  readonly idPrefix: string
  readonly idCounter: number
}

/** What happens to a client. */
export type Message =
  & { readonly at: Instant }
  & (
    | { readonly _tag: "Started" }
    | { readonly _tag: "Stopped" }
    | { readonly _tag: "SocketOpened"; readonly socket: number }
    /** A frame arrived; `value` is its parsed JSON. */
    | { readonly _tag: "FrameReceived"; readonly socket: number; readonly value: unknown }
    | { readonly _tag: "ChallengeSigned"; readonly socket: number; readonly signature: string }
    | { readonly _tag: "SigningFailed"; readonly socket: number }
    /** `random` is in [0, 1). */
    | { readonly _tag: "SocketClosed"; readonly socket: number; readonly code: number; readonly random: number }
    | { readonly _tag: "TimerFired"; readonly random: number }
    /** The page is visible again, or the network is back. */
    | { readonly _tag: "PageShown" }
    | { readonly _tag: "TopicWatched"; readonly topic: TopicId }
    | { readonly _tag: "TopicUnwatched"; readonly topic: TopicId }
    | {
      readonly _tag: "CommandSubmitted"
      readonly id: CommandId
      readonly topic: TopicId
      readonly command: { readonly _tag: string }
      readonly seed: number
    }
    | {
      readonly _tag: "QuerySubmitted"
      readonly id: string
      readonly query: Query
      readonly topic: TopicId | undefined
    }
    | { readonly _tag: "SignalSubmitted"; readonly topic: TopicId; readonly key: string; readonly value: unknown }
  )
export type MessageOf<T extends Message["_tag"]> = Extract<Message, { readonly _tag: T }>

/** What a client wants done. */
export type Intent =
  | { readonly _tag: "Open"; readonly socket: number }
  | { readonly _tag: "Close"; readonly socket: number; readonly code: number }
  | { readonly _tag: "Send"; readonly socket: number; readonly envelope: OutgoingMessage }
  | { readonly _tag: "Sign"; readonly socket: number; readonly text: string }
  /** The one outcome of a command. */
  | {
    readonly _tag: "CompleteCommand"
    readonly id: string
    readonly outcome: Result.Result<Receipt, ClientErrorReason>
  }
  /** The one answer to a question. */
  | {
    readonly _tag: "CompleteQuery"
    readonly id: string
    readonly outcome: Result.Result<QueryResponse, ClientErrorReason>
  }
  /** Durable events that a copy has just taken in, in order. */
  | { readonly _tag: "EmitEvents"; readonly topic: TopicId; readonly events: ReadonlyArray<PublishedEvent> }

/** An envelope on its way out; the command's fields are in `payload`. */
export interface OutgoingMessage {
  readonly id: string
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly timestamp: Instant
  readonly thread_id?: TopicId
}

export type Transition = readonly [state: State, intents: ReadonlyArray<Intent>]
