/**
 * A client's copy of one topic: the fold of a prefix of its log, and on top the
 * commands that are not decided yet. `Ephemeral` moves what it shows beside that.
 *
 * Pure. A copy moves only from its own position (SYN3); anything else is `undefined`, and the caller asks again.
 */
import { Result, Schema } from "effect"
import type { CommandId, Instant, Position, TopicId, UserId } from "../domain/Ids.ts"
import type { EventView, Presence, ServerMessageOf, SignalView } from "../domain/Protocol.ts"
import * as StateHash from "../domain/StateHash.ts"
import { type AnyKind, fold } from "../domain/Topic.ts"
import type { Fault } from "./Fault.ts"

/** How a copy stands to the server. */
export type Sync =
  /** To be asked for from `notBefore` on, as soon as the connection is there. */
  | { readonly _tag: "Wanted"; readonly notBefore: Instant }
  | { readonly _tag: "Asked"; readonly ref: string }
  | { readonly _tag: "Live" }
  /** The server does not show this topic to us. */
  | { readonly _tag: "Refused"; readonly fault: Fault }

/** A signal and when it arrived here. */
export interface Heard extends SignalView {
  readonly at: Instant
}

/** The text of a Chorus step as far as it has been heard (CHO5). */
export type Running = Omit<ServerMessageOf<"chorus_response">, "_tag" | "offset">

/** Somebody's command that has no visible effect in the log yet. */
export interface Expected {
  readonly id: CommandId
  readonly command: unknown
  readonly at: Instant
  readonly seed: number
}

/** How a copy compares with the hashes that the server says (SYN7). */
export interface Checked {
  /** What was hashed last: the next hash costs what has changed since. */
  readonly state: unknown
  /** Hashes that were found right and not reported yet. */
  readonly matches: number
  /** Deltas in a row after which the copy was another. */
  readonly misses: number
  /** False when even the snapshot reads as another state: the server is of another version, and comparing is no use. */
  readonly comparable: boolean
}

export interface Replica {
  readonly topic: TopicId
  readonly kind: AnyKind
  readonly sync: Sync
  /** Undefined until the first answer. */
  readonly position: Position | undefined
  /** What the server has decided, up to `position`. */
  readonly decided: unknown
  /** `decided`, and on top of it what we expect of our own commands. */
  readonly state: unknown
  readonly checked: Checked
  /** The ids of our commands whose expected effect is in `state`. */
  readonly pending: ReadonlyArray<CommandId>
  readonly presence: ReadonlyArray<Presence>
  readonly signals: ReadonlyArray<Heard>
  readonly running: ReadonlyArray<Running>
}

export const make = (topic: TopicId, kind: AnyKind): Replica => {
  const initial = kind.initial(topic)
  return {
    topic,
    kind,
    sync: { _tag: "Wanted", notBefore: 0 },
    position: undefined,
    decided: initial,
    state: initial,
    checked: { state: undefined, matches: 0, misses: 0, comparable: true },
    pending: [],
    presence: [],
    signals: [],
    running: []
  }
}

/** The connection is gone: what is logged stays, what is shared for the moment goes. */
export const disconnect = (replica: Replica): Replica => ({
  ...replica,
  sync: { _tag: "Wanted", notBefore: 0 },
  presence: [],
  signals: [],
  running: []
})

/** To be asked for again; `whole` gives up the own position, so that a snapshot comes. */
export const want = (replica: Replica, notBefore: Instant, whole: boolean): Replica => ({
  ...replica,
  sync: { _tag: "Wanted", notBefore },
  position: whole ? undefined : replica.position
})

/** The one answer to `subscribe`. Undefined when it does not lead from our position to the one it names. */
export const subscribed = (
  replica: Replica,
  message: ServerMessageOf<"subscribed">,
  at: Instant
): Replica | undefined => {
  const decided = message.mode === "snapshot" ? restore(replica.kind, message.state) : catchUp(replica, message)
  if (decided === undefined) return undefined
  return {
    ...replica,
    sync: { _tag: "Live" },
    position: message.position,
    decided: decided.state,
    presence: message.presence,
    signals: message.signals.map((signal) => ({ ...signal, at })),
    running: []
  }
}

