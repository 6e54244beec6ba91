/**
 * The client's machine: `step(config, state, message) -> [state, intents]`
 * (SYN10). It owns signing in, staying connected, the copies of topics, and
 * the commands that wait for their outcome.
 *
 * Pure. `Link` holds the rules of the connection, `Outbox` those of commands, `Replica` those of copies.
 */
import { Result } from "effect"
import { type Instant, kindOf, type TopicId } from "../domain/Ids.ts"
import * as Protocol from "../domain/Protocol.ts"
import { type Fault, fault } from "./Fault.ts"
import * as Link from "./Link.ts"
import type { Answer, Config, Intent, Message, MessageOf, State, Transition } from "./Model.ts"
import * as Outbox from "./Outbox.ts"
import * as Replica from "./Replica.ts"
import { chain, say, stay } from "./Transition.ts"

/** How long a topic waits before it is asked for again after a refusal that may heal. */
const retrySubscribe = 2_000
/** How long after a delta the server is told about it, at the latest (SYN6). */
const ackDelay = 2_000

export const initial = (config: Config): State => ({
  link: { _tag: "Disconnected", fault: undefined },
  lostAt: undefined,
  session: undefined,
  welcome: undefined,
  replicas: new Map(),
  outbox: [],
  calls: [],
  holdUntil: 0,
  window: Outbox.windowMax,
  unacked: new Set(),
  ackAt: 0,
  sockets: 0,
  prefix: config.instance.slice(0, 24),
  counter: 0
})

/** How a client stands, in the words of SYN10. */
export type Phase =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Authenticated" }
  | { readonly _tag: "Subscribed"; readonly topics: ReadonlyArray<TopicId> }
  | { readonly _tag: "Disconnected"; readonly fault: Fault | undefined }
  | { readonly _tag: "Reconnecting"; readonly attempt: number; readonly dueAt: Instant }

export const phase = (state: State): Phase => {
  const { link } = state
  switch (link._tag) {
    case "Disconnected":
      return { _tag: "Disconnected", fault: link.fault }
    case "Connecting":
      return state.lostAt === undefined
        ? { _tag: "Connecting" }
        : { _tag: "Reconnecting", attempt: link.attempt, dueAt: link.since }
    case "Reconnecting":
      return { _tag: "Reconnecting", attempt: link.attempt, dueAt: link.dueAt }
    case "Online": {
      const topics = [...state.replicas.values()].filter((replica) => replica.sync._tag === "Live")
      return topics.length === 0
        ? { _tag: "Authenticated" }
        : { _tag: "Subscribed", topics: topics.map((replica) => replica.topic) }
    }
  }
}

/** When `Ticked` is due, if at all. */
export const nextWake = (state: State): Instant | undefined => {
  const times = [...Link.wakes(state), ...Outbox.wakes(state)]
  if (state.link._tag === "Online") {
    for (const { sync } of state.replicas.values()) if (sync._tag === "Wanted") times.push(sync.notBefore)
    if (state.unacked.size > 0) times.push(state.ackAt)
  }
  return times.length === 0 ? undefined : Math.min(...times)
}

/** One step. What comes from a socket that is no longer ours is not heard. */
export const step = (config: Config, state: State, message: Message): Transition => {
  if ("socket" in message && message.socket !== Link.socketOf(state.link)) return stay(state)
  const stepped = move(config, state, message)
  // Whatever happened, what can leave now leaves.
  return chain(stepped, (next) => flush(next, message.at))
}

const move = (config: Config, state: State, message: Message): Transition => {
  switch (message._tag) {
    case "Started":
      return Link.start(state, message.at)
    case "Stopped":
      return Link.stop(state)
    case "Opened":
      return Link.opened(config, state, message.at)
    case "Received":
      return received(config, state, message)
    case "Signed":
      return Link.signed(state, message.at, message.signature)
    case "SigningFailed":
      return Link.end(state, fault("key_unusable", "This key could not sign in. Make or import another one."))
    case "Closed":
      return Link.closed(state, message.at, message.code, message.random)
    case "Ticked":
      return chain(Link.ticked(state, message.at, message.random), (next) => acknowledge(next, message.at))
    case "Shown":
      return Link.shown(state, message.at)
    case "Watched":
      return watched(config, state, message.topic)
    case "Unwatched":
      return unwatched(state, message)
    case "Commanded":
      return Outbox.commanded(config, state, message)
    case "Asked":
      return [{
        ...state,
        calls: [...state.calls, { id: message.id, question: message.question, topic: message.topic, sent: false }]
      }, []]
    case "Signalled":
      return signalled(state, message)
  }
}

// -- What the owner asks -----------------------------------------------------

