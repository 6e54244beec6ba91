/**
 * A client's replica of one topic: the fold of a prefix of its log, with the client's own pending commands on top.
 * Pure. `EphemeralState` has the transitions of presence, signals and streamed text.
 *
 * ```text
 *                subscribe                subscribed
 *  Unsubscribed ───────────▶ Subscribing ────────────▶ Live
 *    ▲  ▲  ▲                  │  │                     │  │
 *    │  │  └─ retryable error ┘  │ access error        │  │ unsubscribed
 *    │  │     or state_desync    ▼                     │  │
 *    │  │                      Refused ◀───────────────┼──┘
 *    │  └─ gap in the deltas, other hash ──────────────┘
 *    └──── connection lost, from each state
 * ```
 *
 * Invariants:
 *
 * 1. With a `position`, `confirmed` is the fold of the first `position.seq` events of the log of `position.epoch`
 *    (TOP2).
 * 2. Without a `position` no event is applied: `confirmed` is the initial state, or an older one that is shown until a
 *    snapshot replaces it.
 * 3. Events are applied only from exactly `position.seq`, each once and in order (SYN3). A delta up to a seq already
 *    reached changes nothing; one from another seq gives `undefined`, and the caller subscribes again.
 * 4. `position.seq` does not decrease within an epoch while `Live`, except by a snapshot.
 * 5. `state` is `base` with the commands of `optimisticCommands` applied in order by `kind.decide` (SYN10). `base` is
 *    `confirmed`, or the one before a snapshot that may contain a command which is shown: until the server has answered
 *    that command, nobody can tell whether to apply it. Before the first `subscribed` no command is shown.
 * 6. Each `subscribed` replaces presence, signals and streamed text; a lost connection empties them (ROO2).
 */
import { Result, Schema } from "effect"
import type { CommandId, Instant, Position, TopicId } from "../domain/protocol/Ids.ts"
import { agentOf, principalOf } from "../domain/protocol/Principal.ts"
import type { Presence, PublishedEvent, PublishedSignal, ServerMessageOf } from "../domain/protocol/Protocol.ts"
import { noOpenings } from "../domain/protocol/Seal.ts"
import * as StateHash from "../domain/protocol/StateHash.ts"
import { noEpoch } from "../domain/topic/DurableState.ts"
import { isErased } from "../domain/topic/Erasure.ts"
import { codecsFor } from "../domain/topic/KindCodecs.ts"
import { entryHash } from "../domain/topic/Log.ts"
import { eraseTexts, openTexts, plain, textsIn } from "../domain/topic/SealedText.ts"
import { type AnyKind, fold, foldDecision, type Intent, type Kind } from "../domain/topic/Topic.ts"
import type { ClientErrorReason } from "./ClientError.ts"
import type { Config, ReceivedEvent } from "./ClientModel.ts"
import { sha256 } from "./Sha256.ts"
import { samplingInterval, verifyOpenings } from "./TextVerification.ts"

/** The state of the subscription; drawn above. */
export type SyncState =
  /** To be subscribed to as soon as the client is online, not before `notBefore`. */
  | { readonly _tag: "Unsubscribed"; readonly notBefore: Instant }
  | { readonly _tag: "Subscribing"; readonly requestId: string }
  | { readonly _tag: "Live" }
  /** The server denied access, or this client cannot decode the topic. */
  | { readonly _tag: "Refused"; readonly reason: ClientErrorReason }

/** A signal with its time of arrival. */
export interface ReceivedSignal extends PublishedSignal {
  readonly at: Instant
}

/** The text of a Chorus step so far, while the model writes it (CHO5). */
export type PartialOutput = Omit<ServerMessageOf<"chorus_response">, "_tag" | "offset">

/** A pending command, as needed to decide it locally. */
export interface OptimisticCommand {
  readonly id: CommandId
  /** The command as its kind decides it; undefined if this client's kind does not have it. */
  readonly input: unknown
  readonly at: Instant
  readonly seed: number
}