const restore = (kind: AnyKind, snapshot: unknown): { readonly state: unknown } | undefined => {
  const state = Schema.decodeUnknownExit(Schema.toCodecJson(kind.State))(snapshot)
  return state._tag === "Success" ? { state: state.value } : undefined
}

const catchUp = (
  replica: Replica,
  message: ServerMessageOf<"subscribed">
): { readonly state: unknown } | undefined => {
  const own = replica.position
  const events = message.events ?? []
  return own === undefined || own.epoch !== message.position.epoch || own.seq + events.length !== message.position.seq
    ? undefined
    : advance(replica, own.seq, events)
}

/**
 * Live events. The same copy when it has them already; undefined when they do not start at its position, or when
 * this client does not understand them.
 */
export const delta = (replica: Replica, message: ServerMessageOf<"delta">): Replica | undefined => {
  const own = replica.position
  if (own === undefined) return undefined
  if (message.to <= own.seq) return replica
  if (message.from !== own.seq || message.to - message.from !== message.events.length) return undefined
  const next = advance(replica, own.seq, message.events)
  return next === undefined ? undefined : {
    ...replica,
    position: { epoch: own.epoch, seq: message.to },
    decided: next.state,
    running: replica.running.filter((text) => !message.events.some((view) => ends(view, text)))
  }
}

/**
 * Compares a copy that has just moved with the server's hash of it, if it said one. `found` is the copy's own hash when
 * that is another.
 */
export const check = (
  replica: Replica,
  expected: StateHash.StateHash | undefined,
  whole: boolean
): { readonly replica: Replica; readonly found: StateHash.StateHash | undefined } => {
  const { checked, decided } = replica
  if (expected === undefined || !whole && !checked.comparable) return { replica, found: undefined }
  const hash = StateHash.of(decided, checked.state)
  const right = hash === expected
  const { matches, misses } = checked
  return {
    replica: {
      ...replica,
      checked: {
        state: decided,
        matches: right ? matches + 1 : matches,
        misses: whole ? misses : right ? 0 : misses + 1,
        comparable: right || !whole
      }
    },
    found: right ? undefined : hash
  }
}

/** The matches have been reported. */
export const reported = (replica: Replica): Replica => ({ ...replica, checked: { ...replica.checked, matches: 0 } })

const advance = (
  replica: Replica,
  from: number,
  views: ReadonlyArray<EventView>
): { readonly state: unknown } | undefined => {
  const decode = Schema.decodeUnknownExit(replica.kind.Event)
  const events: Array<unknown> = []
  for (const [index, view] of views.entries()) {
    const event = decode(view.event)
    if (view.seq !== from + index + 1 || event._tag === "Failure") return undefined
    events.push(event.value)
  }
  return { state: fold(replica.kind, replica.decided, events) }
}

const Ending = Schema.Struct({
  _tag: Schema.Literals(["StepCompleted", "StepFailed", "RunFailed", "RunCancelled"]),
  prompt_id: Schema.String
})
const isEnding = Schema.is(Ending)

/** Whether a durable event takes the place of a running text. */
const ends = (view: EventView, text: Running): boolean =>
  isEnding(view.event) && view.event.prompt_id === text.prompt_id

/** Puts the commands that are still expected on top of what is decided, by the kind's own rules (SYN10). */
export const expect = (
  replica: Replica,
  { me, signCommands: signed = false }: { readonly me: UserId; readonly signCommands?: boolean },
  commands: ReadonlyArray<Expected>
): Replica => {
  let state = replica.decided
  const pending: Array<CommandId> = []
  // Before the first answer there is nothing that a rule could be put to.
  for (const { at, command, id, seed } of replica.position === undefined ? [] : commands) {
    const decision = replica.kind.decide(state, command, { id, author: me, now: at, seed, signed })
    // A refusal here is the server's to pronounce; a forwarded command shows nothing yet.
    if (Result.isFailure(decision) || decision.success._tag === "Forward") continue
    state = fold(replica.kind, state, decision.success.events)
    pending.push(id)
  }
  return { ...replica, state, pending }
}

/** Only what is decided. */
export const settle = (replica: Replica): Replica => ({ ...replica, state: replica.decided, pending: [] })
