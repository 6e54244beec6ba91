/**
 * One client connection, from the socket opening to the socket closing.
 *
 * Pure: time, randomness and the outcomes of other services arrive inside
 * messages, and all that must be done leaves as `Intent` data (CON1). Nothing
 * but connect, auth, resume and heartbeat is served before a key is proved (AUT4).
 */
import { closeCode } from "./CloseCode.ts"
import type { Intent, Message, State, Status, Transition } from "./ConnectionModel.ts"
import * as Identity from "./Identity.ts"
import type { ConnectionId, Instant } from "./Ids.ts"
import type { Incoming } from "./Incoming.ts"
import { defaults, type Limits } from "./Limits.ts"
import type { Control } from "./Protocol.ts"
import { type ErrorCode, retryable } from "./Rejection.ts"

export { ErrorState, Intent, Message, State, Status, type Transition } from "./ConnectionModel.ts"

type In<S extends Status["_tag"]> = State & { readonly status: Extract<Status, { readonly _tag: S }> }
type Heard = Extract<Message, { readonly _tag: "Heard" }>

export const open = (id: ConnectionId, at: Instant): State => ({
  connection_id: id,
  client_id: null,
  user: null,
  thread_id: null,
  status: { _tag: "Open" },
  subscriptions: [],
  error_state: null,
  since: at,
  frames: 0,
  bytes: 0,
  tries: 0,
  malformed: 0,
  refused: 0,
  in_flight: 0
})

