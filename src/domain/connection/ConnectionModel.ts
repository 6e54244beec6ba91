/**
 * The state, messages and intents of a connection (CON1). The rules are in `Connection`; this file holds no logic.
 *
 * ```text
 *                      connect -> IssueChallenge, ChallengeIssued
 *     +-----------------+ ------------------------------> +------------+
 *     | Unauthenticated |                                 | Challenged |
 *     +-----------------+ <------------------------------ +------------+
 *        |   ^    ^         connect; auth with an expired     |
 *        |   |    |         challenge or no signature         | auth -> VerifySignature
 *        |   |    | AuthRejected                              v
 *        |   |    +-------------------------------------- +-----------+
 *        |   |          resume -> ResumeSession           | Verifying |
 *        +---|-----------------------------------------> +-----------+
 *            |                                                |
 *            | sign_out -> RevokeSession,                     | SignedIn -> SendInit
 *            | TimerFired after the grace period              v
 *            +---------------------------------------- +---------------+ --+ SessionRenewed,
 *                                                      | Authenticated |   | requests
 *                                                      +---------------+ <-+
 *
 *     every state -- CloseRequested, too many frames or failures -> Close --> +--------+
 *     every state -- SocketClosed (-> ExtendSession) -----------------------> | Closed |
 *     not Authenticated -- TimerFired after 10 s -> Close ------------------> +--------+
 * ```
 */
import { Schema } from "effect"
import { CommandId, ConnectionId, Instant, Position, TopicId, UserId } from "../protocol/Ids.ts"
import { Attestation } from "../protocol/Principal.ts"
import { Challenge, ServerMessage } from "../protocol/Protocol.ts"
import { ErrorCode } from "../protocol/Rejection.ts"
import { StateHash } from "../protocol/StateHash.ts"
import { ClientMessage } from "./FrameDecoder.ts"

/** The states of a connection, with the fields of each. */
export const Status = Schema.TaggedUnion({
  /** No user, and no challenge to answer. */
  Unauthenticated: {},
  /** A key was claimed, and must be proved by signing `challenge`. */
  Challenged: { challenge: Challenge, public_key: UserId },
  /** The signature or token of message `ref` is being verified. */
  Verifying: { ref: CommandId },
  /** Signed in under `session`, whose token expires at `expires_at`. */
  Authenticated: { session: Schema.String, expires_at: Instant },
  /** Ignores all messages. */
  Closed: { code: Schema.Natural }
})
export type Status = typeof Status.Type

/** The last error of a connection; its tag determines what was reset (CON5). */
export const ErrorState = Schema.TaggedUnion({
  /** A sign-in failed, or the session ended. Authentication is reset. */
  AuthError: { message: Schema.String },
  /** A topic does not exist for the user. It is no longer the current thread. */
  ThreadError: { message: Schema.String },
  /** The connection was lost. Its session is held for resumption. */
  NetworkError: { message: Schema.String }
})
export type ErrorState = typeof ErrorState.Type

/** The state of one connection (CON1): a plain value, replaced as a whole by each step. */
export const ConnectionState = Schema.Struct({
  connection_id: ConnectionId,
  /** The client instance, chosen by the client; a newer connection of it replaces this one (AUT7). */
  client_id: Schema.NullOr(Schema.String),
  /** Whether commands behind a rate-limited one are rejected with it, so that none overtakes it (CON7). */
  in_order: Schema.Boolean,
  /** What the client presents to sign in; once authenticated, what was verified, and its user acts by as an agent (AUT8). */
  attestation: Schema.NullOr(Attestation),
  user: Schema.NullOr(UserId),
  /** The current thread: the topic of the last command. */
  thread_id: Schema.NullOr(TopicId),
  status: Status,
  subscriptions: Schema.Array(TopicId),
  error_state: Schema.NullOr(ErrorState),
  /** When the current wait for authentication began, and the frames and bytes received in it (AUT3). */
  auth_started_at: Instant,
  pre_auth_frames: Schema.Natural,
  pre_auth_bytes: Schema.Natural,
  /** Failed authentications since the last success (SEC26). */
  auth_failures: Schema.Natural,
  /** Malformed frames (CON4), and consecutive rate-limit rejections (CON7). */
  malformed_frames: Schema.Natural,
  rate_limit_strikes: Schema.Natural,
  /** Requests without an outcome yet (SEC25). */
  in_flight: Schema.Natural,
  /** By budget, the rate-limited command that no other may overtake; it may be sent again at `until` (CON7). */
  blocked: Schema.Array(Schema.Struct({ budget: Schema.String, id: CommandId, until: Instant }))
})
export type ConnectionState = typeof ConnectionState.Type

