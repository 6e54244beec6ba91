/**
 * The connection's rules on the client's side: signing in, resuming, staying
 * alive, and coming back (AUT1, AUT2, CON6, SYN10).
 */
import { Result } from "effect"
import * as CloseCode from "../domain/CloseCode.ts"
import type { Instant } from "../domain/Ids.ts"
import { challengeText, type ServerMessageOf } from "../domain/Protocol.ts"
import { type Fault, fault } from "./Fault.ts"
import type { Config, Intent, Link, State, Transition } from "./Model.ts"
import * as Replica from "./Replica.ts"
import { chain, say, stay } from "./Transition.ts"

/** From opening a socket to `init`. */
const signInTimeout = 10_000
/** After this much silence we ask; after twice as much the connection counts as dead. */
const silence = 20_000
/** Back-off: a random part of `base` x 2^n, at most `cap`; forgotten after `stable` milliseconds online. */
const base = 500
const cap = 20_000
const stable = 10_000
/** Instead of `cap`, while a server that announced its restart has been away for less than `restartTime`. */
const restartCap = 5_000
const restartTime = 60_000
/** CON6: whoever is sent away for overload stays away this long. */
const overloadPause = 10_000
/** A question about the session is asked again after this time. */
const renewRetry = 10_000

/** The socket whose word counts, or -1. */
export const socketOf = (link: Link): number => link._tag === "Online" || link._tag === "Connecting" ? link.socket : -1

/** When the connection needs a `Ticked`. */
export const wakes = ({ link, session }: State): Array<Instant> => {
  switch (link._tag) {
    case "Disconnected":
      return []
    case "Connecting":
      return [link.since + signInTimeout]
    case "Reconnecting":
      return [link.dueAt]
    case "Online":
      return [
        link.probedAt === undefined ? link.heardAt + silence : link.probedAt + silence,
        ...(session === undefined ? [] : [session.renewAt])
      ]
  }
}

// -- Coming and going --------------------------------------------------------

export const start = (state: State, at: Instant): Transition =>
  state.link._tag === "Disconnected" ? open(state, at, 0) : shown(state, at)

const open = (state: State, at: Instant, attempt: number): Transition => {
  const socket = state.sockets + 1
  return [
    {
      ...state,
      sockets: socket,
      link: { _tag: "Connecting", socket, since: at, attempt, stage: "opening", ref: undefined, goodbye: undefined }
    },
    [{ _tag: "Open", socket }]
  ]
}

/** The page is there again: back at once, unless the server asked for a pause; a silent connection is asked. */
export const shown = (state: State, at: Instant): Transition => {
  const { link } = state
  if (link._tag === "Reconnecting") {
    return at >= link.notBefore
      ? open(state, at, link.attempt)
      : stay({ ...state, link: { ...link, dueAt: link.notBefore } })
  }
  return link._tag === "Online" && link.probedAt === undefined && link.heardAt < at ? probe(state, at) : stay(state)
}

const probe = (state: State, at: Instant): Transition =>
  state.link._tag === "Online"
    ? chain(stay({ ...state, link: { ...state.link, probedAt: at } }), (next) => say(next, at, "heartbeat", {}))
    : stay(state)

export const stop = (state: State): Transition => end(state, undefined)

/** Ends the connection for good; whatever waits for an outcome is told so. */
export const end = (state: State, why: Fault | undefined): Transition => {
  const outcome = Result.fail(why ?? fault("closed", "The connection was closed.", true))
  const socket = socketOf(state.link)
  const intents: Array<Intent> = socket === -1 ? [] : [{ _tag: "Close", socket, code: CloseCode.closeCode.normal }]
  for (const { id, stage } of state.outbox) if (stage !== "done") intents.push({ _tag: "Settle", id, outcome })
  for (const { id } of state.calls) intents.push({ _tag: "Reply", id, outcome })
  return [
    {
      ...unplug(state),
      replicas: new Map(
        [...state.replicas].map(([topic, replica]) => [topic, Replica.settle(Replica.disconnect(replica))])
      ),
      link: { _tag: "Disconnected", fault: why },
      lostAt: undefined,
      outbox: [],
      calls: []
    },
    intents
  ]
}

/** What was true of this connection only. */
const unplug = (state: State): State => ({
  ...state,
  replicas: new Map([...state.replicas].map(([topic, replica]) => [topic, Replica.disconnect(replica)])),
  outbox: state.outbox.map((pending) => pending.stage === "sent" ? { ...pending, stage: "waiting" as const } : pending),
  calls: state.calls.map((call) => ({ ...call, sent: false })),
  unacked: new Set()
})

