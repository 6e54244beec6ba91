/** Transitions that all states of a connection share: replies, subscriptions, closing. */
import type { ConnectionId, Instant, TopicId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import { type ErrorCode, isRetryable } from "../protocol/Rejection.ts"
import { closeCode } from "./CloseCode.ts"
import type { ConnectionState, Intent, Message, Status, Transition } from "./ConnectionModel.ts"

/** A connection with a given status. */
export type StateIn<S extends Status["_tag"]> = ConnectionState & {
  readonly status: Extract<Status, { readonly _tag: S }>
}
/** A message of the client. */
export type MessageReceived = Extract<Message, { readonly _tag: "MessageReceived" }>

/** The state of a connection that was opened at `at`. */
export const initial = (id: ConnectionId, at: Instant): ConnectionState => ({
  connection_id: id,
  client_id: null,
  in_order: false,
  attestation: null,
  user: null,
  thread_id: null,
  status: { _tag: "Unauthenticated" },
  subscriptions: [],
  error_state: null,
  auth_started_at: at,
  pre_auth_frames: 0,
  pre_auth_bytes: 0,
  auth_failures: 0,
  malformed_frames: 0,
  rate_limit_strikes: 0,
  in_flight: 0,
  blocked: []
})

/** The state without its session: unauthenticated since `at`, on the same connection (AUT2). */
export const withoutSession = (state: ConnectionState, at: Instant): ConnectionState => ({
  ...initial(state.connection_id, at),
  client_id: state.client_id,
  malformed_frames: state.malformed_frames
})

/** No intents. */
export const unchanged = (state: ConnectionState): Transition => [state, []]

/** Whether the connection has a status; narrows the state. */
export const hasStatus = <S extends Status["_tag"]>(state: ConnectionState, status: S): state is StateIn<S> =>
  state.status._tag === status

/** Whether the connection has a user (AUT4). */
export const isAuthenticated = (state: ConnectionState): state is StateIn<"Authenticated"> =>
  hasStatus(state, "Authenticated")

/** Ends every subscription; for a state that keeps none. */
export const unsubscribeAll = (state: ConnectionState): ReadonlyArray<Intent> =>
  state.subscriptions.map((topic) => ({ _tag: "Unsubscribe", topic }))

type SendReply = Extract<Intent, { readonly _tag: "SendReply" }>

/** Sends a message as the reply to `ref`. */
export const sendReply = (
  ref: string | null,
  message: SendReply["message"],
  topic: SendReply["topic"] = null
): SendReply => ({
  _tag: "SendReply",
  ref,
  message,
  topic
})

/** CON4: answers `ref` with an error, and changes nothing. `retryAfter` is in milliseconds. */
export const reject = (
  state: ConnectionState,
  ref: string | null,
  code: ErrorCode,
  message: string,
  retryAfter?: number,
  rule?: string
): Transition => [
  state,
  [sendReply(ref, {
    _tag: "error",
    ref_id: ref,
    code,
    message,
    retryable: isRetryable(code),
    ...(retryAfter === undefined ? undefined : { retry_after_ms: retryAfter }),
    ...(rule === undefined ? undefined : { rule })
  })]
]

/** Ends one subscription. */
export const removeSubscription = (
  state: ConnectionState,
  topic: TopicId
): Transition => [
  { ...state, subscriptions: state.subscriptions.filter((other) => other !== topic) },
  [{ _tag: "Unsubscribe", topic }]
]

type CloseDetails = Omit<Extract<Intent, { readonly _tag: "Close" }>, "_tag">

/** CON6: closes the connection, once: `goodbye` and the close follow all other intents. */
export const close = (
  state: ConnectionState,
  { code, reason, resume, retry_after_ms }: CloseDetails,
  precedingIntents: ReadonlyArray<Intent> = []
): Transition => [
  { ...state, status: { _tag: "Closed", code }, subscriptions: [] },
  [...unsubscribeAll(state), ...precedingIntents, { _tag: "Close", code, reason, resume, retry_after_ms }]
]

/** AUT3: counts a frame and its bytes before authentication. */
export const countPreAuthFrame = (state: ConnectionState, frame: { readonly bytes: number }): ConnectionState => ({
  ...state,
  pre_auth_frames: state.pre_auth_frames + 1,
  pre_auth_bytes: state.pre_auth_bytes + frame.bytes
})

/** AUT3: whether more was received before authentication than is allowed: 16 frames, 64 KB. */
export const exceedsPreAuthLimits = (state: ConnectionState, limits: Limits): boolean =>
  state.pre_auth_frames > limits.authFrames || state.pre_auth_bytes > limits.authBytes

/** AUT3: closes a connection that sent too much before authentication. */
export const closeUnauthenticated = (state: ConnectionState): Transition =>
  close(state, {
    code: closeCode.unauthenticated,
    reason: "too many messages before authentication: sign in first",
    resume: false,
    retry_after_ms: 0
  })
