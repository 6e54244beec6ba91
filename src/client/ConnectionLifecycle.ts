/**
 * Connection transitions: opening, heartbeat, closing and reconnecting (CON6, SYN10). Pure. `ClientAuthentication` has
 * the sign-in.
 */
import { Result } from "effect"
import * as CloseCode from "../domain/connection/CloseCode.ts"
import * as Backoff from "../domain/protocol/Backoff.ts"
import type { Instant } from "../domain/protocol/Ids.ts"
import type { ServerMessageOf } from "../domain/protocol/Protocol.ts"
import { type ClientErrorReason, errorReason } from "./ClientError.ts"
import type { Connection, Intent, State, Transition } from "./ClientModel.ts"
import { andThen, sendMessage, updateReplicas, withoutIntents } from "./ClientTransitions.ts"
import * as Replica from "./Replica.ts"

// All times are in milliseconds.

/** From opening a socket to `init`. */
const signInTimeout = 10_000
/** From the last received message to a heartbeat, and from a heartbeat to the loss of the connection. */
const idleTimeout = 20_000
/** How long an answer may take after the page was hidden, or the network changed. */
const suspectTimeout = 5_000
/** SYN10. The attempts are counted anew after `backoffResetAfter` online. */
const reconnectBackoff: Backoff.BackoffPolicy = { base: 500, cap: 20_000 }
const backoffResetAfter = 10_000
/** SYN11: used for `restartWindow` after a server announced its restart. */
const restartBackoff: Backoff.BackoffPolicy = { ...reconnectBackoff, cap: 5_000 }
const restartWindow = 60_000
/** CON6: the least delay after a close for overload. */
const overloadRetryDelay = 10_000
/** From a `renew` without an answer to the next one. */
const renewRetryDelay = 10_000

/** The number of the current socket, or -1. */
export const activeSocket = (connection: Connection): number =>
  connection._tag === "Online" || connection._tag === "Connecting" ? connection.socket : -1

/** When the connection needs `TimerFired`. */
export const connectionDeadlines = ({ connection, session }: State): Array<Instant> => {
  switch (connection._tag) {
    case "Disconnected":
      return []
    case "Connecting":
      return [connection.since + signInTimeout]
    case "Reconnecting":
      return [connection.retryAt]
    case "Online":
      return [
        connection.answerBy ?? connection.lastReceivedAt + idleTimeout,
        ...(session === undefined ? [] : [session.renewAt])
      ]
  }
}

// -- Opening and closing -----------------------------------------------------

/** Connects, or hastens the next attempt. */
export const start = (state: State, at: Instant): Transition =>
  state.connection._tag === "Disconnected" ? openSocket(state, at, 0) : handlePageShown(state, at)

const openSocket = (state: State, at: Instant, attempt: number): Transition => {
  const socket = state.socketCount + 1
  return [
    {
      ...state,
      socketCount: socket,
      connection: {
        _tag: "Connecting",
        socket,
        since: at,
        attempt,
        stage: "opening",
        requestId: undefined,
        goodbye: undefined
      }
    },
    [{ _tag: "Open", socket }]
  ]
}

/** SYN10: reconnects at once, but not before the server's `retry_after_ms`; probes a connection that is online. */
export const handlePageShown = (state: State, at: Instant): Transition => {
  const { connection } = state
  if (connection._tag === "Reconnecting") {
    return at >= connection.notBefore
      ? openSocket(state, at, connection.attempt)
      : withoutIntents({ ...state, connection: { ...connection, retryAt: connection.notBefore } })
  }
  return connection._tag === "Online" && connection.lastReceivedAt < at
    ? probe(state, at, suspectTimeout)
    : withoutIntents(state)
}

/** Sends a heartbeat, unless one is under way, that must be answered within `timeout`. */
const probe = (state: State, at: Instant, timeout: number): Transition => {
  const { connection } = state
  if (connection._tag !== "Online") return withoutIntents(state)
  const answerBy = Math.min(at + timeout, connection.answerBy ?? Number.POSITIVE_INFINITY)
  const next = { ...state, connection: { ...connection, answerBy } }
  return connection.answerBy === undefined ? sendMessage(next, at, "heartbeat", {}) : withoutIntents(next)
}

