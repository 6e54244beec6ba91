/** A connection with a user: budgets, subscriptions and requests (CON7, SEC25, SYN5, SYN12). */
import type { CommandId, Instant, TopicId } from "../protocol/Ids.ts"
import type { Limits } from "../protocol/Limits.ts"
import type { ClientControl } from "../protocol/Protocol.ts"
import { closeCode } from "./CloseCode.ts"
import type { ConnectionState, Intent, Transition } from "./ConnectionModel.ts"
import {
  close,
  type MessageReceived,
  reject,
  removeSubscription,
  sendReply,
  type StateIn,
  unchanged,
  unsubscribeAll,
  withoutSession
} from "./ConnectionTransitions.ts"
import type { ClientMessage } from "./FrameDecoder.ts"

/**
 * A message of a signed-in client. SEC8: the identity is the connection's alone; no message names an author. SYN5: a
 * command leads to one `SubmitCommand`, to one error, or to the closing of the connection.
 */
export const handleAuthenticated = (
  state: StateIn<"Authenticated">,
  message: MessageReceived,
  limits: Limits
): Transition => {
  const { incoming } = message
  const blocking = blockingCommand(state, message)
  if (blocking !== undefined) return rejectRateLimited(state, message, Math.max(1, blocking.until - message.at), limits)
  if (message.wait > 0) return rejectRateLimited(state, message, message.wait, limits)
  if (incoming._tag === "Control" && incoming.control._tag === "signal" && message.bytes > limits.signalBytes) {
    return reject(state, incoming.id, "too_large", `a signal may have at most ${limits.signalBytes} bytes`)
  }
  const withoutStrikes: StateIn<"Authenticated"> = state.rate_limit_strikes === 0
    ? state
    : { ...state, rate_limit_strikes: 0 }
  if (incoming._tag === "Control") return handleControl(withoutStrikes, message.at, incoming, limits)
  const atCapacity = withoutStrikes.in_flight >= limits.inFlight
  const next = atCapacity ? block(withoutStrikes, message, capacityRetryMillis) : unblock(withoutStrikes, message)
  const { command, id: ref, salt, signature, timestamp, topic } = incoming
  return startRequest({ ...next, thread_id: topic }, ref, limits, {
    _tag: "SubmitCommand",
    ref,
    topic,
    command,
    timestamp,
    ...(salt === undefined ? undefined : { salt }),
    ...(signature === undefined ? undefined : { signature })
  })
}

// -- The order of commands (CON7) --------------------------------------------

type BudgetedMessage = Pick<MessageReceived, "budget" | "incoming">

/**
 * CON7: the rate-limited command that must be accepted before this one, if any. With `in_order`, commands behind a
 * rejected command of the same budget are rejected as well, so that none overtakes it.
 */
export const blockingCommand = (
  state: ConnectionState,
  { budget, incoming }: BudgetedMessage
): ConnectionState["blocked"][number] | undefined =>
  state.blocked.length === 0 || incoming._tag !== "Command"
    ? undefined
    : state.blocked.find((command) => command.budget === budget && command.id !== incoming.id)

/** Blocks the budget of a command that was rejected for `retryAfter` ms, unless an earlier command blocks it. */
const block = <S extends ConnectionState>(
  state: S,
  { at, budget, incoming }: MessageReceived,
  retryAfter: number
): S => {
  if (!state.in_order || incoming._tag !== "Command" || blockingCommand(state, { budget, incoming }) !== undefined) {
    return state
  }
  const others = state.blocked.filter((command) => command.budget !== budget)
  return { ...state, blocked: [...others, { budget, id: incoming.id, until: at + retryAfter }] }
}

const unblock = <S extends ConnectionState>(state: S, { budget }: BudgetedMessage): S =>
  state.blocked.length === 0
    ? state
    : { ...state, blocked: state.blocked.filter((command) => command.budget !== budget) }

// -- Control -----------------------------------------------------------------

