/**
 * What a connection is made of: its state, what it hears, and what it asks of
 * the server around it (CON1). The rules are in `Connection`; this file holds no logic.
 */
import { Schema } from "effect"
import { CommandId, ConnectionId, Instant, Position, TopicId, UserId } from "../protocol/Ids.ts"
import { ServerMessage } from "../protocol/Protocol.ts"
import { ErrorCode } from "../protocol/Rejection.ts"
import { SignedCommand } from "../protocol/SignedCommand.ts"
import { StateHash } from "../protocol/StateHash.ts"
import { Challenge } from "../session/Identity.ts"
import { ClientMessage } from "./FrameDecoder.ts"

/** How far the connection has come. */
export const Status = Schema.TaggedUnion({
  /** Nobody yet. */
  Unauthenticated: {},
  /** A key was named and must be proved by signing `challenge`. */
  Challenged: { challenge: Challenge, public_key: UserId },
  /** A signature or a token is being checked, asked for by message `ref`. */
  Verifying: { ref: CommandId },
  /** Signed in under `session`, whose token ends at `expires_at`. */
  Authenticated: { session: Schema.String, expires_at: Instant },
  /** Absorbs everything. */
  Closed: { code: Schema.Natural }
})
export type Status = typeof Status.Type

/** A sign-in failed, or the session ended. Authentication is reset (CON5). */
export const AuthError = Schema.TaggedStruct("AuthError", { message: Schema.String })
export type AuthError = typeof AuthError.Type

/** A topic does not exist for the user. It is no longer the current thread (CON5). */
export const ThreadError = Schema.TaggedStruct("ThreadError", { message: Schema.String })
export type ThreadError = typeof ThreadError.Type

/** The connection was lost. Its session is held for resumption (CON5). */
export const NetworkError = Schema.TaggedStruct("NetworkError", { message: Schema.String })
export type NetworkError = typeof NetworkError.Type

/** The last error of a connection; its tag says what was reset (CON5). */
export const ErrorState = Schema.Union([AuthError, ThreadError, NetworkError])
export type ErrorState = typeof ErrorState.Type

/** The state of one connection (CON1): a plain value, replaced as a whole by each step. */
export const ConnectionState = Schema.Struct({
  connection_id: ConnectionId,
  /** The client instance, chosen by the client; a second connection of it replaces this one (AUT7). */
  client_id: Schema.NullOr(Schema.String),
  /** Whether the client asked for its commands to be taken in their order, or not at all (CON7). */
  in_order: Schema.Boolean,
  user: Schema.NullOr(UserId),
  /** The topic last spoken to. */
  thread_id: Schema.NullOr(TopicId),
  status: Status,
  subscriptions: Schema.Array(TopicId),
  error_state: Schema.NullOr(ErrorState),
  /** When the present wait for authentication began; frames and bytes heard in it (AUT3). */
  auth_started_at: Instant,
  pre_auth_frames: Schema.Natural,
  pre_auth_bytes: Schema.Natural,
  /** Signatures and tokens that did not hold. */
  auth_failures: Schema.Natural,
  /** Messages that were not understood (CON4), and refusals in a row for going too fast (CON7). */
  malformed_frames: Schema.Natural,
  rate_limit_strikes: Schema.Natural,
  /** Requests that have no outcome yet. */
  in_flight: Schema.Natural,
  /** By budget, the command that came too fast and that no other may overtake; it may come again at `until`. */
  blocked: Schema.Array(Schema.Struct({ budget: Schema.String, id: CommandId, until: Instant }))
})
export type ConnectionState = typeof ConnectionState.Type

