/** A connection without a user: it may name a key and prove it, and nothing else (AUT1-AUT4). */
import * as Identity from "../Identity.ts"
import type { Instant } from "../Ids.ts"
import type { Limits } from "../Limits.ts"
import { closeCode } from "./CloseCode.ts"
import type { Message, State, Transition } from "./ConnectionModel.ts"
import { answer, count, end, type Heard, type In, outOfPatience, refuse, tooMuch } from "./ConnectionWords.ts"
import type { Incoming } from "./Incoming.ts"

export const hearStranger = (before: State, message: Heard, limits: Limits): Transition => {
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
          {
            ...state,
            status: { _tag: "Open" },
            client_id: control.client_id ?? null,
            in_order: control.in_order ?? false
          },
          [{ _tag: "Draw", ref: id, public_key: control.public_key }]
        ]
        : authFailed(state, id, "this is not a key that can be trusted", limits)
    case "auth":
      return auth(state, id, control.signature, message.at, limits)
    case "resume":
      if (state.status._tag === "Proving") return refuse(state, id, "auth_failed", "a sign-in is under way")
      return [
        {
          ...state,
          client_id: control.client_id ?? null,
          in_order: control.in_order ?? false,
          status: { _tag: "Proving", ref: id }
        },
        [{ _tag: "Resume", ref: id, token: control.session_token }]
      ]
    case "renew":
    case "sign_out":
    case "subscribe":
    case "unsubscribe":
    case "ack":
    case "desync":
    case "signal":
    case "get_threads":
    case "get_thread":
    case "get_user":
      return refuse(state, id, "unauthenticated", "sign in first")
  }
}

/** Milliseconds after which a key that was not looked at may be proved again. */
const staleRetry = 1_000

/** A challenge is used up by the first try, whatever becomes of it (AUT1, SEC2). */
const auth = (state: State, id: Incoming["id"], signature: string, at: Instant, limits: Limits): Transition => {
  if (state.status._tag !== "Challenged") return authFailed(state, id, "there is no challenge to answer", limits)
  const { challenge, public_key } = state.status
  const spent: State = { ...state, status: { _tag: "Open" } }
  if (!Identity.isFresh(challenge, at)) {
    return authFailed(spent, id, "the challenge is too old: connect again", limits, staleRetry)
  }
  if (!Identity.isSignature(signature)) return authFailed(spent, id, "this is not a signature", limits)
  return [
    { ...state, status: { _tag: "Proving", ref: id } },
    [{ _tag: "Verify", ref: id, challenge, public_key, signature }]
  ]
}

export const challenge = (state: State, message: Extract<Message, { readonly _tag: "Drawn" }>): Transition => [
  { ...state, status: { _tag: "Challenged", challenge: message.challenge, public_key: message.public_key } },
  [answer(message.ref, { _tag: "challenge", ...message.challenge })]
]

export const prove = (
  state: In<"Proving">,
  message: Extract<Message, { readonly _tag: "SignedIn" | "AuthRefused" }>,
  limits: Limits
): Transition => {
  if (message._tag === "AuthRefused") {
    const back: State = { ...state, status: { _tag: "Open" } }
    return message.code === "auth_failed"
      ? authFailed(back, message.ref, message.message, limits)
      : refuse(back, message.ref, message.code, message.message, message.retry_after_ms)
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
const authFailed = (before: State, ref: string, message: string, limits: Limits, wait?: number): Transition => {
  const state: State = {
    ...before,
    status: { _tag: "Open" },
    user: null,
    tries: before.tries + 1,
    error_state: { _tag: "AuthError", message }
  }
  const [, said] = refuse(state, ref, "auth_failed", message, wait)
  return state.tries < limits.authTries ? [state, said] : end(state, {
    code: closeCode.unauthenticated,
    reason: "too many failed attempts to sign in",
    resume: false,
    retry_after_ms: 0
  }, said)
}
