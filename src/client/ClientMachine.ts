/**
 * The client's state machine: `step(config, state, message) -> [state, intents]` (SYN10). Pure; `ClientModel` draws it.
 *
 * Dispatches to `ServerMessageHandler`, `ConnectionLifecycle`, `ClientAuthentication` and `Outbox`, and after each
 * message sends what can be sent.
 */
import { Result } from "effect"
import { type Instant, kindOf, type TopicId } from "../domain/protocol/Ids.ts"
import * as ClientAuthentication from "./ClientAuthentication.ts"
import { type ClientErrorReason, errorReason } from "./ClientError.ts"
import type { Config, Message, MessageOf, State, Transition } from "./ClientModel.ts"
import { andThen, endReason, nextMessageId, sendMessage, setReplica, withoutIntents } from "./ClientTransitions.ts"
import * as ConnectionLifecycle from "./ConnectionLifecycle.ts"
import * as Outbox from "./Outbox.ts"
import * as Replica from "./Replica.ts"
import * as ServerMessageHandler from "./ServerMessageHandler.ts"

/** The state before `Started`. */
export const initial = (config: Config): State => ({
  connection: { _tag: "Disconnected", reason: undefined },
  lostAt: undefined,
  serverRestarting: false,
  session: undefined,
  init: undefined,
  replicas: new Map(),
  outbox: [],
  pendingQueries: [],
  sendWindows: new Map(),
  erasedTitles: new Set(),
  unacked: new Set(),
  ackAt: 0,
  socketCount: 0,
  idPrefix: config.instance.slice(0, 24),
  idCounter: 0
})

/** The states of SYN10, derived from `State` for users. */
export type Phase =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Authenticated" }
  | { readonly _tag: "Subscribed"; readonly topics: ReadonlyArray<TopicId> }
  | { readonly _tag: "Disconnected"; readonly reason: ClientErrorReason | undefined }
  | { readonly _tag: "Reconnecting"; readonly attempt: number; readonly retryAt: Instant }

/** The phase of a state. */
export const phase = (state: State): Phase => {
  const { connection } = state
  switch (connection._tag) {
    case "Disconnected":
      return { _tag: "Disconnected", reason: connection.reason }
    case "Connecting":
      return state.lostAt === undefined
        ? { _tag: "Connecting" }
        : { _tag: "Reconnecting", attempt: connection.attempt, retryAt: connection.since }
    case "Reconnecting":
      return { _tag: "Reconnecting", attempt: connection.attempt, retryAt: connection.retryAt }
    case "Online": {
      const topics = [...state.replicas.values()].filter((replica) => replica.sync._tag === "Live")
      return topics.length === 0
        ? { _tag: "Authenticated" }
        : { _tag: "Subscribed", topics: topics.map((replica) => replica.topic) }
    }
  }
}

/** When the runtime must dispatch `TimerFired`; undefined for never. */
export const nextTimerAt = (state: State): Instant | undefined => {
  const deadlines = [...ConnectionLifecycle.connectionDeadlines(state), ...Outbox.outboxDeadlines(state)]
  if (state.connection._tag === "Online") {
    for (const { hashCheck: { due }, sync } of state.replicas.values()) {
      if (sync._tag === "Unsubscribed") deadlines.push(sync.notBefore)
      if (due !== undefined) deadlines.push(due.at)
    }
    if (state.unacked.size > 0) deadlines.push(state.ackAt)
  }
  return deadlines.length === 0 ? undefined : Math.min(...deadlines)
}

/** One step. Messages of an older socket are ignored. */
export const step = (config: Config, state: State, message: Message): Transition => {
  if ("socket" in message && message.socket !== ConnectionLifecycle.activeSocket(state.connection)) {
    return withoutIntents(state)
  }
  const transition = handleMessage(config, state, message)
  return andThen(transition, (next) => flush(next, message.at))
}

const handleMessage = (config: Config, state: State, message: Message): Transition => {
  switch (message._tag) {
    case "Started":
      return ConnectionLifecycle.start(state, message.at)
    case "Stopped":
      return ConnectionLifecycle.stop(state)
    case "SocketOpened":
      return ClientAuthentication.handleSocketOpened(config, state, message.at)
    case "SocketUnusable":
      return ConnectionLifecycle.handleSocketUnusable(state, message.problem)
    case "FrameReceived":
      return ServerMessageHandler.handleServerMessage(config, state, message)
    case "ChallengeSigned":
      return ClientAuthentication.handleSignature(state, message.at, message.signature)
    case "SigningFailed":
      return ConnectionLifecycle.closePermanently(
        state,
        errorReason("key_unusable", "This key cannot sign. Generate or import another key.")
      )
    case "SocketClosed":
      return ConnectionLifecycle.handleSocketClosed(state, message.at, message.code, message.random)
    case "TimerFired":
      return andThen(
        andThen(
          ConnectionLifecycle.handleTimer(state, message.at, message.random),
          (next) => compareSnapshots(next, message.at)
        ),
        (next) => sendAcks(next, message.at)
      )
    case "PageShown":
      return ConnectionLifecycle.handlePageShown(state, message.at)
    case "TopicWatched":
      return watchTopic(config, state, message.topic)
    case "TopicUnwatched":
      return unwatchTopic(state, message)
    case "CommandSubmitted":
      return Outbox.enqueue(config, state, message)
    case "CommandWithdrawn":
      return withoutIntents(Outbox.withdraw(config, state, message.id))
    case "QuerySubmitted":
      return submitQuery(state, message)
    case "SignalSubmitted":
      return sendSignal(state, message)
  }
}

