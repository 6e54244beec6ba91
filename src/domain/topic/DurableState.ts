/** The durable state of a topic: the fold of its log, its position there, and what follows from the state. */
import { Result } from "effect"
import type { Author, Instant, Position } from "../protocol/Ids.ts"
import { codecsFor } from "./KindCodecs.ts"
import type { Entry } from "./Log.ts"
import { isSealedText } from "./SealedText.ts"
import type { AnyKind, Intent, Listing } from "./Topic.ts"

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

/** An entry with its event as the kind sees it: of the present version, with its texts. */
export interface DecodedEntry extends Entry {
  readonly decoded: unknown
}

/** TOP9, TOP10: an entry as its kind sees it. Fails with what is wrong with its event. */
export const decodeEntry = (kind: AnyKind, entry: Entry): Result.Result<DecodedEntry, string> =>
  Result.map(
    codecsFor(kind).readEvent(entry.version, entry.event, entry.open, (c) => entry.textSeqs[c] ?? entry.seq),
    (decoded) => ({ ...entry, decoded })
  )

/** An entry that was just appended: its event is the one that the kind decided. */
export const asDecoded = (entry: Entry): DecodedEntry => ({ ...entry, decoded: entry.event })

/** TOP2: the state after further entries of a log. Throws what the kind throws. */
export const replay = (
  kind: AnyKind,
  base: Pick<DurableState, "epoch" | "seq" | "state">,
  entries: ReadonlyArray<DecodedEntry>
): DurableState => {
  const state = entries.reduce((state, entry) => kind.evolve(state, entry.decoded), base.state)
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

const isSameTitle = (a: Listing["title"] | undefined, b: Listing["title"] | undefined): boolean =>
  a === b || isSealedText(a) && isSealedText(b) && a.c === b.c && (a.text === null) === (b.text === null)

/** Whether the title of a topic was erased from one listing to the next. */
export const isTitleErased = (before: Listing | undefined, after: Listing): boolean =>
  before !== undefined && !hasErasedTitle(before) && hasErasedTitle(after)

const hasErasedTitle = ({ title }: Listing): boolean => isSealedText(title) && title.text === null

/** Whether two directory entries are equal, so that the directory need not be written. */
export const isSameListing = (a: Listing | undefined, b: Listing | undefined): boolean =>
  a === b ||
  hasSameReaders(a, b) && isSameTitle(a?.title, b?.title) && a?.status === b?.status && a?.updatedAt === b?.updatedAt