const handleControl = (
  state: StateIn<"Authenticated">,
  at: Instant,
  { control, id, topic }: Extract<ClientMessage, { readonly _tag: "Control" }>,
  limits: Limits
): Transition => {
  switch (control._tag) {
    case "connect":
    case "auth":
    case "resume":
      return reject(state, id, "forbidden", "this connection is signed in already: sign out first")
    case "heartbeat":
      return [state, [sendReply(id, { _tag: "heartbeat", ref_id: id })]]
    case "renew":
      return startRequest(state, id, limits, {
        _tag: "RenewSession",
        ref: id,
        session: state.status.session,
        token: control.session_token
      })
    case "sign_out":
      return [
        withoutSession(state, at),
        [...unsubscribeAll(state), { _tag: "RevokeSession", ref: id, session: state.status.session }]
      ]
    case "get_threads":
      return startRequest(state, id, limits, { _tag: "ListThreads", ref: id, all: control.public ?? false })
    case "get_user":
      return startRequest(state, id, limits, { _tag: "ReadUser", ref: id })
    case "get_thread":
    case "subscribe":
    case "unsubscribe":
    case "ack":
    case "desync":
    case "signal":
      return topic === null
        ? reject(state, id, "malformed", "thread_id is missing")
        : handleTopicControl(state, id, control, topic, limits)
  }
}

/**
 * A control message about one topic. SEC9: the answer depends on the connection's own subscriptions only, or is the
 * topic's, after it authorised the user: none discloses whether the topic exists.
 */
const handleTopicControl = (
  state: StateIn<"Authenticated">,
  id: CommandId,
  control: Extract<
    ClientControl,
    { readonly _tag: "get_thread" | "subscribe" | "unsubscribe" | "ack" | "desync" | "signal" }
  >,
  topic: TopicId,
  limits: Limits
): Transition => {
  const subscribed = state.subscriptions.includes(topic)
  switch (control._tag) {
    case "get_thread":
      return startRequest(state, id, limits, { _tag: "ReadThread", ref: id, topic })
    case "subscribe": // SYN12
      if (!subscribed && state.subscriptions.length >= limits.subscriptions) {
        return reject(state, id, "too_large", `a connection may have at most ${limits.subscriptions} subscriptions`)
      }
      return startRequest(
        state,
        id,
        limits,
        { _tag: "Subscribe", ref: id, topic, position: control.position ?? null },
        subscribed ? state.subscriptions : [...state.subscriptions, topic]
      )
    case "unsubscribe": {
      const [next, intents] = subscribed ? removeSubscription(state, topic) : unchanged(state)
      return [next, [...intents, sendReply(id, { _tag: "unsubscribed", ref_id: id }, topic)]]
    }
    case "ack": // SYN6: cumulative, so that one for another topic can be ignored.
      return subscribed
        ? [state, [{ _tag: "Acknowledge", topic, seq: control.seq, matches: control.matches ?? 0 }]]
        : unchanged(state)
    case "desync": { // SYN7
      const { expected, found, seq } = control
      return subscribed ? [state, [{ _tag: "RecordDesync", topic, seq, expected, found }]] : unchanged(state)
    }
    case "signal":
      // SEC11, ROO3: only subscribers share signals, and subscribing checks access.
      return subscribed
        ? [state, [{ _tag: "SetSignal", topic, key: control.key, value: control.value }]]
        : reject(state, id, "not_found", "not subscribed to this topic: subscribe first")
  }
}

/** The retry delay, in milliseconds, when too many requests are in flight. */
const capacityRetryMillis = 1_000

/** SEC25: starts a request, unless as many as allowed are in flight. */
const startRequest = (
  state: ConnectionState,
  id: string,
  limits: Limits,
  intent: Intent,
  subscriptions = state.subscriptions
): Transition =>
  state.in_flight < limits.inFlight
    ? [{ ...state, subscriptions, in_flight: state.in_flight + 1 }, [intent]]
    : reject(
      state,
      id,
      "rate_limited",
      `at most ${limits.inFlight} requests may be in flight: wait for a reply`,
      capacityRetryMillis
    )

/**
 * CON7: over the budget, or behind a command that was. An acknowledgement is ignored instead, since the next one includes
 * it. SEC25: too many rejections in a row close the connection.
 */
const rejectRateLimited = (
  previous: ConnectionState,
  message: MessageReceived,
  retryAfter: number,
  limits: Limits
): Transition => {
  const state: ConnectionState = {
    ...block(previous, message, retryAfter),
    rate_limit_strikes: previous.rate_limit_strikes + 1
  }
  if (state.rate_limit_strikes > limits.rateStrikes) {
    return close(state, {
      code: closeCode.rateLimited,
      reason: "too many messages",
      resume: true,
      retry_after_ms: retryAfter
    })
  }
  return message.incoming._tag === "Control" && message.incoming.control._tag === "ack"
    ? unchanged(state)
    : reject(state, message.incoming.id, "rate_limited", "too many messages: retry later", retryAfter)
}