/** Which of the user's budgets a message draws on (CON7); "none" before there is a user. */
export const lane = (incoming: Incoming): "none" | "command" | "read" | "signal" => {
  if (incoming._tag === "Command") return "command"
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

// -- Before there is a user --------------------------------------------------

const hearStranger = (before: State, message: Heard, limits: Limits): Transition => {
  const state = count(before, message)
  if (outOfPatience(state, limits)) return tooMuch(state)
  const { incoming } = message
  if (incoming._tag === "Command") return refuse(state, incoming.id, "unauthenticated", "sign in first")
  const { control, id } = incoming
  switch (control._tag) {
    case "heartbeat":
      return [state, [answer(id, { _tag: "heartbeat", ref_id: id })]]
    case "connect":
      if (state.status._tag === "Proving") return refuse(state, id, "auth_failed", "a sign-in is under way")
      return Identity.isSafeKey(control.public_key)
        ? [
          { ...state, status: { _tag: "Open" }, client_id: control.client_id ?? null },
          [{ _tag: "Draw", ref: id, public_key: control.public_key }]
        ]
        : authFailed(state, id, "this is not a key that can be trusted", limits)
    case "auth":
      return auth(state, id, control.signature, message.at, limits)
    case "resume":
      if (state.status._tag === "Proving") return refuse(state, id, "auth_failed", "a sign-in is under way")
      return [
        { ...state, client_id: control.client_id ?? null, status: { _tag: "Proving", ref: id } },
        [{ _tag: "Resume", ref: id, token: control.session_token }]
      ]
    case "renew":
    case "sign_out":
    case "subscribe":
    case "unsubscribe":
    case "ack":
    case "signal":
    case "get_threads":
    case "get_thread":
    case "get_user":
      return refuse(state, id, "unauthenticated", "sign in first")
  }
}

/** A challenge is used up by the first try, whatever becomes of it (AUT1, SEC2). */
const auth = (state: State, id: Incoming["id"], signature: string, at: Instant, limits: Limits): Transition => {
  if (state.status._tag !== "Challenged") return authFailed(state, id, "there is no challenge to answer", limits)
  const { challenge, public_key } = state.status
  const spent: State = { ...state, status: { _tag: "Open" } }
  if (!Identity.isFresh(challenge, at)) return authFailed(spent, id, "the challenge is too old: connect again", limits)
  if (!Identity.isSignature(signature)) return authFailed(spent, id, "this is not a signature", limits)
  return [
    { ...state, status: { _tag: "Proving", ref: id } },
    [{ _tag: "Verify", ref: id, challenge, public_key, signature }]
  ]
}

const challenge = (state: State, message: Extract<Message, { readonly _tag: "Drawn" }>): Transition => [
  { ...state, status: { _tag: "Challenged", challenge: message.challenge, public_key: message.public_key } },
  [answer(message.ref, { _tag: "challenge", ...message.challenge })]
]

const prove = (
  state: In<"Proving">,
  message: Extract<Message, { readonly _tag: "SignedIn" | "AuthRefused" }>,
  limits: Limits
): Transition => {
  if (message._tag === "AuthRefused") {
    const back: State = { ...state, status: { _tag: "Open" } }
    return message.code === "auth_failed"
      ? authFailed(back, message.ref, message.message, limits)
      : refuse(back, message.ref, message.code, message.message)
  }
  return [
    {
      ...state,
      user: message.user,
      status: { _tag: "Live", session: message.session, expires_at: message.expires_at },
      error_state: null,
      frames: 0,
      bytes: 0,
      tries: 0
    },
    [{ _tag: "Welcome", ref: message.ref, user: message.user }]
  ]
}

/** CON5: an AuthError resets authentication; SEC26: a few tries, then the door shuts. */
const authFailed = (before: State, ref: string, message: string, limits: Limits): Transition => {
  const state: State = {
    ...before,
    status: { _tag: "Open" },
    user: null,
    tries: before.tries + 1,
    error_state: { _tag: "AuthError", message }
  }
  const [, said] = refuse(state, ref, "auth_failed", message)
  return state.tries < limits.authTries ? [state, said] : end(state, {
    code: closeCode.unauthenticated,
    reason: "too many failed attempts to sign in",
    resume: false,
    retry_after_ms: 0
  }, said)
}

const count = (state: State, heard: { readonly bytes: number }): State => ({
  ...state,
  frames: state.frames + 1,
  bytes: state.bytes + heard.bytes
})

const outOfPatience = (state: State, limits: Limits): boolean =>
  state.frames > limits.authFrames || state.bytes > limits.authBytes

const tooMuch = (state: State): Transition =>
  end(state, { code: closeCode.unauthenticated, reason: "sign in first", resume: false, retry_after_ms: 0 })

// -- Signed in ---------------------------------------------------------------

const hearLive = (state: In<"Live">, message: Heard, limits: Limits): Transition => {
  const { incoming } = message
  if (message.wait > 0) return tooFast(state, message, limits)
  if (incoming._tag === "Control" && incoming.control._tag === "signal" && message.bytes > limits.signalBytes) {
    return refuse(state, incoming.id, "too_large", `a signal may have at most ${limits.signalBytes} bytes`)
  }
  const calm: In<"Live"> = state.refused === 0 ? state : { ...state, refused: 0 }
  if (incoming._tag === "Control") return control(calm, message.at, incoming, limits)
  return request({ ...calm, thread_id: incoming.topic }, incoming.id, limits, {
    _tag: "Post",
    ref: incoming.id,
    topic: incoming.topic,
    command: incoming.command
  })
}

const control = (
  state: In<"Live">,
  at: Instant,
  { control, id, topic }: Extract<Incoming, { readonly _tag: "Control" }>,
  limits: Limits
): Transition => {
  switch (control._tag) {
    case "connect":
    case "auth":
    case "resume":
      return refuse(state, id, "forbidden", "this connection is signed in already")
    case "heartbeat":
      return [state, [answer(id, { _tag: "heartbeat", ref_id: id })]]
    case "renew":
      return request(state, id, limits, { _tag: "Renew", ref: id, session: state.status.session })
    case "sign_out":
      return [
        { ...open(state.connection_id, at), client_id: state.client_id, malformed: state.malformed },
        [
          ...leaveAll(state),
          { _tag: "Revoke", session: state.status.session },
          answer(id, { _tag: "signed_out", ref_id: id })
        ]
      ]
    case "get_threads":
      return request(state, id, limits, { _tag: "ListThreads", ref: id, all: control.public ?? false })
    case "get_user":
      return request(state, id, limits, { _tag: "ReadUser", ref: id })
    case "get_thread":
    case "subscribe":
    case "unsubscribe":
    case "ack":
    case "signal":
      return topic === null
        ? refuse(state, id, "malformed", "thread_id is missing")
        : onTopic(state, id, control, topic, limits)
  }
}

const onTopic = (
  state: In<"Live">,
  id: Incoming["id"],
  control: Extract<Control, { readonly _tag: "get_thread" | "subscribe" | "unsubscribe" | "ack" | "signal" }>,
  topic: NonNullable<State["thread_id"]>,
  limits: Limits
): Transition => {
  const subscribed = state.subscriptions.includes(topic)
  switch (control._tag) {
    case "get_thread":
      return request(state, id, limits, { _tag: "ReadThread", ref: id, topic })
    case "subscribe": // SYN12
      if (!subscribed && state.subscriptions.length >= limits.subscriptions) {
        return refuse(state, id, "too_large", `a connection may have at most ${limits.subscriptions} subscriptions`)
      }
      return request(
        subscribed ? state : { ...state, subscriptions: [...state.subscriptions, topic] },
        id,
        limits,
        { _tag: "Subscribe", ref: id, topic, position: control.position ?? null }
      )
    case "unsubscribe": {
      const [next, left] = subscribed ? forget(state, topic) : stay(state)
      return [next, [...left, answer(id, { _tag: "unsubscribed", ref_id: id }, topic)]]
    }
    case "ack": // Cumulative: one that comes to nothing is no loss.
      return subscribed ? [state, [{ _tag: "Acknowledge", topic, seq: control.seq }]] : stay(state)
    case "signal":
      return subscribed
        ? [state, [{ _tag: "Signal", topic, key: control.key, value: control.value }]]
        : refuse(state, id, "not_found", "subscribe first")
  }
}

/** Something that will be answered later; only so many at once. */
const request = (state: State, id: string, limits: Limits, intent: Intent): Transition =>
  state.in_flight < limits.inFlight
    ? [{ ...state, in_flight: state.in_flight + 1 }, [intent]]
    : refuse(state, id, "rate_limited", `at most ${limits.inFlight} requests may be waiting for their answers`, 1000)

/** CON7: over the budget. Acknowledgements are cumulative, so too many of them are only not heard. */
const tooFast = (before: State, message: Heard, limits: Limits): Transition => {
  const state: State = { ...before, refused: before.refused + 1 }
  if (state.refused > limits.rateStrikes) {
    return end(state, {
      code: closeCode.rateLimited,
      reason: "too many messages",
      resume: true,
      retry_after_ms: message.wait
    })
  }
  return message.incoming._tag === "Control" && message.incoming.control._tag === "ack"
    ? stay(state)
    : refuse(state, message.incoming.id, "rate_limited", "too many messages: slow down", message.wait)
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

const forget = (state: State, topic: State["subscriptions"][number]): Transition => [
  { ...state, subscriptions: state.subscriptions.filter((other) => other !== topic) },
  [{ _tag: "Unsubscribe", topic }]
]

// -- At any time -------------------------------------------------------------

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

type Ending = Omit<Extract<Intent, { readonly _tag: "Close" }>, "_tag">

const end = (
  state: State,
  { code, reason, resume, retry_after_ms }: Ending,
  before: ReadonlyArray<Intent> = []
): Transition => [
  { ...state, status: { _tag: "Closed", code }, subscriptions: [] },
  [...leaveAll(state), ...before, { _tag: "Close", code, reason, resume, retry_after_ms }]
]

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

// -- Small words -------------------------------------------------------------

const stay = (state: State): Transition => [state, []]

const isIn = <S extends Status["_tag"]>(state: State, status: S): state is In<S> => state.status._tag === status

const isLive = (state: State): state is In<"Live"> => isIn(state, "Live")

const leaveAll = (state: State): ReadonlyArray<Intent> =>
  state.subscriptions.map((topic) => ({ _tag: "Unsubscribe", topic }))

type Answer = Extract<Intent, { readonly _tag: "Answer" }>

const answer = (ref: string | null, message: Answer["message"], topic: Answer["topic"] = null): Answer => ({
  _tag: "Answer",
  ref,
  message,
  topic
})

const refuse = (state: State, ref: string | null, code: ErrorCode, message: string, wait?: number): Transition => [
  state,
  [answer(ref, {
    _tag: "error",
    ref_id: ref,
    code,
    message,
    retryable: retryable(code),
    ...(wait === undefined ? undefined : { retry_after_ms: wait })
  })]
]
