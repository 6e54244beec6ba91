/**
 * Transitions on messages of the server: receipts and errors are matched with what they answer, and replicas are
 * updated (SYN2, SYN3, SYN5). Pure.
 */
import { Result } from "effect"
import type { Instant, TopicId } from "../domain/protocol/Ids.ts"
import * as Protocol from "../domain/protocol/Protocol.ts"
import * as ClientAuthentication from "./ClientAuthentication.ts"
import { type ClientErrorReason, errorReason } from "./ClientError.ts"
import type { Config, Intent, MessageOf, QueryResponse, State, Transition } from "./ClientModel.ts"
import { andThen, sendMessage, setReplica, withoutIntents } from "./ClientTransitions.ts"
import * as ConnectionLifecycle from "./ConnectionLifecycle.ts"
import * as EphemeralState from "./EphemeralState.ts"
import * as Outbox from "./Outbox.ts"
import * as Replica from "./Replica.ts"

/** Milliseconds before the next `subscribe` after a retryable error; also the step of the delay after desyncs. */
const subscribeRetryDelay = 2_000
/** Least milliseconds before the first repetition of a sign-out that met an error. */
const signOutRetryDelay = 1_000
/** Most milliseconds between a delta and its `ack` (SYN6). */
const ackDelay = 2_000

/** Handles one frame. Unknown message types are ignored, so that an old client works with a newer server. */
export const handleServerMessage = (
  config: Config,
  state: State,
  { at, value }: MessageOf<"FrameReceived">
): Transition => {
  const refreshed = ConnectionLifecycle.recordActivity(state, at)
  const decoded = Protocol.decodeServerMessage(value)
  if (decoded === undefined) return withoutIntents(refreshed)
  return decoded.message._tag === "batch"
    ? decoded.message.messages.reduce<Transition>((transition, inner) =>
      andThen(transition, (next) => {
        const innerDecoded = Protocol.decodeServerMessage(inner)
        return innerDecoded === undefined ? withoutIntents(next) : handleDecoded(config, next, at, innerDecoded)
      }), withoutIntents(refreshed))
    : handleDecoded(config, refreshed, at, decoded)
}

type DecodedMessage = NonNullable<ReturnType<typeof Protocol.decodeServerMessage>>

const handleDecoded = (
  config: Config,
  state: State,
  at: Instant,
  { envelope, message }: DecodedMessage
): Transition => {
  switch (message._tag) {
    case "challenge":
      return ClientAuthentication.handleChallenge(config, state, message)
    case "init":
      return ClientAuthentication.handleInit(state, at, envelope.timestamp, message)
    case "renewed":
      return withoutIntents(ClientAuthentication.withRenewedSession(state, at, envelope.timestamp, message))
    case "goodbye":
      return withoutIntents(ConnectionLifecycle.handleGoodbye(state, message))
    case "receipt":
      return Outbox.handleReceipt(config, state, message)
    case "error":
      return handleError(config, state, at, message, envelope.thread_id)
    case "title_erased":
      return withoutIntents(envelope.thread_id === undefined ? state : dropTitle(state, envelope.thread_id))
    case "threads":
      // It may have been read before a title was erased.
      return answerQuery(state, { ...message, threads: withoutTitles(message.threads, state.erasedTitles) })
    case "thread_messages":
      return answerQuery(state, message)
    case "user":
      return answerQuery(
        state.init === undefined ? state : { ...state, init: { ...state.init, user: message.user } },
        message
      )
    case "signed_out":
      return andThen(
        answerQuery({ ...state, session: undefined }, message),
        (next) => ConnectionLifecycle.closePermanently(next, undefined)
      )
    case "heartbeat":
    case "batch": // The protocol has no nested batches.
      return withoutIntents(state)
    case "subscribed":
    case "unsubscribed":
    case "delta":
    case "signal":
    case "presence_diff":
    case "chorus_response": {
      const replica = envelope.thread_id === undefined ? undefined : state.replicas.get(envelope.thread_id)
      return replica === undefined ? withoutIntents(state) : handleTopicMessage(config, state, at, replica, message)
    }
  }
}

