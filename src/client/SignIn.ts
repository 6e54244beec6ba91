/**
 * Signing in, on the client's side: a session goes on by its token, or the key
 * proves itself to the server that was dialled, and no other (AUT1, AUT2, SEC3).
 */
import type { Instant } from "../domain/Ids.ts"
import { challengeText, type ServerMessageOf } from "../domain/Protocol.ts"
import { fault } from "./Fault.ts"
import { abandon, comeBack, end } from "./Link.ts"
import type { Config, State, Transition } from "./Model.ts"
import { say, stay } from "./Transition.ts"

/** The socket is there: who resumes shows the token, who cannot asks for a challenge. */
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

/** The challenge's signature. */
export const signed = (state: State, at: Instant, signature: string): Transition =>
  state.link._tag === "Connecting" ? signIn(state, at, "proving", "auth", { signature }) : stay(state)

/** We are in. */
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