/** Disconnects at the user's request. */
export const stop = (state: State): Transition => closePermanently(state, undefined)

const notSignedOut = errorReason(
  "not_signed_out",
  "The connection was closed before the server confirmed the sign-out: the session may be open still. Connect and sign "
    + "out again.",
  true
)

/** Ends the connection for good and fails pending commands and queries. */
export const closePermanently = (state: State, reason: ClientErrorReason | undefined): Transition => {
  const outcome = Result.fail(reason ?? errorReason("closed", "The connection was closed.", true))
  const signOutOutcome = (ref_id: string) =>
    state.session === undefined ? Result.succeed({ _tag: "signed_out", ref_id } as const) : Result.fail(notSignedOut)
  const socket = activeSocket(state.connection)
  const intents: Array<Intent> = socket === -1 ? [] : [{ _tag: "Close", socket, code: CloseCode.closeCode.normal }]
  for (const { id, stage } of state.outbox) {
    if (stage !== "accepted") intents.push({ _tag: "CompleteCommand", id, outcome })
  }
  for (const { id, query } of state.pendingQueries) {
    intents.push({ _tag: "CompleteQuery", id, outcome: query._tag === "sign_out" ? signOutOutcome(id) : outcome })
  }
  return [
    {
      ...updateReplicas(resetConnectionState(state), Replica.discardOptimistic),
      connection: { _tag: "Disconnected", reason },
      lostAt: undefined,
      outbox: [],
      pendingQueries: []
    },
    intents
  ]
}

/** Resets the state of the lost connection: subscriptions, sent marks, outstanding acks. */
const resetConnectionState = (state: State): State => ({
  ...updateReplicas(state, Replica.markDisconnected),
  outbox: state.outbox.map((pending) => pending.stage === "sent" ? { ...pending, stage: "queued" as const } : pending),
  pendingQueries: state.pendingQueries.map((query) => ({ ...query, sent: false })),
  unacked: new Set()
})

/** CON6: the close code decides whether to reconnect; the goodbye decides about the delay and the session. */
export const handleSocketClosed = (state: State, at: Instant, code: number, random: number): Transition => {
  const { connection } = state
  if (connection._tag !== "Online" && connection._tag !== "Connecting") return withoutIntents(state)
  const staleSession = connection._tag === "Connecting" && connection.stage === "resuming" &&
    code === CloseCode.closeCode.unauthenticated
  if (!staleSession && !CloseCode.mayReconnect(code)) {
    const session = code === CloseCode.closeCode.forcedOut ? undefined : state.session
    return closePermanently({ ...state, session }, closeReason(code, connection.goodbye?.reason))
  }
  // SYN11: an announced restart is spread over time by the server, so it does not lengthen the back-off.
  const wasStable = connection._tag === "Online" &&
    (at - connection.since >= backoffResetAfter || code === CloseCode.closeCode.restart)
  const attempt = wasStable ? 0 : connection.attempt
  const retryAfter = connection.goodbye?.retry_after_ms ?? 0
  const notBefore = at + (code === CloseCode.closeCode.overload ? Math.max(retryAfter, overloadRetryDelay) : retryAfter)
  const lostAt = state.lostAt ?? at
  const serverRestarting = code === CloseCode.closeCode.restart ||
    connection._tag !== "Online" && state.serverRestarting
  const policy = serverRestarting && at - lostAt < restartWindow ? restartBackoff : reconnectBackoff
  const retryAt = notBefore + Backoff.fullJitter(policy, attempt, random)
  const reset = resetConnectionState(state)
  const mustResync = code === CloseCode.closeCode.stateReset || code === CloseCode.closeCode.insufficientState
  return withoutIntents({
    ...(mustResync ? updateReplicas(reset, (replica) => Replica.requestSubscription(replica, 0, true)) : reset),
    connection: { _tag: "Reconnecting", attempt: attempt + 1, retryAt, notBefore },
    lostAt,
    serverRestarting,
    session: staleSession || connection.goodbye?.resume === false ? undefined : state.session
  })
}

