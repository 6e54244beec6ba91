/** A connection without a user: it can prove a key or resume a session, and nothing else (AUT1, AUT2, AUT3, AUT4). */
import type { Instant } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import type { Attestation } from "../protocol/Principal.ts"
import type { ClientControl } from "../protocol/Protocol.ts"
import * as Identity from "../session/Identity.ts"
import { closeCode } from "./CloseCode.ts"
import type { ConnectionState, Message, Transition } from "./ConnectionModel.ts"
import {
  close,
  closeUnauthenticated,
  countPreAuthFrame,
  exceedsPreAuthLimits,
  type MessageReceived,
  reject,
  sendReply,
  type StateIn
} from "./ConnectionTransitions.ts"
import type { ClientMessage } from "./FrameDecoder.ts"

/**
 * AUT4, SEC1: before authentication only connect, auth, resume and heartbeat are served. Everything else is answered with
 * `unauthenticated`, and counts towards the limits of AUT3.
 */
export const handleUnauthenticated = (
  previous: ConnectionState,
  message: MessageReceived,
  limits: Limits
): Transition => {
  const state = countPreAuthFrame(previous, message)
  if (exceedsPreAuthLimits(state, limits)) return closeUnauthenticated(state)
  const { incoming } = message
  if (incoming._tag === "Command") return reject(state, incoming.id, "unauthenticated", "sign in first")
  const { control, id } = incoming
  if (state.status._tag === "Verifying" && (control._tag === "connect" || control._tag === "resume")) {
    return reject(state, id, "auth_failed", "a sign-in is in progress: wait for its reply")
  }
  switch (control._tag) {
    case "heartbeat":
      return [state, [sendReply(id, { _tag: "heartbeat", ref_id: id })]]
    case "connect":
      // SEC4: a key of small order is not even challenged.
      return Identity.isValidPublicKey(control.public_key)
        ? [
          {
            ...state,
            status: { _tag: "Unauthenticated" },
            ...signInFields(control)
          },
          [{ _tag: "IssueChallenge", ref: id, public_key: control.public_key }]
        ]
        : failAuthentication(state, id, "the public key is not an accepted Ed25519 key", limits)
    case "auth":
      return verifyChallenge(state, id, control.signature, message.at, limits)
    case "resume":
      return [
        {
          ...state,
          ...signInFields(control),
          status: { _tag: "Verifying", ref: id }
        },
        [{
          _tag: "ResumeSession",
          ref: id,
          token: control.session_token,
          ...attestationField(control.attestation)
        }]
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
      return reject(state, id, "unauthenticated", "sign in first")
  }
}

/** What a client states about itself when it signs in; each sign-in replaces what an earlier one stated. */
const signInFields = (
  { attestation, client_id, in_order }: Extract<ClientControl, { readonly _tag: "connect" | "resume" }>
): Pick<ConnectionState, "attestation" | "client_id" | "in_order"> => ({
  attestation: attestation ?? null,
  client_id: client_id ?? null,
  in_order: in_order ?? false
})

/** An attestation as a field; no field for a person. */
const attestationField = (attestation: Attestation | null | undefined): { readonly attestation?: Attestation } =>
  attestation === null || attestation === undefined ? {} : { attestation }

/** The retry delay, in milliseconds, after a signature that was not verified because its challenge had expired. */
const staleChallengeRetryMillis = 1_000

/** AUT1, SEC2: the first `auth` consumes the challenge, whatever its outcome. SEC26: format checks come before verifying. */
const verifyChallenge = (
  state: ConnectionState,
  id: ClientMessage["id"],
  signature: string,
  at: Instant,
  limits: Limits
): Transition => {
  if (state.status._tag !== "Challenged") {
    return failAuthentication(state, id, "no challenge is open on this connection: send connect first", limits)
  }
  const { challenge, public_key } = state.status
  if (!Identity.isUnexpired(challenge, at)) {
    return failAuthentication(
      state,
      id,
      "the challenge has expired: send connect again",
      limits,
      staleChallengeRetryMillis
    )
  }
  if (!Identity.isSignature(signature)) {
    return failAuthentication(state, id, "the signature is not 64 bytes as base64url", limits)
  }
  return [
    { ...state, status: { _tag: "Verifying", ref: id } },
    [{ _tag: "VerifySignature", ref: id, challenge, public_key, signature, ...attestationField(state.attestation) }]
  ]
}

/** AUT1: holds the challenge in this connection only, and sends it. */
export const handleChallengeIssued = (
  state: ConnectionState,
  message: Extract<Message, { readonly _tag: "ChallengeIssued" }>
): Transition => [
  { ...state, status: { _tag: "Challenged", challenge: message.challenge, public_key: message.public_key } },
  [sendReply(message.ref, { _tag: "challenge", ...message.challenge })]
]

/** AUT1, AUT2: the outcome of verifying a signature or a token. */
export const handleVerification = (
  state: StateIn<"Verifying">,
  message: Extract<Message, { readonly _tag: "SignedIn" | "AuthRejected" }>,
  limits: Limits
): Transition => {
  if (message._tag === "AuthRejected") {
    const reset: ConnectionState = { ...state, status: { _tag: "Unauthenticated" } }
    return message.code === "auth_failed"
      ? failAuthentication(reset, message.ref, message.message, limits, undefined, message.rule)
      : reject(reset, message.ref, message.code, message.message, message.retry_after_ms, message.rule)
  }
  return [
    {
      ...state,
      user: message.user,
      attestation: message.attestation ?? null,
      status: { _tag: "Authenticated", session: message.session, expires_at: message.expires_at },
      error_state: null,
      pre_auth_frames: 0,
      pre_auth_bytes: 0,
      auth_failures: 0
    },
    [{ _tag: "SendInit", ref: message.ref, user: message.user }]
  ]
}

/** CON5: an `AuthError` resets authentication, and consumes a challenge (SEC2). SEC26: the fifth failure on a connection closes it. */
const failAuthentication = (
  previous: ConnectionState,
  ref: string,
  message: string,
  limits: Limits,
  retryAfter?: number,
  rule?: string
): Transition => {
  const state: ConnectionState = {
    ...previous,
    status: { _tag: "Unauthenticated" },
    user: null,
    auth_failures: previous.auth_failures + 1,
    error_state: { _tag: "AuthError", message }
  }
  const [, replies] = reject(state, ref, "auth_failed", message, retryAfter, rule)
  return state.auth_failures < limits.authTries ? [state, replies] : close(state, {
    code: closeCode.unauthenticated,
    reason: "too many failed sign-ins",
    resume: false,
    retry_after_ms: 0
  }, replies)
}