/** A list of threads without the titles that were erased. */
const withoutTitles = (
  threads: ReadonlyArray<Protocol.ThreadSummary>,
  erased: ReadonlySet<TopicId>
): ReadonlyArray<Protocol.ThreadSummary> =>
  threads.map((thread) => erased.has(thread.thread_id) ? { ...thread, title: null } : thread)

const dropTitle = (state: State, topic: TopicId): State => {
  const erasedTitles = new Set(state.erasedTitles).add(topic)
  const { init } = state
  return {
    ...state,
    erasedTitles,
    init: init === undefined ? undefined : { ...init, threads: withoutTitles(init.threads, erasedTitles) }
  }
}

type TopicMessage = Protocol.ServerMessageOf<
  "subscribed" | "unsubscribed" | "delta" | "signal" | "presence_diff" | "chorus_response"
>

const handleTopicMessage = (
  config: Config,
  state: State,
  at: Instant,
  replica: Replica.Replica,
  message: TopicMessage
): Transition => {
  if (replica.hashCheck.due !== undefined && "events" in message) {
    return andThen(
      compareSnapshot(state, at, replica),
      (next) => handleTopicMessage(config, next, at, next.replicas.get(replica.topic)!, message)
    )
  }
  if (message._tag === "subscribed") {
    // CON8: after back-pressure the server replaces coalesced deltas by an unrequested snapshot.
    const isExpected = replica.sync._tag === "Live" ||
      (replica.sync._tag === "Subscribing" && replica.sync.requestId === message.ref_id)
    if (!isExpected) return withoutIntents(state)
    const next = Replica.applySubscribed(replica, message, at)
    if (next !== undefined) {
      return message.mode === "snapshot"
        ? applyReplicaUpdate(config, state, at, Replica.awaitSnapshotHash(next, message.hash, at), "snapshot", [])
        : verifyReplica(config, state, at, next, message)
    }
    return withoutIntents(
      message.mode === "deltas"
        ? setReplica(state, Replica.requestSubscription(replica, at, true))
        : Outbox.refuseTopic(config, state, replica, outdatedClient)
    )
  }
  // Until `subscribed`, other messages belong to an earlier subscription.
  if (replica.sync._tag !== "Live") return withoutIntents(state)
  switch (message._tag) {
    case "unsubscribed":
      return withoutIntents(Outbox.refuseTopic(config, state, replica, topicHidden))
    case "delta": {
      const next = Replica.applyDelta(replica, message)
      if (next === replica) return withoutIntents(state)
      // SYN3: a gap. Resynchronise this topic alone.
      if (next === undefined) return withoutIntents(setReplica(state, Replica.requestSubscription(replica, at, false)))
      return verifyReplica(config, state, at, next, message)
    }
    case "signal":
      return withoutIntents(setReplica(state, EphemeralState.applySignal(replica, message, at)))
    case "presence_diff":
      return withoutIntents(setReplica(state, EphemeralState.applyPresenceDiff(replica, message)))
    case "chorus_response":
      return withoutIntents(setReplica(state, EphemeralState.appendPartialOutput(replica, message)))
  }
}

const outdatedClient = errorReason(
  "outdated_client",
  "The server sent data that this version of the client cannot read. Reload or update the client."
)
const topicHidden = errorReason("not_found", "You no longer have access to this topic.")

/**
 * SYN7: a replica with another hash than the server's is reported and subscribed to again without its position, after a
 * delay that grows with each consecutive mismatch.
 */
const verifyReplica = (
  config: Config,
  state: State,
  at: Instant,
  updated: Replica.Replica,
  { events = [], hash }: Protocol.ServerMessageOf<"subscribed" | "delta">
): Transition => {
  const { found, replica } = Replica.verifyHash(updated, hash)
  const transition = applyReplicaUpdate(config, state, at, replica, "deltas", events)
  if (found === undefined) return transition
  const { hashCheck: { mismatches }, topic } = replica
  return andThen(transition, (next) =>
    reportDesync(
      setReplica(
        next,
        Replica.requestSubscription(
          next.replicas.get(topic) ?? replica,
          at + (mismatches - 1) * subscribeRetryDelay,
          true
        )
      ),
      at,
      replica,
      { expected: hash, found }
    ))
}

