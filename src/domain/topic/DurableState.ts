/** The durable state of a topic: the fold of its log, its position there, and what follows from the state. */
import { Result } from "effect"
import type { Author, Instant, Position } from "../protocol/Ids.ts"
import type { Entry } from "./Log.ts"
import { type AnyKind, type Intent, type Listing, upcast } from "./Topic.ts"

/** The values that a kind derives from a state: the outstanding intents, the next timer, the directory entry. */
export interface DerivedState {
  readonly pending: ReadonlyArray<Intent>
  readonly wakeAt: Instant | undefined
  readonly listing: Listing | undefined
}

/** The state after the entry `seq` of the log `epoch`. */
export interface DurableState extends DerivedState, Position {
  readonly state: unknown
}

/** The epoch of a topic that has no log yet. Its first append gives it a real one. */
export const noEpoch = "unborn"

/** Stands for the state of a topic that has not been loaded. */
export const notLoaded: DurableState = {
  epoch: noEpoch,
  seq: 0,
  state: undefined,
  pending: [],
  wakeAt: undefined,
  listing: undefined
}

/** Derives the values of a state (TOP1). Exceptions of the kind propagate. */
export const derive = (kind: AnyKind, state: unknown): DerivedState => ({
  pending: kind.pending(state),
  wakeAt: kind.nextWake(state),
  listing: kind.listing(state)
})

/**
 * TOP9: an entry with its event in the kind's present version, whatever version it was written with. Fails with what is
 * wrong when the kind has no upcaster for it.
 */
export const upcastEntry = (kind: AnyKind, entry: Entry): Result.Result<Entry, string> =>
  Result.map(upcast(kind, entry.version, entry.event), (event) => ({ ...entry, event }))

/**
 * TOP2: the state after further entries of a log, which are of the kind's present version. Throws what the kind throws.
 */
export const replay = (
  kind: AnyKind,
  base: Pick<DurableState, "epoch" | "seq" | "state">,
  entries: ReadonlyArray<Entry>
): DurableState => {
  const state = entries.reduce((state, entry) => kind.evolve(state, entry.event), base.state)
  return { epoch: base.epoch, seq: base.seq + entries.length, state, ...derive(kind, state) }
}

/**
 * SYN8: whether `head` is a later position of the log that a state was folded from. A log that is shorter, or of another
 * epoch, was restored or replaced: the topic is loaded anew.
 */
export const isSameLog = (durable: Position, head: Position | undefined): head is Position =>
  head !== undefined && head.seq >= durable.seq && (durable.epoch === head.epoch || durable.epoch === noEpoch)

/** Whether two directory entries admit the same readers. False for topics without one: their kind decides each time. */
export const hasSameReaders = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a !== undefined && b !== undefined && a.visibility === b.visibility && hasSameMembers(a.members, b.members)

const hasSameMembers = (a: ReadonlyArray<Author>, b: ReadonlyArray<Author>): boolean =>
  a === b || a.length === b.length && a.every((member, i) => member === b[i])

/** Whether two directory entries are equal, so that the directory need not be written. */
export const isSameListing = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a === b ||
  hasSameReaders(a, b) && a?.title === b?.title && a?.status === b?.status && a?.updatedAt === b?.updatedAt
