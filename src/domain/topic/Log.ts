/**
 * The log of a topic as data: entries, and the hash chain that ties each to
 * the one before it (TOP3, TOP5).
 *
 * The hash function is an argument, so that this file runs in a browser and in
 * the simulator as well as in the server.
 */
import { Schema } from "effect"
import { Author, CommandId, Instant, type Position, TopicId } from "../protocol/Ids.ts"
import { SignedCommand } from "../protocol/SignedCommand.ts"
import { StateHash } from "../protocol/StateHash.ts"

/** One event as stored. `cause` is the command that it came from; several events may share one. */
export const Entry = Schema.Struct({
  topic: TopicId,
  /** 1, 2, 3, … without a gap. */
  seq: Schema.Natural,
  at: Instant,
  cause: CommandId,
  author: Author,
  /** The kind's event version at the time of writing. */
  version: Schema.Natural,
  event: Schema.Json,
  /** The command itself where its author signed it (AUT5), on the first of its events. */
  signed: Schema.optionalKey(SignedCommand),
  /** The hash of a user's command, on the last of its events: its id is valid for this command only (SYN4). */
  asked: Schema.optionalKey(StateHash),
  /** Hash of the entry before; `genesis(topic)` for the first. */
  prev: Schema.String,
  hash: Schema.String
})
export type Entry = typeof Entry.Type

/** An entry that has not been chained yet. */
export type UnchainedEntry = Omit<Entry, "prev" | "hash">

/** SHA-256 of a UTF-8 text, as 64 hex digits. */
export type HashFunction = (text: string) => string

/** `prev` of a topic's first entry. */
export const genesisHash = (topic: TopicId): string => `genesis:${topic}`

/**
 * The text whose hash is an entry's hash. A JSON array separates the fields unambiguously. Its first element names the
 * format: entries written before signatures (v1) or command hashes (v3) existed still verify.
 */
export const preimage = (prev: string, entry: UnchainedEntry): string => {
  const { asked, at, author, cause, event, seq, signed, topic, version } = entry
  const fields = [prev, topic, seq, at, cause, author, version, event]
  if (asked !== undefined) return JSON.stringify(["choir/log/v3", ...fields, signed ?? null, asked])
  return JSON.stringify(signed === undefined ? ["choir/log/v1", ...fields] : ["choir/log/v2", ...fields, signed])
}

/** An entry, linked to the one whose hash is `prev` (TOP5). */
export const chainEntry = (hash: HashFunction, prev: string, entry: UnchainedEntry): Entry => ({
  ...entry,
  prev,
  hash: hash(preimage(prev, entry))
})

/** The end of a topic's log: the position of the last entry, and the hash that the next one is chained to. */
export interface LogHead {
  readonly position: Position
  readonly hash: string
}

/** The head of a log without entries. */
export const emptyHead = (topic: TopicId, epoch: string): LogHead => ({
  position: { epoch, seq: 0 },
  hash: genesisHash(topic)
})

/** The head after `entries` were appended. */
export const advanceHead = (head: LogHead, entries: ReadonlyArray<Entry>): LogHead => {
  const last = entries.at(-1)
  return last === undefined ? head : { position: { ...head.position, seq: last.seq }, hash: last.hash }
}

/** Whether drafts are numbered on from `expectedSeq` without a gap, all of one topic (TOP3). */
export const isContiguous = (topic: TopicId, expectedSeq: number, drafts: ReadonlyArray<UnchainedEntry>): boolean =>
  drafts.every((draft, i) => draft.topic === topic && draft.seq === expectedSeq + 1 + i)

/**
 * TOP3, TOP5: the entries that an append adds to the log at `head`; undefined when the log is not at `expectedSeq`, since
 * another writer appended first.
 */
export const chainDrafts = (
  hash: HashFunction,
  head: LogHead,
  expectedSeq: number,
  drafts: ReadonlyArray<UnchainedEntry>
): ReadonlyArray<Entry> | undefined => {
  if (head.position.seq !== expectedSeq) return undefined
  let prev = head.hash
  return drafts.map((draft) => {
    const entry = chainEntry(hash, prev, draft)
    prev = entry.hash
    return entry
  })
}

/** The first entry of a chain that is out of order, unlinked or altered. */
export interface ChainBreak {
  readonly topic: TopicId
  readonly seq: number
  readonly fault: "gap" | "unlinked" | "altered"
}

/** TOP5, FLT5: the first fault of entries that follow `head`; undefined when there is none. */
export const verifyChain = (
  hash: HashFunction,
  head: { readonly seq: number; readonly hash: string },
  entries: ReadonlyArray<Entry>
): ChainBreak | undefined => {
  let { hash: prev, seq } = head
  for (const entry of entries) {
    seq += 1
    const fault = entry.seq !== seq
      ? "gap"
      : entry.prev !== prev
      ? "unlinked"
      : entry.hash !== hash(preimage(prev, entry))
      ? "altered"
      : undefined
    if (fault !== undefined) return { topic: entry.topic, seq: entry.seq, fault }
    prev = entry.hash
  }
  return undefined
}

/**
 * FLT5: the first fault of a range read from the log at `head`: the entries `first` to `last`, where `first` is 1 or the
 * entry that the wanted ones are linked to. All of them must be there, linked and unaltered, up to the head's own hash.
 */
export const verifyRange = (
  hash: HashFunction,
  topic: TopicId,
  head: LogHead,
  { first, last }: { readonly first: number; readonly last: number },
  entries: ReadonlyArray<Entry>
): ChainBreak | undefined => {
  const prev = first === 1 ? genesisHash(topic) : entries[0]?.prev ?? ""
  const chainBreak = verifyChain(hash, { seq: first - 1, hash: prev }, entries)
  if (chainBreak !== undefined) return { ...chainBreak, topic }
  if (entries.length !== last - first + 1) return { topic, seq: first + entries.length, fault: "gap" }
  return last === head.position.seq && entries.at(-1)?.hash !== head.hash
    ? { topic, seq: last, fault: "altered" }
    : undefined
}