/** SYN7: compares a snapshot's state with the hash that came with it. With another one it is kept: there is nothing better. */
export const compareSnapshot = (state: State, at: Instant, replica: Replica.Replica): Transition => {
  const expected = replica.hashCheck.due?.expected
  const { found, replica: verified } = Replica.verifySnapshot(replica)
  const next = setReplica(state, verified)
  return found === undefined ? withoutIntents(next) : reportDesync(next, at, replica, { expected, found })
}

const reportDesync = (
  state: State,
  at: Instant,
  { position, topic }: Replica.Replica,
  hashes: { readonly expected: string | undefined; readonly found: string }
): Transition => sendMessage(state, at, "desync", { seq: position?.seq ?? 0, ...hashes }, topic)

/** Stores an updated replica, reconciles the pending commands with it, and rebases it. */
const applyReplicaUpdate = (
  config: Config,
  state: State,
  at: Instant,
  replica: Replica.Replica,
  mode: "snapshot" | "deltas",
  events: ReadonlyArray<Protocol.PublishedEvent>
): Transition => {
  const outbox = Outbox.reconcilePending(state.outbox, replica, mode, events)
  const next: State = {
    ...state,
    outbox,
    unacked: new Set(state.unacked).add(replica.topic),
    ackAt: state.unacked.size === 0 ? at + ackDelay : state.ackAt
  }
  const intents: ReadonlyArray<Intent> = events.length === 0
    ? []
    : [{ _tag: "EmitEvents", topic: replica.topic, events: events.map((event) => Replica.toReceived(replica, event)) }]
  return [Outbox.rebase(config, next, replica), intents]
}

const answerQuery = (state: State, message: QueryResponse): Transition =>
  completeQuery(state, message.ref_id, Result.succeed(message)) ?? withoutIntents(state)

/** Undefined if no query has the id. */
const completeQuery = (
  state: State,
  id: string | null,
  outcome: Result.Result<QueryResponse, ClientErrorReason>
): Transition | undefined => {
  const query = state.pendingQueries.find((query) => query.id === id)
  return query === undefined ? undefined : [
    { ...state, pendingQueries: state.pendingQueries.filter((other) => other !== query) },
    [{ _tag: "CompleteQuery", id: query.id, outcome }]
  ]
}

/** `ref_id` decides whether an error answers a query, a subscription, the sign-in or a command. */
const handleError = (
  config: Config,
  state: State,
  at: Instant,
  message: Protocol.ServerMessageOf<"error">,
  topic: TopicId | undefined
): Transition => {
  const reason: ClientErrorReason = { code: message.code, message: message.message, retryable: message.retryable }
  const isSignOut = state.pendingQueries.some(({ id, query }) => id === message.ref_id && query._tag === "sign_out")
  // AUT2: the session goes on after an error. Resume it, and sign out again.
  if (isSignOut && (reason.retryable || reason.code === "unauthenticated")) {
    return ConnectionLifecycle.scheduleReconnect(state, at, Math.max(signOutRetryDelay, message.retry_after_ms ?? 0))
  }
  const completed = completeQuery(state, message.ref_id, Result.fail(reason))
  if (completed !== undefined) return completed
  for (const replica of state.replicas.values()) {
    if (replica.sync._tag !== "Subscribing" || replica.sync.requestId !== message.ref_id) continue
    const notBefore = at + (message.retry_after_ms ?? subscribeRetryDelay)
    return withoutIntents(
      reason.retryable
        ? setReplica(state, Replica.requestSubscription(replica, notBefore, false))
        : reason.code === "state_desync"
        ? setReplica(state, Replica.requestSubscription(replica, at, true))
        : Outbox.refuseTopic(config, state, replica, reason)
    )
  }
  const desynced = reason.code === "state_desync" && topic !== undefined ? state.replicas.get(topic) : undefined
  if (desynced !== undefined) return withoutIntents(setReplica(state, Replica.requestSubscription(desynced, at, true)))
  // The command first: losing the connection would make its attempt one that is not known to be undecided.
  return andThen(
    Outbox.handleCommandError(config, state, at, message),
    (next) => ClientAuthentication.handleConnectionError(config, next, at, message)
  )
}