/** The comparison of state hashes with the server's (SYN7). */
export interface HashCheck {
  /** The state hashed last: the next hash costs in proportion to the difference. */
  readonly hashedState: unknown
  /** Matching hashes since the last `ack`. */
  readonly matches: number
  /** Consecutive deltas after which the hashes differed. */
  readonly mismatches: number
  /** False after a snapshot with another hash: the server's kind is of another version. */
  readonly comparable: boolean
  /** The snapshot's state and the hash that came with it, which are compared at `at`, or before the next events. */
  readonly due: { readonly state: unknown; readonly expected: StateHash.StateHash; readonly at: Instant } | undefined
}

/** A replica of a topic with states of type `S`. */
export interface Replica<S = unknown> {
  readonly topic: TopicId
  readonly kind: AnyKind
  readonly sync: SyncState
  /** Undefined until the first `subscribed`, and after a desync until the next one. */
  readonly position: Position | undefined
  /** The hash of the log's entry at `position`: the next event is linked to it (TOP5). */
  readonly head: string
  /** The state of the log up to `position`. */
  readonly confirmed: S
  /** The confirmed state that `state` is made from. Undefined until the first `subscribed`. */
  readonly base: S | undefined
  /** `base` with the optimistic effect of pending commands. */
  readonly state: S
  readonly hashCheck: HashCheck
  /** The ids of the commands whose optimistic effect is in `state`. */
  readonly optimisticCommands: ReadonlyArray<CommandId>
  readonly presence: ReadonlyArray<Presence>
  readonly signals: ReadonlyArray<ReceivedSignal>
  readonly partialOutputs: ReadonlyArray<PartialOutput>
}

/** Whether the states of a replica are of the kind's type. */
export const isReplicaOf = <S, C, A, E, I extends Intent>(
  replica: Replica,
  kind: Kind<S, C, A, E, I>
): replica is Replica<S> => replica.kind === kind

/** An empty replica, to be subscribed to at once. */
export const make = (topic: TopicId, kind: AnyKind): Replica => {
  const initial = kind.initial(topic)
  return {
    topic,
    kind,
    sync: { _tag: "Unsubscribed", notBefore: 0 },
    position: undefined,
    head: "",
    confirmed: initial,
    base: undefined,
    state: initial,
    hashCheck: { hashedState: undefined, matches: 0, mismatches: 0, comparable: true, due: undefined },
    optimisticCommands: [],
    presence: [],
    signals: [],
    partialOutputs: []
  }
}

/** After a lost connection: keeps logged state, drops ephemeral state. */
export const markDisconnected = (replica: Replica): Replica => ({
  ...replica,
  sync: { _tag: "Unsubscribed", notBefore: 0 },
  presence: [],
  signals: [],
  partialOutputs: []
})

/** Schedules a new subscription; without the position, the answer is a snapshot. */
export const requestSubscription = (replica: Replica, notBefore: Instant, discardPosition: boolean): Replica => ({
  ...replica,
  sync: { _tag: "Unsubscribed", notBefore },
  position: discardPosition ? undefined : replica.position
})

/** A state that a server's message leads to, and the commitments of the texts that were erased meanwhile. */
interface Advanced {
  readonly state: unknown
  readonly erased: ReadonlyArray<string>
}

/** TOP10: also the base loses erased texts, however long a pending command holds it back. */
const baseWithout = ({ base }: Replica, erased: ReadonlyArray<string>): unknown =>
  base === undefined || erased.length === 0 ? base : eraseTexts(base, new Set(erased))

/**
 * Applies the answer to `subscribe`. Undefined if its deltas do not lead from the replica's position to the message's,
 * if the kind cannot decode it, or if its texts do not fit their seals.
 */
export const applySubscribed = (
  replica: Replica,
  message: ServerMessageOf<"subscribed">,
  at: Instant
): Replica | undefined => {
  const restored = message.mode === "snapshot"
    ? decodeSnapshot(replica.kind, message.snapshot)
    : applyCatchUp(replica, message)
  if (restored === undefined) return undefined
  return {
    ...replica,
    sync: { _tag: "Live" },
    position: message.position,
    head: message.head,
    confirmed: restored.state,
    base: baseWithout(replica, restored.erased),
    presence: message.presence,
    signals: message.signals.map((signal) => ({ ...signal, at })),
    partialOutputs: []
  }
}

