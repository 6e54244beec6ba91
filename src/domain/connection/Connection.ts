/**
 * One client connection, from the opening of its socket to the closing (CON1).
 *
 * Pure: time, randomness and the results of services arrive in messages; what must be done leaves as `Intent` data. The
 * states are in `ConnectionModel`, the rules of each in `ConnectionUnauthenticated` and `ConnectionAuthenticated`.
 */
import type { Instant } from "../protocol/Ids.ts"
import { defaults, type Limits } from "../protocol/Limits.ts"
import * as SessionLifetime from "../session/SessionLifetime.ts"
import { closeCode } from "./CloseCode.ts"
import { handleAuthenticated } from "./ConnectionAuthenticated.ts"
import type { ConnectionState, Intent, Message, Transition } from "./ConnectionModel.ts"
import {
  close,
  closeUnauthenticated,
  countPreAuthFrame,
  exceedsPreAuthLimits,
  hasStatus,
  isAuthenticated,
  reject,
  removeSubscription,
  unchanged,
  unsubscribeAll,
  withoutSession
} from "./ConnectionTransitions.ts"
import { handleChallengeIssued, handleUnauthenticated, handleVerification } from "./ConnectionUnauthenticated.ts"

export { blockingCommand } from "./ConnectionAuthenticated.ts"
export { ConnectionState, ErrorState, Intent, Message, Status, type Transition } from "./ConnectionModel.ts"
export { initial } from "./ConnectionTransitions.ts"

/** When the connection needs the next `TimerFired`; undefined if never (AUT2, AUT3). */
export const nextTimerAt = (state: ConnectionState, limits: Limits = defaults): Instant | undefined => {
  switch (state.status._tag) {
    case "Closed":
      return undefined
    case "Authenticated":
      return SessionLifetime.resumableUntil(state.status.expires_at, limits)
    case "Unauthenticated":
    case "Challenged":
    case "Verifying":
      return state.auth_started_at + limits.authTimeout
  }
}

/**
 * The state after a message, and the intents to execute in order (CON1). A closed connection ignores all messages.
 *
 * Invariants: there is a user exactly while the status is `Authenticated` (until the connection closes); each `Subscribe`
 * is followed by one `Unsubscribe` or `Unsubscribed`; at most one `Close` is ever returned.
 */
export const step = (state: ConnectionState, message: Message, limits: Limits = defaults): Transition => {
  if (state.status._tag === "Closed") return unchanged(state)
  switch (message._tag) {
    case "MessageReceived":
      return isAuthenticated(state)
        ? handleAuthenticated(state, message, limits)
        : handleUnauthenticated(state, message, limits)
    case "FrameRejected":
      return rejectFrame(state, message, limits)
    case "ChallengeIssued":
      return hasStatus(state, "Unauthenticated") ? handleChallengeIssued(state, message) : unchanged(state)
    case "SignedIn":
    case "AuthRejected":
      return hasStatus(state, "Verifying") && state.status.ref === message.ref
        ? handleVerification(state, message, limits)
        : unchanged(state)
    case "SessionRenewed":
      return isAuthenticated(state)
        ? unchanged({
          ...state,
          status: { ...state.status, expires_at: message.expires_at }
        })
        : unchanged(state)
    case "RequestCompleted":
      return completeRequest(state, message)
    case "Unsubscribed":
      return state.subscriptions.includes(message.topic) ? removeSubscription(state, message.topic) : unchanged(state)
    case "TimerFired":
      return handleTimer(state, message.at, limits)
    case "CloseRequested":
      return close(state, message)
    case "SocketClosed":
      return handleSocketClosed(state, message, limits)
  }
}

/** CON5: a thread that does not exist for this user is no longer the current one. SEC25: one request less in flight. */
const completeRequest = (
  previous: ConnectionState,
  message: Extract<Message, { readonly _tag: "RequestCompleted" }>
): Transition => {
  const state = { ...previous, in_flight: Math.max(0, previous.in_flight - 1) }
  const isInaccessible = message.topic !== null && (message.code === "not_found" || message.code === "forbidden")
  return unchanged(
    isInaccessible
      ? {
        ...state,
        thread_id: state.thread_id === message.topic ? null : state.thread_id,
        error_state: { _tag: "ThreadError", message: message.message }
      }
      : state
  )
}

/** CON4: a malformed frame is counted and answered, and changes nothing else. The sixteenth closes the connection. */
const rejectFrame = (
  previous: ConnectionState,
  message: Extract<Message, { readonly _tag: "FrameRejected" }>,
  limits: Limits
): Transition => {
  const counted = isAuthenticated(previous) ? previous : countPreAuthFrame(previous, message)
  const state: ConnectionState = { ...counted, malformed_frames: counted.malformed_frames + 1 }
  if (!isAuthenticated(state) && exceedsPreAuthLimits(state, limits)) return closeUnauthenticated(state)
  const [, replies] = reject(state, message.id, message.code, message.message)
  return state.malformed_frames < limits.malformedFrames ? [state, replies] : close(state, {
    code: closeCode.tooManyErrors,
    reason: "too many malformed messages",
    resume: false,
    retry_after_ms: 0
  }, replies)
}

/** AUT3: closes a connection that did not authenticate in time. AUT2: resets authentication after the grace period. */
const handleTimer = (state: ConnectionState, at: Instant, limits: Limits): Transition => {
  const dueAt = nextTimerAt(state, limits)
  if (dueAt === undefined || at < dueAt) return unchanged(state)
  if (!isAuthenticated(state)) {
    return close(state, {
      code: closeCode.authTimeout,
      reason: `not authenticated within ${limits.authTimeout} ms`,
      resume: false,
      retry_after_ms: 1000
    })
  }
  const message = "the session has expired: sign in again"
  const unauthenticated: ConnectionState = {
    ...withoutSession(state, at),
    error_state: { _tag: "AuthError", message }
  }
  const [, replies] = reject(unauthenticated, null, "unauthenticated", message)
  return [unauthenticated, [...unsubscribeAll(state), ...replies]]
}

/** CON5: a lost connection leaves its session to be resumed within the resume window. */
const handleSocketClosed = (
  state: ConnectionState,
  message: Extract<Message, { readonly _tag: "SocketClosed" }>,
  limits: Limits
): Transition => {
  const until = isAuthenticated(state)
    ? SessionLifetime.holdAfterLoss(state.status.expires_at, message.at, limits)
    : undefined
  const extension: ReadonlyArray<Intent> = isAuthenticated(state) && until !== undefined
    ? [{ _tag: "ExtendSession", session: state.status.session, until }]
    : []
  return [
    {
      ...state,
      status: { _tag: "Closed", code: message.code },
      subscriptions: [],
      error_state: message.code === closeCode.normal
        ? state.error_state
        : { _tag: "NetworkError", message: `the connection was lost (code ${message.code})` }
    },
    [...unsubscribeAll(state), ...extension]
  ]
}