const watched = (config: Config, state: State, topic: TopicId): Transition => {
  if (state.replicas.has(topic)) return stay(state)
  const kind = config.kinds.get(kindOf(topic))
  // A topic of an unknown kind cannot be folded; `Client` does not let it come here.
  return kind === undefined ? stay(state) : stay(keep(state, Outbox.rebase(config, state, Replica.make(topic, kind))))
}

const unwatched = (state: State, { at, topic }: MessageOf<"Unwatched">): Transition => {
  const had = state.replicas.get(topic)
  if (had === undefined) return stay(state)
  const replicas = new Map(state.replicas)
  replicas.delete(topic)
  const unacked = new Set(state.unacked)
  unacked.delete(topic)
  // Nobody looks at what its receipted commands did any more.
  const outbox = state.outbox.filter((pending) => pending.topic !== topic || pending.stage !== "done")
  const next = { ...state, replicas, unacked, outbox }
  return had.sync._tag === "Live" || had.sync._tag === "Asked"
    ? chain(stay(next), (next) => say(next, at, "unsubscribe", {}, topic))
    : stay(next)
}

/** A signal is of the moment: what cannot leave now never does (ROO3). */
const signalled = (state: State, { at, key, topic, value }: MessageOf<"Signalled">): Transition =>
  state.replicas.get(topic)?.sync._tag === "Live"
    ? chain(stay(state), (next) => say(next, at, "signal", { key, value }, topic))
    : stay(state)

// -- What the server says ----------------------------------------------------

const received = (config: Config, state: State, { at, value }: MessageOf<"Received">): Transition => {
  const heard = Link.heard(state, at)
  const decoded = Protocol.decodeServer(value)
  // A type we do not know is for a newer client: skipped.
  if (decoded === undefined) return stay(heard)
  return decoded.message._tag === "batch"
    ? decoded.message.messages.reduce<Transition>((before, inner) =>
      chain(before, (next) => {
        const one = Protocol.decodeServer(inner)
        return one === undefined ? stay(next) : react(config, next, at, one)
      }), stay(heard))
    : react(config, heard, at, decoded)
}

type Decoded = NonNullable<ReturnType<typeof Protocol.decodeServer>>

const react = (config: Config, state: State, at: Instant, { envelope, message }: Decoded): Transition => {
  switch (message._tag) {
    case "challenge":
      return Link.challenged(config, state, message)
    case "init":
      return Link.welcomed(state, at, envelope.timestamp, message)
    case "renewed":
      return stay(Link.renewed(state, at, envelope.timestamp, message))
    case "goodbye":
      return stay(Link.parting(state, message))
    case "receipt":
      return Outbox.receipted(config, state, message)
    case "error":
      return failed(config, state, at, message, envelope.thread_id)
    case "threads":
    case "thread_messages":
      return replied(state, message)
    case "user":
      return replied(
        state.welcome === undefined ? state : { ...state, welcome: { ...state.welcome, user: message.user } },
        message
      )
    case "signed_out":
      return chain(replied({ ...state, session: undefined }, message), (next) => Link.end(next, undefined))
    case "heartbeat":
    case "batch": // A batch within a batch is nothing the protocol knows.
      return stay(state)
    case "subscribed":
    case "unsubscribed":
    case "delta":
    case "signal":
    case "presence_diff":
    case "chorus_response": {
      const replica = envelope.thread_id === undefined ? undefined : state.replicas.get(envelope.thread_id)
      return replica === undefined ? stay(state) : observe(config, state, at, replica, message)
    }
  }
}

type TopicMessage = Protocol.ServerMessageOf<
  "subscribed" | "unsubscribed" | "delta" | "signal" | "presence_diff" | "chorus_response"
>

const observe = (
  config: Config,
  state: State,
  at: Instant,
  replica: Replica.Replica,
  message: TopicMessage
): Transition => {
  if (message._tag === "subscribed") {
    if (replica.sync._tag !== "Asked" || replica.sync.ref !== message.ref_id) return stay(state)
    const next = Replica.subscribed(replica, message, at)
    if (next !== undefined) return took(config, state, at, next, message.mode, message.events ?? [])
    return stay(keep(
      state,
      message.mode === "deltas"
        ? Replica.want(replica, at, true)
        : { ...replica, sync: { _tag: "Refused", fault: outdated } }
    ))
  }
  // Between a question and its answer nothing else about the topic counts.
  if (replica.sync._tag !== "Live") return stay(state)
  switch (message._tag) {
    case "unsubscribed":
      return stay(keep(state, { ...replica, sync: { _tag: "Refused", fault: shown } }))
    case "delta": {
      const next = Replica.delta(replica, message)
      if (next === replica) return stay(state)
      // SYN3: not from where we stand; this topic alone is asked for again.
      if (next === undefined) return stay(keep(state, Replica.want(replica, at, false)))
      return took(config, state, at, next, "deltas", message.events)
    }
    case "signal":
      return stay(keep(state, Replica.signal(replica, message, at)))
    case "presence_diff":
      return stay(keep(state, Replica.presence(replica, message)))
    case "chorus_response":
      return stay(keep(state, Replica.text(replica, message)))
  }
}

