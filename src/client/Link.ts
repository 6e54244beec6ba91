/**
 * The connection's rules on the client's side: opening, staying alive, ending
 * and coming back (CON6, SYN10). Signing in has a file of its own.
 */
import { Result } from "effect"
import * as CloseCode from "../domain/connection/CloseCode.ts"
import type { Instant } from "../domain/Ids.ts"
import type { ServerMessageOf } from "../domain/Protocol.ts"
import { type Fault, fault } from "./Fault.ts"
import type { Intent, Link, State, Transition } from "./Model.ts"
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
export const comeBack = (state: State, at: Instant, pause: number): Transition => {
  const [next, intents] = abandon(state, at, 0)
  const { link } = next
  if (link._tag !== "Reconnecting") return [next, intents]
  const dueAt = at + Math.max(pause, Math.min(cap, pause * 2 ** (link.attempt - 1)))
  return [{ ...next, link: { ...link, dueAt, notBefore: at + pause } }, intents]
}

/** Gives a connection up without waiting for its end. */
export const abandon = (state: State, at: Instant, random: number): Transition => {
  const [next, intents] = closed(state, at, 1006, random)
  return [next, [{ _tag: "Close", socket: socketOf(state.link), code: CloseCode.closeCode.normal }, ...intents]]
}