/** The events of a connection. Named in the past tense. */
export const Message = Schema.TaggedUnion({
  /**
   * A message of the client. `budget` is the user's budget that it counts against, `wait` the milliseconds until that
   * budget allows it; 0 if it did, or was not consulted.
   */
  MessageReceived: {
    at: Instant,
    bytes: Schema.Natural,
    incoming: ClientMessage,
    budget: Schema.String,
    wait: Schema.Natural
  },
  /** A frame that could not be decoded. */
  FrameRejected: {
    at: Instant,
    bytes: Schema.Natural,
    id: Schema.NullOr(Schema.String),
    code: Schema.Literals(["malformed", "unknown_type", "too_large"]),
    message: Schema.String
  },
  /** The result of `IssueChallenge`. */
  ChallengeIssued: { ref: CommandId, public_key: UserId, challenge: Challenge },
  /** The results of `VerifySignature` and `ResumeSession`. */
  SignedIn: {
    at: Instant,
    ref: CommandId,
    user: UserId,
    /** The attestation of the intent, verified; none of a person. */
    attestation: Schema.optionalKey(Attestation),
    session: Schema.String,
    expires_at: Instant
  },
  AuthRejected: {
    at: Instant,
    ref: CommandId,
    code: ErrorCode,
    message: Schema.String,
    rule: Schema.optionalKey(Schema.String),
    retry_after_ms: Schema.optionalKey(Schema.Natural)
  },
  /** The session's token was renewed, by this connection or another one of the session. */
  SessionRenewed: { expires_at: Instant },
  /** A request has its outcome; `code` is null if it succeeded. `topic` as in the request. */
  RequestCompleted: { topic: Schema.NullOr(TopicId), code: Schema.NullOr(ErrorCode), message: Schema.String },
  /** The topic rejected the subscription, or ended it. */
  Unsubscribed: { topic: TopicId },
  /** The deadline of `nextTimerAt` has passed. */
  TimerFired: { at: Instant },
  /** The server closes the connection (AUT7, SEC7, SEC24, SYN11, CON8). */
  CloseRequested: {
    code: Schema.Natural,
    reason: Schema.String,
    resume: Schema.Boolean,
    retry_after_ms: Schema.Natural
  },
  /** The socket was closed, by either side. */
  SocketClosed: { at: Instant, code: Schema.Natural }
})
export type Message = typeof Message.Type

/** The effects that a connection requests of the server. Named in the imperative. */
export const Intent = Schema.TaggedUnion({
  /** Make a challenge for this key; the result is `ChallengeIssued`. */
  IssueChallenge: { ref: CommandId, public_key: UserId },
  /** Verify the signature and the attestation, if any, and open a session; the result is `SignedIn` or `AuthRejected`. */
  VerifySignature: {
    ref: CommandId,
    challenge: Challenge,
    public_key: UserId,
    signature: Schema.String,
    attestation: Schema.optionalKey(Attestation)
  },
  /** Resume the session of a token; the result is `SignedIn` or `AuthRejected`. */
  ResumeSession: { ref: CommandId, token: Schema.String, attestation: Schema.optionalKey(Attestation) },
  /** Answer `ref` with `init`, unless the connection may not stay (AUT7, SEC24). */
  SendInit: { ref: CommandId, user: UserId },
  /** Renew the session's token, and answer `ref` with its successor (AUT2). */
  RenewSession: { ref: CommandId, session: Schema.String, token: Schema.String },
  /** Revoke the session, which ends its other connections and event streams, and answer `ref` (SEC7). */
  RevokeSession: { ref: CommandId, session: Schema.String },
  /** Hold the session for resumption until `until`, even if its token expires before (CON5). */
  ExtendSession: { session: Schema.String, until: Instant },
  /** Submit a command; with a signature, only if that is valid (AUT5). */
  SubmitCommand: {
    ref: CommandId,
    topic: TopicId,
    command: Schema.Unknown,
    timestamp: Instant,
    salt: Schema.optionalKey(Schema.String),
    signature: Schema.optionalKey(Schema.String)
  },
  /** Subscribe to a topic, from `position` if given (SYN2). */
  Subscribe: { ref: CommandId, topic: TopicId, position: Schema.NullOr(Position) },
  /** End a subscription, or cancel a request for one. */
  Unsubscribe: { topic: TopicId },
  /** Record a cumulative acknowledgement (SYN6). */
  Acknowledge: { topic: TopicId, seq: Schema.Natural, matches: Schema.Natural },
  /** Count and log that the client's replica has another state hash (SYN7). */
  RecordDesync: { topic: TopicId, seq: Schema.Natural, expected: StateHash, found: StateHash },
  /** Set an ephemeral value for the topic's subscribers (ROO3). */
  SetSignal: { topic: TopicId, key: Schema.String, value: Schema.Json },
  /** Answer `ref` with the user's threads, and the public ones with `all`. */
  ListThreads: { ref: CommandId, all: Schema.Boolean },
  /** Answer `ref` with the thread's messages. */
  ReadThread: { ref: CommandId, topic: TopicId },
  /** Answer `ref` with the user's balance. */
  ReadUser: { ref: CommandId },
  /** Send `message` as the reply to `ref`, or unsolicited if null. */
  SendReply: { ref: Schema.NullOr(Schema.String), message: ServerMessage, topic: Schema.NullOr(TopicId) },
  /** Send `goodbye`, and close (CON6). */
  Close: { code: Schema.Natural, reason: Schema.String, resume: Schema.Boolean, retry_after_ms: Schema.Natural }
})
export type Intent = typeof Intent.Type

/** The state after a message, and the intents to execute, in order. */
export type Transition = readonly [state: ConnectionState, intents: ReadonlyArray<Intent>]