const decodeSnapshot = (kind: AnyKind, snapshot: ServerMessageOf<"subscribed">["snapshot"]): Advanced | undefined => {
  const open = snapshot?.open ?? noOpenings
  const decoded = codecsFor(kind).decodeState(snapshot?.state)
  if (Result.isFailure(decoded)) return undefined
  if (!verifyOpenings(snapshot?.state, open, (index) => index % samplingInterval === 0)) return undefined
  const state = openTexts(decoded.success, open)
  return { state, erased: textsIn(state).flatMap(({ text }) => text.text === null ? [text.c] : []) }
}

const applyCatchUp = (
  replica: Replica,
  message: ServerMessageOf<"subscribed">
): Advanced | undefined => {
  const position = replica.position
  const events = message.events ?? []
  return position === undefined || position.epoch !== message.position.epoch ||
      position.seq + events.length !== message.position.seq
    ? undefined
    : applyEvents(replica, position, events)
}

/**
 * Applies live events (SYN3). The same replica if it has them already; undefined if they do not start at its position,
 * if the kind cannot decode them, or if their texts do not fit their seals.
 */
export const applyDelta = (replica: Replica, message: ServerMessageOf<"delta">): Replica | undefined => {
  const position = replica.position
  if (position === undefined) return undefined
  if (message.to <= position.seq) return replica
  if (message.from !== position.seq || message.to - message.from !== message.events.length) return undefined
  const advanced = applyEvents(replica, position, message.events)
  return advanced === undefined ? undefined : {
    ...replica,
    position: { epoch: position.epoch, seq: message.to },
    head: message.events.at(-1)?.hash ?? replica.head,
    confirmed: advanced.state,
    base: baseWithout(replica, advanced.erased),
    partialOutputs: replica.partialOutputs.filter((text) =>
      !message.events.some((view) => endsPartialOutput(view, text))
    )
  }
}

/** Milliseconds from a snapshot to the hash of its state: a large one takes longer than a frame, and is shown first. */
export const hashDelay = 250

/** Keeps a snapshot's state and the hash that came with it, if any, to be compared later. */
export const awaitSnapshotHash = (
  replica: Replica,
  expected: StateHash.StateHash | undefined,
  at: Instant
): Replica => ({
  ...replica,
  hashCheck: {
    ...replica.hashCheck,
    due: expected === undefined ? undefined : { state: replica.confirmed, expected, at: at + hashDelay }
  }
})

/** A replica after a comparison of hashes, and its own hash if it is another one. */
interface Compared {
  readonly replica: Replica
  readonly found: StateHash.StateHash | undefined
}

/** Compares an updated replica with the server's hash, if any (SYN7). */
export const verifyHash = (replica: Replica, expected: StateHash.StateHash | undefined): Compared =>
  expected === undefined || !replica.hashCheck.comparable
    ? { replica, found: undefined }
    : compare(replica, replica.confirmed, expected, ({ mismatches }, isMatch) => ({
      mismatches: isMatch ? 0 : mismatches + 1
    }))

/** Compares the snapshot that is due with the hash that came with it. */
export const verifySnapshot = (replica: Replica): Compared => {
  const { due } = replica.hashCheck
  return due === undefined
    ? { replica, found: undefined }
    : compare(replica, due.state, due.expected, (_, comparable) => ({ comparable, due: undefined }))
}

const compare = (
  replica: Replica,
  state: unknown,
  expected: StateHash.StateHash,
  change: (before: HashCheck, isMatch: boolean) => Partial<HashCheck>
): Compared => {
  const before = replica.hashCheck
  const hash = StateHash.hashState(state, before.hashedState)
  const isMatch = hash === expected
  const matches = isMatch ? before.matches + 1 : before.matches
  return {
    replica: { ...replica, hashCheck: { ...before, hashedState: state, matches, ...change(before, isMatch) } },
    found: isMatch ? undefined : hash
  }
}

/** Resets the count of matches after an `ack` has reported it. */
export const clearReportedMatches = (replica: Replica): Replica => ({
  ...replica,
  hashCheck: { ...replica.hashCheck, matches: 0 }
})

