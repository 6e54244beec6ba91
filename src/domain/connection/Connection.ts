/**
 * One client connection, from the socket opening to the socket closing.
 *
 * Pure: time, randomness and the outcomes of other services arrive inside
 * messages, and all that must be done leaves as `Intent` data (CON1). Nothing
 * but connect, auth, resume and heartbeat is served before a key is proved (AUT4).
 */
import type { Instant } from "../Ids.ts"
import { defaults, type Limits } from "../Limits.ts"
import * as Topic from "../Topic.ts"
import { closeCode } from "./CloseCode.ts"
import { hearLive } from "./ConnectionLive.ts"
import type { Intent, Message, State, Transition } from "./ConnectionModel.ts"
import { challenge, hearStranger, prove } from "./ConnectionStranger.ts"
import {
  count,
  end,
  forget,
  isIn,
  isLive,
  leaveAll,
  open,
  outOfPatience,
  refuse,
  stay,
  tooMuch
} from "./ConnectionWords.ts"
import type { Incoming } from "./Incoming.ts"

export { aheadOf } from "./ConnectionLive.ts"
export { ErrorState, Intent, Message, State, Status, type Transition } from "./ConnectionModel.ts"
export { open } from "./ConnectionWords.ts"

/** Which of the user's budgets a message draws on (CON7); "none" before there is a user. */
export const budgetOf = (incoming: Incoming, kinds: ReadonlyMap<string, Topic.AnyKind>): string => {
  if (incoming._tag === "Command") return Topic.budgetOf(kinds, incoming.topic)
  switch (incoming.control._tag) {
    case "connect":
    case "auth":
    case "resume":
      return "none"
    case "renew":
    case "sign_out":
      return "command"
    case "subscribe":
    case "unsubscribe":
    case "get_threads":
    case "get_thread":
    case "get_user":
      return "read"
    case "heartbeat":
    case "ack":
    case "desync":
    case "signal":
      return "signal"
  }
}

/** When to put `Ticked` to the connection next. */
export const nextWake = (state: State, limits: Limits = defaults): Instant | undefined => {
  switch (state.status._tag) {
    case "Closed":
      return undefined
    case "Live":
      return state.status.expires_at + limits.sessionGrace
    case "Open":
    case "Challenged":
    case "Proving":
      return state.since + limits.authTimeout
  }
}

export const step = (state: State, message: Message, limits: Limits = defaults): Transition => {
  if (state.status._tag === "Closed") return stay(state)
  switch (message._tag) {
    case "Heard":
      return isLive(state) ? hearLive(state, message, limits) : hearStranger(state, message, limits)
    case "Garbled":
      return garbled(state, message, limits)
    case "Drawn":
      return isIn(state, "Open") ? challenge(state, message) : stay(state)
    case "SignedIn":
    case "AuthRefused":
      return isIn(state, "Proving") && state.status.ref === message.ref ? prove(state, message, limits) : stay(state)
    case "Renewed":
      return isLive(state)
        ? stay({ ...state, status: { _tag: "Live", session: message.session, expires_at: message.expires_at } })
        : stay(state)
    case "Settled":
      return settle(state, message)
    case "Unsubscribed":
      return state.subscriptions.includes(message.topic) ? forget(state, message.topic) : stay(state)
    case "Ticked":
      return tick(state, message.at, limits)
    case "Ended":
      return end(state, message)
    case "Dropped":
      return drop(state, message, limits)
  }
}

/** CON5: a thread that is not there, or not for this user, is no longer the current one. */
const settle = (before: State, message: Extract<Message, { readonly _tag: "Settled" }>): Transition => {
  const state = { ...before, in_flight: Math.max(0, before.in_flight - 1) }
  const lost = message.topic !== null && (message.code === "not_found" || message.code === "forbidden")
  return stay(
    lost
      ? {
        ...state,
        thread_id: state.thread_id === message.topic ? null : state.thread_id,
        error_state: { _tag: "ThreadError", message: message.message }
      }
      : state
  )
}

/** CON4: counted, answered, and nothing else changes. */
const garbled = (
  before: State,
  message: Extract<Message, { readonly _tag: "Garbled" }>,
  limits: Limits
): Transition => {
  const counted = isLive(before) ? before : count(before, message)
  const state: State = { ...counted, malformed: counted.malformed + 1 }
  if (!isLive(state) && outOfPatience(state, limits)) return tooMuch(state)
  const [, said] = refuse(state, message.id, message.code, message.message)
  return state.malformed < limits.malformedFrames ? [state, said] : end(state, {
    code: closeCode.tooManyErrors,
    reason: "too many malformed messages",
    resume: false,
    retry_after_ms: 0
  }, said)
}

const tick = (state: State, at: Instant, limits: Limits): Transition => {
  const due = nextWake(state, limits)
  if (due === undefined || at < due) return stay(state)
  if (!isLive(state)) {
    return end(state, {
      code: closeCode.authTimeout,
      reason: `sign in within ${limits.authTimeout} ms`,
      resume: false,
      retry_after_ms: 1000
    })
  }
  const message = "the session ended: sign in again"
  const stranger: State = {
    ...open(state.connection_id, at),
    client_id: state.client_id,
    malformed: state.malformed,
    error_state: { _tag: "AuthError", message }
  }
  const [, said] = refuse(stranger, null, "unauthenticated", message)
  return [stranger, [...leaveAll(state), ...said]]
}

/** CON5: a lost network leaves the session to be resumed for a while. */
const drop = (
  state: State,
  message: Extract<Message, { readonly _tag: "Dropped" }>,
  limits: Limits
): Transition => {
  const until = message.at + limits.resumeWindow
  const hold: ReadonlyArray<Intent> = isLive(state) && state.status.expires_at + limits.sessionGrace < until
    ? [{ _tag: "Hold", session: state.status.session, until }]
    : []
  return [
    {
      ...state,
      status: { _tag: "Closed", code: message.code },
      subscriptions: [],
      error_state: message.code === closeCode.normal
        ? state.error_state
        : { _tag: "NetworkError", message: `the connection was lost (${message.code})` }
    },
    [...leaveAll(state), ...hold]
  ]
}
