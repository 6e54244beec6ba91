/**
 * What the server says, and what follows from it for the machine: receipts and
 * errors find what they answer, and copies of topics move (SYN2, SYN3, SYN5).
 */
import { Result } from "effect"
import type { Instant, TopicId } from "../domain/Ids.ts"
import * as Protocol from "../domain/Protocol.ts"
import * as Ephemeral from "./Ephemeral.ts"
import { type Fault, fault } from "./Fault.ts"
import * as Link from "./Link.ts"
import type { Answer, Config, Intent, MessageOf, State, Transition } from "./Model.ts"
import * as Outbox from "./Outbox.ts"
import * as Replica from "./Replica.ts"
import * as SignIn from "./SignIn.ts"
import { chain, keep, say, stay } from "./Transition.ts"

/** How long a topic waits before it is asked for again after a refusal that may heal. */
const retrySubscribe = 2_000
/** How long after a delta the server is told about it, at the latest (SYN6). */
const ackDelay = 2_000

export const received = (config: Config, state: State, { at, value }: MessageOf<"Received">): Transition => {
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
      return SignIn.challenged(config, state, message)
    case "init":
      return SignIn.welcomed(state, at, envelope.timestamp, message)
    case "renewed":
      return stay(SignIn.renewed(state, at, envelope.timestamp, message))
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
    // A server that held deltas back from a slow connection may send the whole state unasked (CON8).
    const awaited = replica.sync._tag === "Live" ||
      (replica.sync._tag === "Asked" && replica.sync.ref === message.ref_id)
    if (!awaited) return stay(state)
    const next = Replica.subscribed(replica, message, at)
    if (next !== undefined) return compared(config, state, at, next, message)
    return stay(
      message.mode === "deltas"
        ? keep(state, Replica.want(replica, at, true))
        : Outbox.hidden(config, state, replica, outdated)
    )
  }
  // Between a question and its answer nothing else about the topic counts.
  if (replica.sync._tag !== "Live") return stay(state)
  switch (message._tag) {
    case "unsubscribed":
      return stay(Outbox.hidden(config, state, replica, shown))
    case "delta": {
      const next = Replica.delta(replica, message)
      if (next === replica) return stay(state)
      // SYN3: not from where we stand; this topic alone is asked for again.
      if (next === undefined) return stay(keep(state, Replica.want(replica, at, false)))
      return compared(config, state, at, next, message)
    }
    case "signal":
      return stay(keep(state, Ephemeral.signal(replica, message, at)))
    case "presence_diff":
      return stay(keep(state, Ephemeral.presence(replica, message)))
    case "chorus_response":
      return stay(keep(state, Ephemeral.text(replica, message)))
  }
}

const outdated = fault(
  "outdated_client",
  "The server speaks of something this version does not know. Reload or update."
)
const shown = fault("not_found", "The server no longer shows this topic.")

/**
 * SYN7: a copy that has moved to another state than the server's is reported, given up and asked for again, later each
 * time. Where even a snapshot reads differently there is nothing better to be had, and it stays.
 */
const compared = (
  config: Config,
  state: State,
  at: Instant,
  moved: Replica.Replica,
  message: Protocol.ServerMessageOf<"subscribed" | "delta">
): Transition => {
  const mode = message._tag === "delta" ? "deltas" : message.mode
  const { found, replica } = Replica.check(moved, message.hash, mode === "snapshot")
  const taken = took(config, state, at, replica, mode, message.events ?? [])
  if (found === undefined) return taken
  const { checked: { misses }, position, topic } = replica
  const report = { seq: position?.seq ?? 0, expected: message.hash, found }
  return chain(taken, (next) =>
    say(
      mode === "snapshot"
        ? next
        : keep(next, Replica.want(next.replicas.get(topic) ?? replica, at + (misses - 1) * retrySubscribe, true)),
      at,
      "desync",
      report,
      topic
    ))
}

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
    return stay(
      why.retryable
        ? keep(state, Replica.want(replica, notBefore, false))
        : why.code === "state_desync"
        ? keep(state, Replica.want(replica, at, true))
        : Outbox.hidden(config, state, replica, why)
    )
  }
  const desynced = why.code === "state_desync" && topic !== undefined ? state.replicas.get(topic) : undefined
  if (desynced !== undefined) return stay(keep(state, Replica.want(desynced, at, true)))
  return chain(SignIn.refused(config, state, at, message), (next) => Outbox.failed(config, next, at, message))
}
