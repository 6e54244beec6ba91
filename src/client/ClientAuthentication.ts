/**
 * Signing in, on the client's side: a session goes on by its token, or the key
 * proves itself to the server that was dialled, and no other (AUT1, AUT2, SEC3).
 */
import type { Instant } from "../domain/protocol/Ids.ts"
import { challengeSigningInput, type ServerMessageOf } from "../domain/protocol/Protocol.ts"
import { errorReason } from "./ClientError.ts"
import type { Config, State, Transition } from "./ClientModel.ts"
import { sendMessage, withoutIntents } from "./ClientTransitions.ts"
import { closePermanently, dropConnection, scheduleReconnect } from "./ConnectionLifecycle.ts"

/** The socket is there: who resumes shows the token, who cannot asks for a challenge. */
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

/** Says who we are, and that our commands are to be taken in their order (CON7). */
const sendIdentification = (
  { instance }: Config,
  state: State,
  at: Instant,
  stage: "resuming" | "authenticating",
  type: "connect" | "resume",
  payload: Readonly<Record<string, unknown>>
): Transition => sendAuthentication(state, at, stage, type, { ...payload, client_id: instance, in_order: true })

const sendAuthentication = (
  state: State,
  at: Instant,
  stage: "resuming" | "authenticating",
  type: string,
  payload: Readonly<Record<string, unknown>>
): Transition => {
  const [next, intents, requestId] = sendMessage(state, at, type, payload)
  return next.connection._tag === "Connecting"
    ? [{ ...next, connection: { ...next.connection, stage, requestId } }, intents]
    : [next, intents]
}

/** Signs, but only for the server that was dialled: a challenge passed on from elsewhere proves us to nobody (SEC3). */
export const handleChallenge = (config: Config, state: State, message: ServerMessageOf<"challenge">): Transition => {
  const { connection } = state
  if (connection._tag !== "Connecting" || connection.stage !== "authenticating") return withoutIntents(state)
  if (config.host !== undefined && !isSameHost(message.audience, config.host)) {
    return closePermanently(
      state,
      errorReason("auth_failed", `This server calls itself ${message.audience}; nothing was signed for it.`)
    )
  }
  return [state, [{ _tag: "Sign", socket: connection.socket, text: challengeSigningInput(message, config.me) }]]
}

const isSameHost = (audience: string, host: string): boolean =>
  normalizeHost(audience.replace(/^(?:http|ws)s?:\/\//, "").replace(/\/$/, "")) === normalizeHost(host)

/** This machine has several names for itself, and nobody in between can answer to any of them. */
const normalizeHost = (host: string): string => host.replace(/^(?:127\.0\.0\.1|\[::1\])(?=:|$)/, "localhost")

/** The challenge's signature. */
export const handleSignature = (state: State, at: Instant, signature: string): Transition =>
  state.connection._tag === "Connecting"
    ? sendAuthentication(state, at, "authenticating", "auth", { signature })
    : withoutIntents(state)

/** We are in. */
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
      probedAt: undefined,
      goodbye
    },
    lostAt: undefined,
    init
  })
}

/** Lifetimes are counted from the server's own clock, so that a wrong clock here does no harm. */
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

/** An error about the connection itself: a session that is over is replaced by a signature, once. */
export const handleConnectionError = (
  config: Config,
  state: State,
  at: Instant,
  message: ServerMessageOf<"error">
): Transition => {
  const { connection } = state
  if (connection._tag === "Connecting" && message.ref_id !== null && message.ref_id === connection.requestId) {
    // SEC26: too many sign in from here. What we would prove ourselves by is as good as before.
    if (message.retry_after_ms !== undefined) return scheduleReconnect(state, at, message.retry_after_ms)
    if (connection.stage === "resuming") return requestChallenge(config, state, at)
    return message.retryable
      ? withoutIntents(state)
      : closePermanently(state, errorReason(message.code, message.message))
  }
  // Our session ended under us: sign in again, on a new connection.
  return connection._tag === "Online" && message.code === "unauthenticated"
    ? dropConnection({ ...state, session: undefined }, at, 0)
    : withoutIntents(state)
}
