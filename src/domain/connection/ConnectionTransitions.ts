/** Words that every state of a connection uses: who it is, what it answers, how it ends. */
import type { ConnectionId, Instant } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import { type ErrorCode, isRetryable } from "../protocol/Rejection.ts"
import { closeCode } from "./CloseCode.ts"
import type { ConnectionState, Intent, Message, Status, Transition } from "./ConnectionModel.ts"

export type StateIn<S extends Status["_tag"]> = ConnectionState & {
  readonly status: Extract<Status, { readonly _tag: S }>
}
export type MessageReceived = Extract<Message, { readonly _tag: "MessageReceived" }>

export const initial = (id: ConnectionId, at: Instant): ConnectionState => ({
  connection_id: id,
  client_id: null,
  in_order: false,
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

export const unchanged = (state: ConnectionState): Transition => [state, []]

export const hasStatus = <S extends Status["_tag"]>(state: ConnectionState, status: S): state is StateIn<S> =>
  state.status._tag === status

export const isAuthenticated = (state: ConnectionState): state is StateIn<"Authenticated"> =>
  hasStatus(state, "Authenticated")

export const unsubscribeAll = (state: ConnectionState): ReadonlyArray<Intent> =>
  state.subscriptions.map((topic) => ({ _tag: "Unsubscribe", topic }))

type SendReply = Extract<Intent, { readonly _tag: "SendReply" }>

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

export const reject = (
  state: ConnectionState,
  ref: string | null,
  code: ErrorCode,
  message: string,
  retryAfter?: number
): Transition => [
  state,
  [sendReply(ref, {
    _tag: "error",
    ref_id: ref,
    code,
    message,
    retryable: isRetryable(code),
    ...(retryAfter === undefined ? undefined : { retry_after_ms: retryAfter })
  })]
]

export const removeSubscription = (
  state: ConnectionState,
  topic: ConnectionState["subscriptions"][number]
): Transition => [
  { ...state, subscriptions: state.subscriptions.filter((other) => other !== topic) },
  [{ _tag: "Unsubscribe", topic }]
]

type CloseDetails = Omit<Extract<Intent, { readonly _tag: "Close" }>, "_tag">

export const close = (
  state: ConnectionState,
  { code, reason, resume, retry_after_ms }: CloseDetails,
  precedingIntents: ReadonlyArray<Intent> = []
): Transition => [
  { ...state, status: { _tag: "Closed", code }, subscriptions: [] },
  [...unsubscribeAll(state), ...precedingIntents, { _tag: "Close", code, reason, resume, retry_after_ms }]
]

/** AUT3: what is heard before authentication is counted. */
export const countPreAuthFrame = (state: ConnectionState, frame: { readonly bytes: number }): ConnectionState => ({
  ...state,
  pre_auth_frames: state.pre_auth_frames + 1,
  pre_auth_bytes: state.pre_auth_bytes + frame.bytes
})

export const exceedsPreAuthLimits = (state: ConnectionState, limits: Limits): boolean =>
  state.pre_auth_frames > limits.authFrames || state.pre_auth_bytes > limits.authBytes

export const closeUnauthenticated = (state: ConnectionState): Transition =>
  close(state, { code: closeCode.unauthenticated, reason: "sign in first", resume: false, retry_after_ms: 0 })