const outdated = fault(
  "outdated_client",
  "The server speaks of something this version does not know. Reload or update."
)
const shown = fault("not_found", "The server no longer shows this topic.")

/** A copy has moved: what was expected and has come is dropped, the rest is put on top again. */
const took = (
  config: Config,
  state: State,
  at: Instant,
  replica: Replica.Replica,
  mode: "snapshot" | "deltas",
  events: ReadonlyArray<Protocol.EventView>
): Transition => {
  const outbox = Outbox.observed(state.outbox, replica, mode, events)
  const next: State = {
    ...state,
    outbox,
    unacked: new Set(state.unacked).add(replica.topic),
    ackAt: state.unacked.size === 0 ? at + ackDelay : state.ackAt
  }
  const tell: ReadonlyArray<Intent> = events.length === 0 ? [] : [{ _tag: "Tell", topic: replica.topic, events }]
  return [keep(next, Outbox.rebase(config, next, replica)), tell]
}

const replied = (state: State, message: Answer): Transition => {
  const call = state.calls.find((call) => call.id === message.ref_id)
  return call === undefined ? stay(state) : [
    { ...state, calls: state.calls.filter((other) => other !== call) },
    [{ _tag: "Reply", id: call.id, outcome: Result.succeed(message) }]
  ]
}

/** An error names what it answers; which of our questions that was decides. */
const failed = (
  config: Config,
  state: State,
  at: Instant,
  message: Protocol.ServerMessageOf<"error">,
  topic: TopicId | undefined
): Transition => {
  const why: Fault = { code: message.code, message: message.message, retryable: message.retryable }
  const call = state.calls.find((call) => call.id === message.ref_id)
  if (call !== undefined) {
    const calls = state.calls.filter((other) => other !== call)
    return [{ ...state, calls }, [{ _tag: "Reply", id: call.id, outcome: Result.fail(why) }]]
  }
  for (const replica of state.replicas.values()) {
    if (replica.sync._tag !== "Asked" || replica.sync.ref !== message.ref_id) continue
    const notBefore = at + (message.retry_after_ms ?? retrySubscribe)
    return stay(keep(
      state,
      why.retryable
        ? Replica.want(replica, notBefore, false)
        : why.code === "state_desync"
        ? Replica.want(replica, at, true)
        : { ...replica, sync: { _tag: "Refused", fault: why } }
    ))
  }
  const desynced = why.code === "state_desync" && topic !== undefined ? state.replicas.get(topic) : undefined
  if (desynced !== undefined) return stay(keep(state, Replica.want(desynced, at, true)))
  return chain(Link.refused(config, state, at, message), (next) => Outbox.failed(config, next, at, message))
}

// -- What leaves -------------------------------------------------------------

const flush = (state: State, at: Instant): Transition => {
  if (state.link._tag !== "Online") return stay(state)
  return chain(chain(subscribe(state, at), (next) => ask(next, at)), (next) => Outbox.flush(next, at))
}

const subscribe = (state: State, at: Instant): Transition => {
  let transition: Transition = stay(state)
  for (const replica of state.replicas.values()) {
    if (replica.sync._tag !== "Wanted" || replica.sync.notBefore > at) continue
    const position = replica.position === undefined ? {} : { position: replica.position }
    transition = chain(transition, (before) => {
      const [after, intents, ref] = say(before, at, "subscribe", position, replica.topic)
      return [keep(after, { ...replica, sync: { _tag: "Asked", ref } }), intents]
    })
  }
  return transition
}

const ask = (state: State, at: Instant): Transition => {
  let transition: Transition = stay(state)
  for (const { id, question: { _tag, ...payload }, sent, topic } of state.calls) {
    if (!sent) transition = chain(transition, (before) => say(before, at, _tag, payload, topic, id))
  }
  return chain(transition, (next) =>
    next.calls.every((call) => call.sent)
      ? stay(next)
      : stay({ ...next, calls: next.calls.map((call) => ({ ...call, sent: true })) }))
}

const acknowledge = (state: State, at: Instant): Transition => {
  if (state.link._tag !== "Online" || state.unacked.size === 0 || state.ackAt > at) return stay(state)
  return [...state.unacked].reduce<Transition>((before, topic) => {
    const seq = state.replicas.get(topic)?.position?.seq
    return seq === undefined ? before : chain(before, (next) => say(next, at, "ack", { seq }, topic))
  }, stay({ ...state, unacked: new Set() }))
}

const keep = (state: State, replica: Replica.Replica): State => ({
  ...state,
  replicas: new Map(state.replicas).set(replica.topic, replica)
})