export const closed = (state: State, at: Instant, code: number, random: number): Transition => {
  const { link } = state
  if (link._tag !== "Online" && link._tag !== "Connecting") return stay(state)
  const staleSession = link._tag === "Connecting" && link.stage === "resuming" &&
    code === CloseCode.closeCode.unauthenticated
  if (!staleSession && !CloseCode.mayReconnect(code)) return end(state, terminal(code, link.goodbye?.reason))
  // A restart is announced and spread by the server: it is no reason to stay away longer each time.
  const healthy = link._tag === "Online" && (at - link.since >= stable || code === CloseCode.closeCode.restart)
  const attempt = healthy ? 0 : link.attempt
  const pause = link.goodbye?.retry_after_ms ?? 0
  const notBefore = at + (code === CloseCode.closeCode.overload ? Math.max(pause, overloadPause) : pause)
  const lostAt = state.lostAt ?? at
  const restarting = code === CloseCode.closeCode.restart || link._tag !== "Online" && state.restarting
  const most = restarting && at - lostAt < restartTime ? restartCap : cap
  const dueAt = notBefore + Math.floor(random * Math.min(most, base * 2 ** attempt))
  const next = unplug(state)
  const reset = code === CloseCode.closeCode.stateReset || code === CloseCode.closeCode.insufficientState
  return stay({
    ...next,
    link: { _tag: "Reconnecting", attempt: attempt + 1, dueAt, notBefore },
    lostAt,
    restarting,
    session: staleSession || link.goodbye?.resume === false ? undefined : state.session,
    replicas: reset
      ? new Map([...next.replicas].map(([topic, replica]) => [topic, Replica.want(replica, 0, true)]))
      : next.replicas
  })
}

const terminal = (code: number, reason: string | undefined): Fault => {
  switch (code) {
    case CloseCode.closeCode.replaced:
      return fault("closed", "This session went on somewhere else.")
    case CloseCode.closeCode.unauthenticated:
      return fault("auth_failed", "The server did not accept this key.")
    case CloseCode.closeCode.connectionLimit:
      return fault("closed", "The server allows no further connection for this key or address.", true)
    case CloseCode.closeCode.unsupportedVersion:
      return fault("outdated_client", "The server speaks another version of the protocol. Reload or update.")
    default:
      return fault("closed", reason ?? `The server closed the connection (code ${code}).`)
  }
}

// -- Signing in --------------------------------------------------------------

export const opened = (config: Config, state: State, at: Instant): Transition => {
  if (state.link._tag !== "Connecting" || state.link.stage !== "opening") return stay(state)
  const { session } = state
  return session !== undefined && session.expiresAt > at
    ? introduce(config, state, at, "resuming", "resume", { session_token: session.token })
    : connect(config, state, at)
}

const connect = (config: Config, state: State, at: Instant): Transition =>
  introduce(config, { ...state, session: undefined }, at, "proving", "connect", { public_key: config.me })

/** Says who we are, and that our commands are to be taken in their order (CON7). */
const introduce = (
  { instance }: Config,
  state: State,
  at: Instant,
  stage: "resuming" | "proving",
  type: "connect" | "resume",
  payload: Readonly<Record<string, unknown>>
): Transition => signIn(state, at, stage, type, { ...payload, client_id: instance, in_order: true })

const signIn = (
  state: State,
  at: Instant,
  stage: "resuming" | "proving",
  type: string,
  payload: Readonly<Record<string, unknown>>
): Transition => {
  const [next, intents, ref] = say(state, at, type, payload)
  return next.link._tag === "Connecting"
    ? [{ ...next, link: { ...next.link, stage, ref } }, intents]
    : [next, intents]
}

/** Signs, but only for the server that was dialled: a challenge passed on from elsewhere proves us to nobody (SEC3). */
export const challenged = (config: Config, state: State, message: ServerMessageOf<"challenge">): Transition => {
  const { link } = state
  if (link._tag !== "Connecting" || link.stage !== "proving") return stay(state)
  if (config.host !== undefined && !names(message.audience, config.host)) {
    return end(state, fault("auth_failed", `This server calls itself ${message.audience}; nothing was signed for it.`))
  }
  return [state, [{ _tag: "Sign", socket: link.socket, text: challengeText(message, config.me) }]]
}

