/**
 * The connection's rules on the client's side: opening, staying alive, ending
 * and coming back (CON6, SYN10). Signing in has a file of its own.
 */
import { Result } from "effect"
import * as CloseCode from "../domain/connection/CloseCode.ts"
import type { Instant } from "../domain/protocol/Ids.ts"
import type { ServerMessageOf } from "../domain/protocol/Protocol.ts"
import { type ClientErrorReason, errorReason } from "./ClientError.ts"
import type { Connection, Intent, State, Transition } from "./ClientModel.ts"
import { andThen, sendMessage, withoutIntents } from "./ClientTransitions.ts"
import * as Replica from "./Replica.ts"

/** From opening a socket to `init`. */
const signInTimeout = 10_000
/** After this much silence we ask; after twice as much the connection counts as dead. */
const idleTimeout = 20_000
/** Back-off: a random part of `backoffBase` x 2^n, at most `backoffCap`; forgotten after `backoffResetAfter` milliseconds online. */
const backoffBase = 500
const backoffCap = 20_000
const backoffResetAfter = 10_000
/** Instead of `backoffCap`, while a server that announced its restart has been away for less than `restartWindow`. */
const restartBackoffCap = 5_000
const restartWindow = 60_000
/** CON6: whoever is sent away for overload stays away this long. */
const overloadRetryDelay = 10_000
/** A question about the session is asked again after this time. */
const renewRetryDelay = 10_000

/** The socket whose word counts, or -1. */
export const activeSocket = (connection: Connection): number =>
  connection._tag === "Online" || connection._tag === "Connecting" ? connection.socket : -1

/** When the connection needs a `TimerFired`. */
export const timerDeadlines = ({ connection, session }: State): Array<Instant> => {
  switch (connection._tag) {
    case "Disconnected":
      return []
    case "Connecting":
      return [connection.since + signInTimeout]
    case "Reconnecting":
      return [connection.retryAt]
    case "Online":
      return [
        connection.probedAt === undefined ? connection.lastReceivedAt + idleTimeout : connection.probedAt + idleTimeout,
        ...(session === undefined ? [] : [session.renewAt])
      ]
  }
}

// -- Coming and going --------------------------------------------------------

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

/** The page is there again: back at once, unless the server asked for a pause; a silent connection is asked. */
export const handlePageShown = (state: State, at: Instant): Transition => {
  const { connection } = state
  if (connection._tag === "Reconnecting") {
    return at >= connection.notBefore
      ? openSocket(state, at, connection.attempt)
      : withoutIntents({ ...state, connection: { ...connection, retryAt: connection.notBefore } })
  }
  return connection._tag === "Online" && connection.probedAt === undefined && connection.lastReceivedAt < at
    ? sendHeartbeat(state, at)
    : withoutIntents(state)
}

const sendHeartbeat = (state: State, at: Instant): Transition =>
  state.connection._tag === "Online"
    ? andThen(withoutIntents({ ...state, connection: { ...state.connection, probedAt: at } }), (next) =>
      sendMessage(next, at, "heartbeat", {}))
    : withoutIntents(state)

export const stop = (state: State): Transition => closePermanently(state, undefined)

/** Ends the connection for good; whatever waits for an outcome is told so. */
export const closePermanently = (state: State, reason: ClientErrorReason | undefined): Transition => {
  const outcome = Result.fail(reason ?? errorReason("closed", "The connection was closed.", true))
  const socket = activeSocket(state.connection)
  const intents: Array<Intent> = socket === -1 ? [] : [{ _tag: "Close", socket, code: CloseCode.closeCode.normal }]
  for (const { id, stage } of state.outbox) {
    if (stage !== "accepted") intents.push({ _tag: "CompleteCommand", id, outcome })
  }
  for (const { id } of state.pendingQueries) intents.push({ _tag: "CompleteQuery", id, outcome })
  return [
    {
      ...resetConnectionState(state),
      replicas: new Map(
        [...state.replicas].map((
          [topic, replica]
        ) => [topic, Replica.discardOptimistic(Replica.markDisconnected(replica))])
      ),
      connection: { _tag: "Disconnected", reason },
      lostAt: undefined,
      outbox: [],
      pendingQueries: []
    },
    intents
  ]
}

/** What was true of this connection only. */
const resetConnectionState = (state: State): State => ({
  ...state,
  replicas: new Map([...state.replicas].map(([topic, replica]) => [topic, Replica.markDisconnected(replica)])),
  outbox: state.outbox.map((pending) => pending.stage === "sent" ? { ...pending, stage: "queued" as const } : pending),
  pendingQueries: state.pendingQueries.map((query) => ({ ...query, sent: false })),
  unacked: new Set()
})