/** Gives up: the next attempt would fail as this one did. A connection that is online is another one. */
export const handleSocketUnusable = (state: State, problem: string): Transition =>
  state.connection._tag === "Connecting" || state.connection._tag === "Reconnecting"
    ? closePermanently(state, errorReason("socket_unusable", `No connection can be opened: ${problem}.`))
    : withoutIntents(state)

const closeReason = (code: number, reason: string | undefined): ClientErrorReason => {
  switch (code) {
    case CloseCode.closeCode.replaced:
      return errorReason("closed", "This session was taken over by another connection of the same client.")
    case CloseCode.closeCode.unauthenticated:
      return errorReason("auth_failed", "The server rejected the signature of this key.")
    case CloseCode.closeCode.connectionLimit:
      return errorReason(
        "closed",
        "The server's limit of connections for this key or address is reached. Close another one and try again.",
        true
      )
    case CloseCode.closeCode.unsupportedVersion:
      return errorReason(
        "outdated_client",
        "The server does not support this client's protocol version. Reload or update the client."
      )
    default:
      return errorReason("closed", reason ?? `The server closed the connection (code ${code}).`)
  }
}

// -- Heartbeat and timers ----------------------------------------------------

/** Restarts the idle timeout: a message was received. */
export const recordActivity = (state: State, at: Instant): State =>
  state.connection._tag === "Online"
    ? { ...state, connection: { ...state.connection, lastReceivedAt: at, answerBy: undefined } }
    : state

/** Stores the announcement of a close, to be used when the socket closes. */
export const handleGoodbye = (state: State, { _tag, ...goodbye }: ServerMessageOf<"goodbye">): State =>
  state.connection._tag === "Online" || state.connection._tag === "Connecting"
    ? { ...state, connection: { ...state.connection, goodbye } }
    : state

/** Acts on the deadlines that have passed. */
export const handleTimer = (state: State, at: Instant, random: number): Transition => {
  const { connection } = state
  switch (connection._tag) {
    case "Disconnected":
      return withoutIntents(state)
    case "Reconnecting":
      return at >= connection.retryAt ? openSocket(state, at, connection.attempt) : withoutIntents(state)
    case "Connecting":
      return at - connection.since >= signInTimeout ? dropConnection(state, at, random) : withoutIntents(state)
    case "Online": {
      if (connection.answerBy !== undefined && at >= connection.answerBy) return dropConnection(state, at, random)
      const isIdle = connection.answerBy === undefined && at - connection.lastReceivedAt >= idleTimeout
      return andThen(isIdle ? probe(state, at, idleTimeout) : withoutIntents(state), (next) => renewSession(next, at))
    }
  }
}

const renewSession = (state: State, at: Instant): Transition => {
  const { session } = state
  return session === undefined || at < session.renewAt
    ? withoutIntents(state)
    : sendMessage({ ...state, session: { ...session, renewAt: at + renewRetryDelay } }, at, "renew", {
      session_token: session.token
    })
}

/** Drops a connection, to sign in again after `retryAfter` (SEC26), which doubles with each attempt. */
export const scheduleReconnect = (state: State, at: Instant, retryAfter: number): Transition => {
  const [next, intents] = dropConnection(state, at, 0)
  const { connection } = next
  if (connection._tag !== "Reconnecting") return [next, intents]
  const backoff = Backoff.delay({ base: retryAfter, cap: reconnectBackoff.cap }, connection.attempt - 1)
  const retryAt = at + Math.max(retryAfter, backoff)
  return [{ ...next, connection: { ...connection, retryAt, notBefore: at + retryAfter } }, intents]
}

/** Treats a connection as lost without waiting for the socket's close. */
export const dropConnection = (state: State, at: Instant, random: number): Transition => {
  const [next, intents] = handleSocketClosed(state, at, 1006, random)
  return [next, [
    { _tag: "Close", socket: activeSocket(state.connection), code: CloseCode.closeCode.normal },
    ...intents
  ]]
}