export const Message = Schema.TaggedUnion({
  /**
   * A message of the client. `budget` is the one of the user's that it draws on, `wait` the milliseconds until that has
   * room for it; 0 when it had, or was not asked.
   */
  MessageReceived: {
    at: Instant,
    bytes: Schema.Natural,
    incoming: ClientMessage,
    budget: Schema.String,
    wait: Schema.Natural
  },
  /** A frame that is no message. */
  FrameRejected: {
    at: Instant,
    bytes: Schema.Natural,
    id: Schema.NullOr(Schema.String),
    code: Schema.Literals(["malformed", "unknown_type", "too_large"]),
    message: Schema.String
  },
  /** The answer to `IssueChallenge`. */
  ChallengeIssued: { ref: CommandId, public_key: UserId, challenge: Challenge },
  /** The answers to `VerifySignature` and `ResumeSession`. */
  SignedIn: { at: Instant, ref: CommandId, user: UserId, session: Schema.String, expires_at: Instant },
  AuthRejected: {
    at: Instant,
    ref: CommandId,
    code: ErrorCode,
    message: Schema.String,
    retry_after_ms: Schema.optionalKey(Schema.Natural)
  },
  /** The answer to `RenewSession`. */
  SessionRenewed: { session: Schema.String, expires_at: Instant },
  /** A request has its outcome; `code` is null when it was carried out. `topic` as in the request. */
  RequestCompleted: { topic: Schema.NullOr(TopicId), code: Schema.NullOr(ErrorCode), message: Schema.String },
  /** The subscription could not be made, or ended. */
  Unsubscribed: { topic: TopicId },
  TimerFired: { at: Instant },
  /** The server wants the connection gone (AUT7, SEC7, SEC24, SYN11, CON8). */
  CloseRequested: {
    code: Schema.Natural,
    reason: Schema.String,
    resume: Schema.Boolean,
    retry_after_ms: Schema.Natural
  },
  /** The socket is gone. */
  SocketClosed: { at: Instant, code: Schema.Natural }
})
export type Message = typeof Message.Type

export const Intent = Schema.TaggedUnion({
  /** Make a challenge for this key, and say it. */
  IssueChallenge: { ref: CommandId, public_key: UserId },
  VerifySignature: { ref: CommandId, challenge: Challenge, public_key: UserId, signature: Schema.String },
  ResumeSession: { ref: CommandId, token: Schema.String },
  /** Answer `ref` with `init`. */
  SendInit: { ref: CommandId, user: UserId },
  RenewSession: { ref: CommandId, session: Schema.String },
  RevokeSession: { session: Schema.String },
  /** Keep the session resumable for a while although its token may end (CON5). */
  ExtendSession: { session: Schema.String, until: Instant },
  /** With `signed`, only if that holds (AUT5). */
  SubmitCommand: { ref: CommandId, topic: TopicId, command: Schema.Json, signed: Schema.optionalKey(SignedCommand) },
  Subscribe: { ref: CommandId, topic: TopicId, position: Schema.NullOr(Position) },
  Unsubscribe: { topic: TopicId },
  Acknowledge: { topic: TopicId, seq: Schema.Natural, matches: Schema.Natural },
  /** Count, and write down, that the client's copy had drifted away (SYN7). */
  RecordDesync: { topic: TopicId, seq: Schema.Natural, expected: StateHash, found: StateHash },
  SetSignal: { topic: TopicId, key: Schema.String, value: Schema.Json },
  ListThreads: { ref: CommandId, all: Schema.Boolean },
  ReadThread: { ref: CommandId, topic: TopicId },
  ReadUser: { ref: CommandId },
  /** Say `message` in the place of the answer to `ref`; null: to nothing in particular. */
  SendReply: { ref: Schema.NullOr(Schema.String), message: ServerMessage, topic: Schema.NullOr(TopicId) },
  /** Say goodbye and close (CON6). */
  Close: { code: Schema.Natural, reason: Schema.String, resume: Schema.Boolean, retry_after_ms: Schema.Natural }
})
export type Intent = typeof Intent.Type

export type Transition = readonly [state: ConnectionState, intents: ReadonlyArray<Intent>]