// -- Messages of the user ----------------------------------------------------

const submitQuery = (state: State, { at, id, query, topic }: MessageOf<"QuerySubmitted">): Transition => {
  const waiting: State = { ...state, pendingQueries: [...state.pendingQueries, { id, query, topic, sent: false }] }
  // Also a client that was stopped, or has given up, connects to end its session.
  if (query._tag === "sign_out" && state.connection._tag === "Disconnected") {
    return state.session === undefined
      ? [state, [{ _tag: "CompleteQuery", id, outcome: Result.succeed({ _tag: "signed_out", ref_id: id }) }]]
      : ConnectionLifecycle.start(waiting, at)
  }
  const failure = endReason(state)
  return failure === undefined
    ? withoutIntents(waiting)
    : [state, [{ _tag: "CompleteQuery", id, outcome: Result.fail(failure) }]]
}

/** SYN7: compares the hashes of snapshots that have been shown for a moment. */
const compareSnapshots = (state: State, at: Instant): Transition => {
  if (state.connection._tag !== "Online") return withoutIntents(state)
  const due = [...state.replicas.values()].filter(({ hashCheck }) => (hashCheck.due?.at ?? Infinity) <= at)
  return due.reduce<Transition>(
    (transition, replica) => andThen(transition, (next) => ServerMessageHandler.compareSnapshot(next, at, replica)),
    withoutIntents(state)
  )
}

const watchTopic = (config: Config, state: State, topic: TopicId): Transition => {
  if (state.replicas.has(topic)) return withoutIntents(state)
  const kind = config.kinds.get(kindOf(topic))
  // `Client` throws for a topic of an unknown kind.
  return kind === undefined
    ? withoutIntents(state)
    : withoutIntents(Outbox.rebase(config, state, Replica.make(topic, kind)))
}

const unwatchTopic = (state: State, { at, topic }: MessageOf<"TopicUnwatched">): Transition => {
  const previous = state.replicas.get(topic)
  if (previous === undefined) return withoutIntents(state)
  const replicas = new Map(state.replicas)
  replicas.delete(topic)
  const unacked = new Set(state.unacked)
  unacked.delete(topic)
  const next = { ...state, replicas, unacked, outbox: Outbox.dropAccepted(state.outbox, topic) }
  return previous.sync._tag === "Live" || previous.sync._tag === "Subscribing"
    ? sendMessage(next, at, "unsubscribe", {}, topic)
    : withoutIntents(next)
}

/** Sends a signal, or drops it while there is no live subscription (ROO3). */
const sendSignal = (state: State, { at, key, topic, value }: MessageOf<"SignalSubmitted">): Transition =>
  state.replicas.get(topic)?.sync._tag === "Live"
    ? sendMessage(state, at, "signal", { key, value }, topic)
    : withoutIntents(state)

// -- Sending -----------------------------------------------------------------

/** Sends subscriptions, queries and commands as far as the state permits. */
const flush = (state: State, at: Instant): Transition => {
  if (state.connection._tag !== "Online") return withoutIntents(state)
  return andThen(
    andThen(subscribeTopics(state, at), (next) => sendQueries(next, at)),
    (next) => Outbox.flushCommands(next, at)
  )
}

const subscribeTopics = (state: State, at: Instant): Transition => {
  let transition: Transition = withoutIntents(state)
  for (const replica of state.replicas.values()) {
    if (replica.sync._tag !== "Unsubscribed" || replica.sync.notBefore > at) continue
    const position = replica.position === undefined ? {} : { position: replica.position }
    transition = andThen(transition, (current) => {
      const next = setReplica(current, { ...replica, sync: { _tag: "Subscribing", requestId: nextMessageId(current) } })
      return sendMessage(next, at, "subscribe", position, replica.topic)
    })
  }
  return transition
}

const sendQueries = (state: State, at: Instant): Transition => {
  let transition: Transition = withoutIntents(state)
  for (const { id, query: { _tag, ...payload }, sent, topic } of state.pendingQueries) {
    if (!sent) transition = andThen(transition, (current) => sendMessage(current, at, _tag, payload, topic, id))
  }
  return andThen(transition, (next) =>
    next.pendingQueries.every((query) => query.sent)
      ? withoutIntents(next)
      : withoutIntents({ ...next, pendingQueries: next.pendingQueries.map((query) => ({ ...query, sent: true })) }))
}

const sendAcks = (state: State, at: Instant): Transition => {
  if (state.ackAt > at) return withoutIntents(state)
  return [...state.unacked].reduce<Transition>((transition, topic) => {
    const replica = state.replicas.get(topic)
    const seq = replica?.position?.seq
    if (replica === undefined || seq === undefined) return transition
    const { matches } = replica.hashCheck
    const ack = matches === 0 ? { seq } : { seq, matches }
    return andThen(
      transition,
      (next) => sendMessage(setReplica(next, Replica.clearReportedMatches(replica)), at, "ack", ack, topic)
    )
  }, withoutIntents({ ...state, unacked: new Set() }))
}