const applyEvents = (
  replica: Replica,
  { epoch, seq: from }: Position,
  views: ReadonlyArray<PublishedEvent>
): Advanced | undefined => {
  const { readEvent } = codecsFor(replica.kind)
  const events: Array<unknown> = []
  let prev = replica.head
  for (const [index, view] of views.entries()) {
    const open = view.open ?? noOpenings
    const isSampled = view.seq % samplingInterval === 0
    const event = readEvent(view.version, view.event, open)
    if (view.seq !== from + index + 1 || Result.isFailure(event)) return undefined
    if (!verifyOpenings(view.event, open, () => isSampled)) return undefined
    // Who subscribed before the first event does not know the log's epoch, until it subscribes again.
    if (isSampled && epoch !== noEpoch && !isGenuine(replica.topic, epoch, prev, view)) return undefined
    events.push(event.success)
    prev = view.hash
  }
  return {
    state: fold(replica.kind, replica.confirmed, events),
    erased: events.filter(isErased).flatMap(({ texts }) => texts)
  }
}

/** Whether an event has the hash that the log's entry would have (TOP5). */
const isGenuine = (topic: TopicId, epoch: string, prev: string, view: PublishedEvent): boolean =>
  entryHash(sha256, { ...view, topic, epoch, prev }) === view.hash

/** An event as listeners get it. One that the replica has applied can be read. */
export const toReceived = (
  { kind }: Replica,
  { event, open = noOpenings, ...fields }: PublishedEvent
): ReceivedEvent => {
  const sealed = Result.getOrThrow(codecsFor(kind).readEvent(fields.version, event, open))
  return { ...fields, event: plain(sealed), sealed }
}

/** TOP10: events that are kept, without the texts that later ones erase. */
export const eraseReceived = (
  kept: ReadonlyArray<ReceivedEvent>,
  later: ReadonlyArray<ReceivedEvent>
): ReadonlyArray<ReceivedEvent> => {
  const erased = new Set(later.flatMap(({ sealed }) => isErased(sealed) ? sealed.texts : []))
  if (erased.size === 0) return kept
  return kept.map((received) => {
    const sealed = eraseTexts(received.sealed, erased)
    return sealed === received.sealed ? received : { ...received, event: plain(sealed), sealed }
  })
}

const OutputEndEvent = Schema.Struct({
  _tag: Schema.Literals(["StepCompleted", "StepFailed", "RunFailed", "RunCancelled"]),
  prompt_id: Schema.String
})
const isOutputEnd = Schema.is(OutputEndEvent)

/** Whether a durable event replaces a streamed text. */
const endsPartialOutput = (view: PublishedEvent, output: PartialOutput): boolean =>
  isOutputEnd(view.event) && view.event.prompt_id === output.prompt_id

/** Makes the confirmed state the base; before the first `subscribed` there is none. */
export const advanceBase = (replica: Replica): Replica =>
  replica.position === undefined ? replica : { ...replica, base: replica.confirmed }

/** Rebases: decides pending commands on the base, by the kind's own rules (SYN10). */
export const applyOptimistic = (
  replica: Replica,
  { attestation, me, signCommands: signed }: Pick<Config, "attestation" | "me" | "signCommands">,
  commands: ReadonlyArray<OptimisticCommand>
): Replica => {
  const { base } = replica
  if (base === undefined) return replica
  let state: unknown = base
  const principal = attestation === undefined ? principalOf(me) : agentOf(attestation)
  const applied: Array<CommandId> = []
  for (const { at, id, input, seed } of commands) {
    if (input === undefined) continue
    const decision = replica.kind.decide(state, input, { id, author: me, principal, now: at, seed, signed })
    // A local rejection is not final: the server may have more events. A forwarded command has no effect here yet.
    if (Result.isFailure(decision) || decision.success._tag === "Forward") continue
    const next = foldDecision(replica.kind, state, decision.success.events)
    if (Result.isFailure(next)) continue
    state = next.success
    applied.push(id)
  }
  return { ...replica, state, optimisticCommands: applied }
}

/** Removes the optimistic effect of all commands. */
export const discardOptimistic = (replica: Replica): Replica => ({
  ...replica,
  base: replica.base === undefined ? undefined : replica.confirmed,
  state: replica.confirmed,
  optimisticCommands: []
})