export const handleSocketClosed = (state: State, at: Instant, code: number, random: number): Transition => {
  const { connection } = state
  if (connection._tag !== "Online" && connection._tag !== "Connecting") return withoutIntents(state)
  const staleSession = connection._tag === "Connecting" && connection.stage === "resuming" &&
    code === CloseCode.closeCode.unauthenticated
  if (!staleSession && !CloseCode.mayReconnect(code)) {
    return closePermanently(state, closeReason(code, connection.goodbye?.reason))
  }
  // A restart is announced and spread by the server: it is no reason to stay away longer each time.
  const wasStable = connection._tag === "Online" &&
    (at - connection.since >= backoffResetAfter || code === CloseCode.closeCode.restart)
  const attempt = wasStable ? 0 : connection.attempt
  const retryAfter = connection.goodbye?.retry_after_ms ?? 0
  const notBefore = at + (code === CloseCode.closeCode.overload ? Math.max(retryAfter, overloadRetryDelay) : retryAfter)
  const lostAt = state.lostAt ?? at
  const serverRestarting = code === CloseCode.closeCode.restart ||
    connection._tag !== "Online" && state.serverRestarting
  const maxDelay = serverRestarting && at - lostAt < restartWindow ? restartBackoffCap : backoffCap
  const retryAt = notBefore + Math.floor(random * Math.min(maxDelay, backoffBase * 2 ** attempt))
  const next = resetConnectionState(state)
  const mustResync = code === CloseCode.closeCode.stateReset || code === CloseCode.closeCode.insufficientState
  return withoutIntents({
    ...next,
    connection: { _tag: "Reconnecting", attempt: attempt + 1, retryAt, notBefore },
    lostAt,
    serverRestarting,
    session: staleSession || connection.goodbye?.resume === false ? undefined : state.session,
    replicas: mustResync
      ? new Map([...next.replicas].map(([topic, replica]) => [topic, Replica.requestSubscription(replica, 0, true)]))
      : next.replicas
  })
}

const closeReason = (code: number, reason: string | undefined): ClientErrorReason => {
  switch (code) {
    case CloseCode.closeCode.replaced:
      return errorReason("closed", "This session went on somewhere else.")
    case CloseCode.closeCode.unauthenticated:
      return errorReason("auth_failed", "The server did not accept this key.")
    case CloseCode.closeCode.connectionLimit:
      return errorReason("closed", "The server allows no further connection for this key or address.", true)
    case CloseCode.closeCode.unsupportedVersion:
      return errorReason("outdated_client", "The server speaks another version of the protocol. Reload or update.")
    default:
      return errorReason("closed", reason ?? `The server closed the connection (code ${code}).`)
  }
}

// -- Staying alive -----------------------------------------------------------

export const recordActivity = (state: State, at: Instant): State =>
  state.connection._tag === "Online"
    ? { ...state, connection: { ...state.connection, lastReceivedAt: at, probedAt: undefined } }
    : state

export const handleGoodbye = (state: State, { _tag, ...goodbye }: ServerMessageOf<"goodbye">): State =>
  state.connection._tag === "Online" || state.connection._tag === "Connecting"
    ? { ...state, connection: { ...state.connection, goodbye } }
    : state

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
      if (connection.probedAt !== undefined && at - connection.probedAt >= idleTimeout) {
        return dropConnection(state, at, random)
      }
      const isIdle = connection.probedAt === undefined && at - connection.lastReceivedAt >= idleTimeout
      return andThen(isIdle ? sendHeartbeat(state, at) : withoutIntents(state), (next) => renewSession(next, at))
    }
  }
}

const renewSession = (state: State, at: Instant): Transition => {
  const { session } = state
  return session === undefined || at < session.renewAt
    ? withoutIntents(state)
    : andThen(
      withoutIntents({ ...state, session: { ...session, renewAt: at + renewRetryDelay } }),
      (next) => sendMessage(next, at, "renew", {})
    )
}

/** Gives a connection up, to try another one when the server has time for it: later each time, since others wait too. */
export const scheduleReconnect = (state: State, at: Instant, retryAfter: number): Transition => {
  const [next, intents] = dropConnection(state, at, 0)
  const { connection } = next
  if (connection._tag !== "Reconnecting") return [next, intents]
  const retryAt = at + Math.max(retryAfter, Math.min(backoffCap, retryAfter * 2 ** (connection.attempt - 1)))
  return [{ ...next, connection: { ...connection, retryAt, notBefore: at + retryAfter } }, intents]
}

/** Gives a connection up without waiting for its end. */
export const dropConnection = (state: State, at: Instant, random: number): Transition => {
  const [next, intents] = handleSocketClosed(state, at, 1006, random)
  return [next, [
    { _tag: "Close", socket: activeSocket(state.connection), code: CloseCode.closeCode.normal },
    ...intents
  ]]
}
