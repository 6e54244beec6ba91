/** A connection with a user: budgets, subscriptions, requests (CON2, CON7, SYN12). */
import type { Instant } from "../Ids.ts"
import type { Limits } from "../Limits.ts"
import type { Control } from "../Protocol.ts"
import { closeCode } from "./CloseCode.ts"
import type { Intent, State, Transition } from "./ConnectionModel.ts"
import { answer, end, forget, type Heard, type In, leaveAll, open, refuse, stay } from "./ConnectionWords.ts"
import type { Incoming } from "./Incoming.ts"

export const hearLive = (state: In<"Live">, message: Heard, limits: Limits): Transition => {
  const { incoming } = message
  const ahead = aheadOf(state, message)
  if (ahead !== undefined) return tooFast(state, message, Math.max(1, ahead.until - message.at), limits)
  if (message.wait > 0) return tooFast(state, message, message.wait, limits)
  if (incoming._tag === "Control" && incoming.control._tag === "signal" && message.bytes > limits.signalBytes) {
    return refuse(state, incoming.id, "too_large", `a signal may have at most ${limits.signalBytes} bytes`)
  }
  const calm: In<"Live"> = state.refused === 0 ? state : { ...state, refused: 0 }
  if (incoming._tag === "Control") return control(calm, message.at, incoming, limits)
  const full = calm.in_flight >= limits.inFlight
  const turn = full ? hold(calm, message, crowded) : release(calm, message)
  return request({ ...turn, thread_id: incoming.topic }, incoming.id, limits, {
    _tag: "Post",
    ref: incoming.id,
    topic: incoming.topic,
    command: incoming.command,
    ...(incoming.signed === undefined ? undefined : { signed: incoming.signed })
  })
}

// -- The order of commands (CON7) --------------------------------------------

type Asked = Pick<Heard, "budget" | "incoming">

/**
 * The command that was refused for coming too fast and must come again before this one: whoever asked for it (`in_order`)
 * has what was on its way behind a refused command refused too, so that no command overtakes another.
 */
export const aheadOf = (state: State, { budget, incoming }: Asked): State["held"][number] | undefined =>
  state.held.length === 0 || incoming._tag !== "Command"
    ? undefined
    : state.held.find((held) => held.budget === budget && held.id !== incoming.id)

/** Refused for `wait` ms: whatever draws on the same budget waits with it. */
const hold = <S extends State>(state: S, { at, budget, incoming }: Heard, wait: number): S => {
  if (!state.in_order || incoming._tag !== "Command" || aheadOf(state, { budget, incoming }) !== undefined) return state
  const others = state.held.filter((held) => held.budget !== budget)
  return { ...state, held: [...others, { budget, id: incoming.id, until: at + wait }] }
}

const release = <S extends State>(state: S, { budget }: Asked): S =>
  state.held.length === 0 ? state : { ...state, held: state.held.filter((held) => held.budget !== budget) }

// -- Control -----------------------------------------------------------------

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
    case "desync":
    case "signal":
      return topic === null
        ? refuse(state, id, "malformed", "thread_id is missing")
        : onTopic(state, id, control, topic, limits)
  }
}

const onTopic = (
  state: In<"Live">,
  id: Incoming["id"],
  control: Extract<
    Control,
    { readonly _tag: "get_thread" | "subscribe" | "unsubscribe" | "ack" | "desync" | "signal" }
  >,
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
        state,
        id,
        limits,
        { _tag: "Subscribe", ref: id, topic, position: control.position ?? null },
        subscribed ? state.subscriptions : [...state.subscriptions, topic]
      )
    case "unsubscribe": {
      const [next, left] = subscribed ? forget(state, topic) : stay(state)
      return [next, [...left, answer(id, { _tag: "unsubscribed", ref_id: id }, topic)]]
    }
    case "ack": // Cumulative: one that comes to nothing is no loss.
      return subscribed
        ? [state, [{ _tag: "Acknowledge", topic, seq: control.seq, matches: control.matches ?? 0 }]]
        : stay(state)
    case "desync": { // SYN7
      const { expected, found, seq } = control
      return subscribed ? [state, [{ _tag: "Desynced", topic, seq, expected, found }]] : stay(state)
    }
    case "signal":
      return subscribed
        ? [state, [{ _tag: "Signal", topic, key: control.key, value: control.value }]]
        : refuse(state, id, "not_found", "subscribe first")
  }
}

/** Milliseconds after which there may be fewer requests under way. */
const crowded = 1_000

/** Something that will be answered later; only so many at once. */
const request = (
  state: State,
  id: string,
  limits: Limits,
  intent: Intent,
  subscriptions = state.subscriptions
): Transition =>
  state.in_flight < limits.inFlight
    ? [{ ...state, subscriptions, in_flight: state.in_flight + 1 }, [intent]]
    : refuse(state, id, "rate_limited", `at most ${limits.inFlight} requests may be waiting for their answers`, crowded)

/**
 * CON7: over the budget, or behind what was. Acknowledgements are cumulative, so too many of them are only not heard.
 */
const tooFast = (before: State, message: Heard, wait: number, limits: Limits): Transition => {
  const state: State = { ...hold(before, message, wait), refused: before.refused + 1 }
  if (state.refused > limits.rateStrikes) {
    return end(state, {
      code: closeCode.rateLimited,
      reason: "too many messages",
      resume: true,
      retry_after_ms: wait
    })
  }
  return message.incoming._tag === "Control" && message.incoming.control._tag === "ack"
    ? stay(state)
    : refuse(state, message.incoming.id, "rate_limited", "too many messages: slow down", wait)
}
