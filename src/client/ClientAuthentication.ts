/**
 * Sign-in transitions: resume a session by its token, or prove the key by signing a challenge (AUT1, AUT2, SEC3). Pure.
 */
import type { Instant } from "../domain/protocol/Ids.ts"
import { challengeSigningInput, type ServerMessageOf } from "../domain/protocol/Protocol.ts"
import { errorReason } from "./ClientError.ts"
import type { Config, State, Transition } from "./ClientModel.ts"
import { nextMessageId, sendMessage, withoutIntents } from "./ClientTransitions.ts"
import { closePermanently, dropConnection, scheduleReconnect } from "./ConnectionLifecycle.ts"

/** Resumes a session that has not expired; otherwise requests a challenge. */
export const handleSocketOpened = (config: Config, state: State, at: Instant): Transition => {
  if (state.connection._tag !== "Connecting" || state.connection.stage !== "opening") return withoutIntents(state)
  const { session } = state
  return session !== undefined && session.expiresAt > at
    ? sendIdentification(config, state, at, "resuming", "resume", { session_token: session.token })
    : requestChallenge(config, state, at)
}

const requestChallenge = (config: Config, state: State, at: Instant): Transition =>
  sendIdentification(config, { ...state, session: undefined }, at, "authenticating", "connect", {
    public_key: config.me
  })

/** Adds the client instance (AUT7), an attestation (AUT8) and the request for ordered rate limiting (CON7) to a sign-in message. */
const sendIdentification = (
  { attestation, instance }: Config,
  state: State,
  at: Instant,
  stage: "resuming" | "authenticating",
  type: "connect" | "resume",
  payload: Readonly<Record<string, unknown>>
): Transition =>
  sendAuthentication(state, at, stage, type, {
    ...payload,
    client_id: instance,
    in_order: true,
    ...(attestation === undefined ? undefined : { attestation })
  })

const sendAuthentication = (
  state: State,
  at: Instant,
  stage: "resuming" | "authenticating",
  type: string,
  payload: Readonly<Record<string, unknown>>
): Transition => {
  const { connection } = state
  return connection._tag === "Connecting"
    ? sendMessage(
      { ...state, connection: { ...connection, stage, requestId: nextMessageId(state) } },
      at,
      type,
      payload
    )
    : withoutIntents(state)
}

/** Signs a challenge of the dialled server only: a relayed challenge of another server is not signed (SEC3). */
export const handleChallenge = (config: Config, state: State, message: ServerMessageOf<"challenge">): Transition => {
  const { connection } = state
  if (connection._tag !== "Connecting" || connection.stage !== "authenticating") return withoutIntents(state)
  if (config.host !== undefined && !isSameHost(message.audience, config.host)) {
    return closePermanently(
      state,
      errorReason(
        "auth_failed",
        `Nothing was signed: the server's audience is ${message.audience}, not ${config.host}. Check the address, or `
          + "CHOIR_AUDIENCE on the server."
      )
    )
  }
  return [state, [{ _tag: "Sign", socket: connection.socket, text: challengeSigningInput(message, config.me) }]]
}

const isSameHost = (audience: string, host: string): boolean =>
  normalizeHost(audience.replace(/^(?:http|ws)s?:\/\//, "").replace(/\/$/, "")) === normalizeHost(host)

/** The loopback names are equal: a relay cannot be between the client and its own machine. */
const normalizeHost = (host: string): string => host.replace(/^(?:127\.0\.0\.1|\[::1\])(?=:|$)/, "localhost")

/** Sends the signature of the challenge. */
export const handleSignature = (state: State, at: Instant, signature: string): Transition =>
  sendAuthentication(state, at, "authenticating", "auth", { signature })

/** Completes the sign-in. */
export const handleInit = (
  state: State,
  at: Instant,
  serverNow: Instant,
  { _tag, ...init }: ServerMessageOf<"init">
): Transition => {
  const { connection } = state
  if (connection._tag !== "Connecting") return withoutIntents(state)
  const { attempt, goodbye, socket } = connection
  return withoutIntents({
    ...withRenewedSession(state, at, serverNow, init),
    connection: {
      _tag: "Online",
      socket,
      since: at,
      attempt,
      connectionId: init.connection_id,
      lastReceivedAt: at,
      answerBy: undefined,
      goodbye
    },
    lostAt: undefined,
    erasedTitles: new Set(),
    init
  })
}

/** Stores a session token. Its lifetime is measured on the server's clock, so a wrong local clock does no harm. */
export const withRenewedSession = (
  state: State,
  at: Instant,
  serverNow: Instant,
  { expires_at, session_token }: { readonly expires_at: Instant; readonly session_token: string }
): State => {
  const lifetime = Math.max(0, expires_at - serverNow)
  return {
    ...state,
    session: { token: session_token, renewAt: at + Math.floor((lifetime * 2) / 3), expiresAt: at + lifetime }
  }
}

/** Handles an error that concerns the connection itself. A rejected session falls back to a signature. */
export const handleConnectionError = (
  config: Config,
  state: State,
  at: Instant,
  message: ServerMessageOf<"error">
): Transition => {
  const { connection } = state
  if (connection._tag === "Connecting" && message.ref_id === connection.requestId) {
    // SEC26: sign-ins from this address are rate limited. The session stays valid.
    if (message.retry_after_ms !== undefined) return scheduleReconnect(state, at, message.retry_after_ms)
    if (connection.stage === "resuming") return requestChallenge(config, state, at)
    return message.retryable
      ? withoutIntents(state)
      : closePermanently(state, errorReason(message.code, message.message))
  }
  // The session was revoked or has expired: sign in again on a new connection.
  return connection._tag === "Online" && message.code === "unauthenticated"
    ? dropConnection({ ...state, session: undefined }, at, 0)
    : withoutIntents(state)
}
