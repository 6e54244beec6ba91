/**
 * A client's copy of one topic: the fold of a prefix of its log, and on top the
 * commands that are not decided yet. `Ephemeral` moves what it shows beside that.
 *
 * Pure. A copy moves only from its own position (SYN3); anything else is `undefined`, and the caller asks again.
 */
import { Result, Schema } from "effect"
import type { CommandId, Instant, Position, TopicId, UserId } from "../domain/protocol/Ids.ts"
import type { Presence, PublishedEvent, PublishedSignal, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import * as StateHash from "../domain/protocol/StateHash.ts"
import { type AnyKind, fold } from "../domain/topic/Topic.ts"
import type { ClientErrorReason } from "./ClientError.ts"

/** How a copy stands to the server. */
export type SyncState =
  /** To be asked for from `notBefore` on, as soon as the connection is there. */
  | { readonly _tag: "Unsubscribed"; readonly notBefore: Instant }
  | { readonly _tag: "Subscribing"; readonly requestId: string }
  | { readonly _tag: "Live" }
  /** The server does not show this topic to us. */
  | { readonly _tag: "Refused"; readonly reason: ClientErrorReason }

/** A signal and when it arrived here. */
export interface ReceivedSignal extends PublishedSignal {
  readonly at: Instant
}

/** The text of a Chorus step as far as it has been heard (CHO5). */
export type PartialOutput = Omit<ServerMessageOf<"chorus_response">, "_tag" | "offset">

/** Somebody's command that has no visible effect in the log yet. */
export interface OptimisticCommand {
  readonly id: CommandId
  readonly command: unknown
  readonly at: Instant
  readonly seed: number
}

/** How a copy compares with the hashes that the server says (SYN7). */
export interface HashCheck {
  /** What was hashed last: the next hash costs what has changed since. */
  readonly hashedState: unknown
  /** Hashes that were found right and not reported yet. */
  readonly matches: number
  /** Deltas in a row after which the copy was another. */
  readonly mismatches: number
  /** False when even the snapshot reads as another state: the server is of another version, and comparing is no use. */
  readonly comparable: boolean
}

export interface Replica {
  readonly topic: TopicId
  readonly kind: AnyKind
  readonly sync: SyncState
  /** Undefined until the first answer. */
  readonly position: Position | undefined
  /** What the server has decided, up to `position`. */
  readonly confirmed: unknown
  /** `decided`, and on top of it what we expect of our own commands. */
  readonly state: unknown
  readonly hashCheck: HashCheck
  /** The ids of our commands whose expected effect is in `state`. */
  readonly optimisticCommands: ReadonlyArray<CommandId>
  readonly presence: ReadonlyArray<Presence>
  readonly signals: ReadonlyArray<ReceivedSignal>
  readonly partialOutputs: ReadonlyArray<PartialOutput>
}

export const make = (topic: TopicId, kind: AnyKind): Replica => {
  const initial = kind.initial(topic)
  return {
    topic,
    kind,
    sync: { _tag: "Unsubscribed", notBefore: 0 },
    position: undefined,
    confirmed: initial,
    state: initial,
    hashCheck: { hashedState: undefined, matches: 0, mismatches: 0, comparable: true },
    optimisticCommands: [],
    presence: [],
    signals: [],
    partialOutputs: []
  }
}

/** The connection is gone: what is logged stays, what is shared for the moment goes. */
export const markDisconnected = (replica: Replica): Replica => ({
  ...replica,
  sync: { _tag: "Unsubscribed", notBefore: 0 },
  presence: [],
  signals: [],
  partialOutputs: []
})

/** To be asked for again; `whole` gives up the own position, so that a snapshot comes. */
export const requestSubscription = (replica: Replica, notBefore: Instant, discardPosition: boolean): Replica => ({
  ...replica,
  sync: { _tag: "Unsubscribed", notBefore },
  position: discardPosition ? undefined : replica.position
})

/** The one answer to `subscribe`. Undefined when it does not lead from our position to the one it names. */
export const applySubscribed = (
  replica: Replica,
  message: ServerMessageOf<"subscribed">,
  at: Instant
): Replica | undefined => {
  const restored = message.mode === "snapshot"
    ? decodeSnapshot(replica.kind, message.state)
    : applyCatchUp(replica, message)
  if (restored === undefined) return undefined
  return {
    ...replica,
    sync: { _tag: "Live" },
    position: message.position,
    confirmed: restored.state,
    presence: message.presence,
    signals: message.signals.map((signal) => ({ ...signal, at })),
    partialOutputs: []
  }
}

const decodeSnapshot = (kind: AnyKind, snapshot: unknown): { readonly state: unknown } | undefined => {
  const state = Schema.decodeUnknownExit(Schema.toCodecJson(kind.State))(snapshot)
  return state._tag === "Success" ? { state: state.value } : undefined
}

const applyCatchUp = (
  replica: Replica,
  message: ServerMessageOf<"subscribed">
): { readonly state: unknown } | undefined => {
  const position = replica.position
  const events = message.events ?? []
  return position === undefined || position.epoch !== message.position.epoch ||
      position.seq + events.length !== message.position.seq
    ? undefined
    : applyEvents(replica, position.seq, events)
}

/**
 * Live events. The same copy when it has them already; undefined when they do not start at its position, or when
 * this client does not understand them.
 */
export const applyDelta = (replica: Replica, message: ServerMessageOf<"delta">): Replica | undefined => {
  const position = replica.position
  if (position === undefined) return undefined
  if (message.to <= position.seq) return replica
  if (message.from !== position.seq || message.to - message.from !== message.events.length) return undefined
  const advanced = applyEvents(replica, position.seq, message.events)
  return advanced === undefined ? undefined : {
    ...replica,
    position: { epoch: position.epoch, seq: message.to },
    confirmed: advanced.state,
    partialOutputs: replica.partialOutputs.filter((text) =>
      !message.events.some((view) => endsPartialOutput(view, text))
    )
  }
}

/**
 * Compares a copy that has just moved with the server's hash of it, if it said one. `found` is the copy's own hash when
 * that is another.
 */
export const verifyHash = (
  replica: Replica,
  expected: StateHash.StateHash | undefined,
  isSnapshot: boolean
): { readonly replica: Replica; readonly found: StateHash.StateHash | undefined } => {
  const { hashCheck, confirmed } = replica
  if (expected === undefined || !isSnapshot && !hashCheck.comparable) return { replica, found: undefined }
  const hash = StateHash.hashState(confirmed, hashCheck.hashedState)
  const isMatch = hash === expected
  const { matches, mismatches } = hashCheck
  return {
    replica: {
      ...replica,
      hashCheck: {
        hashedState: confirmed,
        matches: isMatch ? matches + 1 : matches,
        mismatches: isSnapshot ? mismatches : isMatch ? 0 : mismatches + 1,
        comparable: isMatch || !isSnapshot
      }
    },
    found: isMatch ? undefined : hash
  }
}

/** The matches have been reported. */
export const clearReportedMatches = (replica: Replica): Replica => ({
  ...replica,
  hashCheck: { ...replica.hashCheck, matches: 0 }
})

const applyEvents = (
  replica: Replica,
  from: number,
  views: ReadonlyArray<PublishedEvent>
): { readonly state: unknown } | undefined => {
  const decode = Schema.decodeUnknownExit(replica.kind.Event)
  const events: Array<unknown> = []
  for (const [index, view] of views.entries()) {
    const event = decode(view.event)
    if (view.seq !== from + index + 1 || event._tag === "Failure") return undefined
    events.push(event.value)
  }
  return { state: fold(replica.kind, replica.confirmed, events) }
}

const OutputEndEvent = Schema.Struct({
  _tag: Schema.Literals(["StepCompleted", "StepFailed", "RunFailed", "RunCancelled"]),
  prompt_id: Schema.String
})
const isOutputEnd = Schema.is(OutputEndEvent)

/** Whether a durable event takes the place of a running text. */
const endsPartialOutput = (view: PublishedEvent, output: PartialOutput): boolean =>
  isOutputEnd(view.event) && view.event.prompt_id === output.prompt_id

/** Puts the commands that are still expected on top of what is decided, by the kind's own rules (SYN10). */
export const applyOptimistic = (
  replica: Replica,
  { me, signCommands: signed = false }: { readonly me: UserId; readonly signCommands?: boolean },
  commands: ReadonlyArray<OptimisticCommand>
): Replica => {
  let state = replica.confirmed
  const applied: Array<CommandId> = []
  // Before the first answer there is nothing that a rule could be put to.
  for (const { at, command, id, seed } of replica.position === undefined ? [] : commands) {
    const decision = replica.kind.decide(state, command, { id, author: me, now: at, seed, signed })
    // A refusal here is the server's to pronounce; a forwarded command shows nothing yet.
    if (Result.isFailure(decision) || decision.success._tag === "Forward") continue
    state = fold(replica.kind, state, decision.success.events)
    applied.push(id)
  }
  return { ...replica, state, optimisticCommands: applied }
}

/** Only what is decided. */
export const discardOptimistic = (replica: Replica): Replica => ({
  ...replica,
  state: replica.confirmed,
  optimisticCommands: []
})