const names = (audience: string, host: string): boolean =>
  plain(audience.replace(/^(?:http|ws)s?:\/\//, "").replace(/\/$/, "")) === plain(host)

/** This machine has several names for itself, and nobody in between can answer to any of them. */
const plain = (host: string): string => host.replace(/^(?:127\.0\.0\.1|\[::1\])(?=:|$)/, "localhost")

export const signed = (state: State, at: Instant, signature: string): Transition =>
  state.link._tag === "Connecting" ? signIn(state, at, "proving", "auth", { signature }) : stay(state)

export const welcomed = (
  state: State,
  at: Instant,
  serverNow: Instant,
  { _tag, ...welcome }: ServerMessageOf<"init">
): Transition => {
  const { link } = state
  if (link._tag !== "Connecting") return stay(state)
  const { attempt, goodbye, socket } = link
  return stay({
    ...renewed(state, at, serverNow, welcome),
    link: {
      _tag: "Online",
      socket,
      since: at,
      attempt,
      connection: welcome.connection_id,
      heardAt: at,
      probedAt: undefined,
      goodbye
    },
    lostAt: undefined,
    welcome
  })
}

/** Lifetimes are counted from the server's own clock, so that a wrong clock here does no harm. */
export const renewed = (
  state: State,
  at: Instant,
  serverNow: Instant,
  { expires_at, session_token }: { readonly expires_at: Instant; readonly session_token: string }
): State => {
  const life = Math.max(0, expires_at - serverNow)
  return {
    ...state,
    session: { token: session_token, renewAt: at + Math.floor((life * 2) / 3), expiresAt: at + life }
  }
}

/** An error about the connection itself: a session that is over is replaced by a signature, once. */
export const refused = (config: Config, state: State, at: Instant, message: ServerMessageOf<"error">): Transition => {
  const { link } = state
  if (link._tag === "Connecting" && message.ref_id !== null && message.ref_id === link.ref) {
    // SEC26: too many sign in from here. What we would prove ourselves by is as good as before.
    if (message.retry_after_ms !== undefined) return comeBack(state, at, message.retry_after_ms)
    if (link.stage === "resuming") return connect(config, state, at)
    return message.retryable ? stay(state) : end(state, fault(message.code, message.message))
  }
  // Our session ended under us: sign in again, on a new connection.
  return link._tag === "Online" && message.code === "unauthenticated"
    ? abandon({ ...state, session: undefined }, at, 0)
    : stay(state)
}

// -- Staying alive -----------------------------------------------------------

export const heard = (state: State, at: Instant): State =>
  state.link._tag === "Online" ? { ...state, link: { ...state.link, heardAt: at, probedAt: undefined } } : state

export const parting = (state: State, { _tag, ...goodbye }: ServerMessageOf<"goodbye">): State =>
  state.link._tag === "Online" || state.link._tag === "Connecting"
    ? { ...state, link: { ...state.link, goodbye } }
    : state

export const ticked = (state: State, at: Instant, random: number): Transition => {
  const { link } = state
  switch (link._tag) {
    case "Disconnected":
      return stay(state)
    case "Reconnecting":
      return at >= link.dueAt ? open(state, at, link.attempt) : stay(state)
    case "Connecting":
      return at - link.since >= signInTimeout ? abandon(state, at, random) : stay(state)
    case "Online": {
      if (link.probedAt !== undefined && at - link.probedAt >= silence) return abandon(state, at, random)
      const quiet = link.probedAt === undefined && at - link.heardAt >= silence
      return chain(quiet ? probe(state, at) : stay(state), (next) => renew(next, at))
    }
  }
}

const renew = (state: State, at: Instant): Transition => {
  const { session } = state
  return session === undefined || at < session.renewAt
    ? stay(state)
    : chain(
      stay({ ...state, session: { ...session, renewAt: at + renewRetry } }),
      (next) => say(next, at, "renew", {})
    )
}

/** Gives a connection up, to try another one when the server has time for it: later each time, since others wait too. */
const comeBack = (state: State, at: Instant, pause: number): Transition => {
  const [next, intents] = abandon(state, at, 0)
  const { link } = next
  if (link._tag !== "Reconnecting") return [next, intents]
  const dueAt = at + Math.max(pause, Math.min(cap, pause * 2 ** (link.attempt - 1)))
  return [{ ...next, link: { ...link, dueAt, notBefore: at + pause } }, intents]
}

/** Gives a connection up without waiting for its end. */
const abandon = (state: State, at: Instant, random: number): Transition => {
  const [next, intents] = closed(state, at, 1006, random)
  return [next, [{ _tag: "Close", socket: socketOf(state.link), code: CloseCode.closeCode.normal }, ...intents]]
}
