/**
 * The client's machine: `step(config, state, message) -> [state, intents]`
 * (SYN10): what its owner asks, what time brings, and what leaves.
 *
 * Pure. `Hearing` holds what the server says, `Link` and `SignIn` the rules of the connection, `Outbox` those of commands,
 * `Replica` those of copies.
 */
import { type Instant, kindOf, type TopicId } from "../domain/Ids.ts"
import { type Fault, fault } from "./Fault.ts"
import * as Hearing from "./Hearing.ts"
import * as Link from "./Link.ts"
import type { Config, Message, MessageOf, State, Transition } from "./Model.ts"
import * as Outbox from "./Outbox.ts"
import * as Replica from "./Replica.ts"
import * as SignIn from "./SignIn.ts"
import { chain, keep, say, stay } from "./Transition.ts"

export const initial = (config: Config): State => ({
  link: { _tag: "Disconnected", fault: undefined },
  lostAt: undefined,
  restarting: false,
  session: undefined,
  welcome: undefined,
  replicas: new Map(),
  outbox: [],
  calls: [],
  paces: new Map(),
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
      return SignIn.opened(config, state, message.at)
    case "Received":
      return Hearing.received(config, state, message)
    case "Signed":
      return SignIn.signed(state, message.at, message.signature)
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
    const replica = state.replicas.get(topic)
    const seq = replica?.position?.seq
    if (replica === undefined || seq === undefined) return before
    const { matches } = replica.checked
    const ack = matches === 0 ? { seq } : { seq, matches }
    return chain(before, (next) => say(keep(next, Replica.reported(replica)), at, "ack", ack, topic))
  }, stay({ ...state, unacked: new Set() }))
}
