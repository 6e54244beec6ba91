/**
 * The log of a topic as data: entries, and the hash chain that ties each to
 * the one before it (TOP3, TOP5).
 *
 * The hash function is an argument, so that this file runs in a browser and in
 * the simulator as well as in the server.
 */
import { Schema } from "effect"
import { Author, CommandId, Instant, TopicId } from "../protocol/Ids.ts"
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
  /** The hash of what a person's command asked, on the last of its events: its id is good for nothing else (SYN4). */
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

/** What stands in `prev` of a topic's first entry. */
export const genesisHash = (topic: TopicId): string => `genesis:${topic}`

/**
 * The text an entry's hash is taken over. A JSON array keeps the fields apart whatever they contain; its name says
 * which fields there are, so that what was written before signatures, or before it was known what was asked, still holds.
 */
export const preimage = (prev: string, entry: UnchainedEntry): string => {
  const { asked, at, author, cause, event, seq, signed, topic, version } = entry
  const fields = [prev, topic, seq, at, cause, author, version, event]
  if (asked !== undefined) return JSON.stringify(["choir/log/v3", ...fields, signed ?? null, asked])
  return JSON.stringify(signed === undefined ? ["choir/log/v1", ...fields] : ["choir/log/v2", ...fields, signed])
}

export const chainEntry = (hash: HashFunction, prev: string, entry: UnchainedEntry): Entry => ({
  ...entry,
  prev,
  hash: hash(preimage(prev, entry))
})

/** Where a chain breaks, if it does: the first entry that is out of order, unlinked or altered. */
export interface ChainBreak {
  readonly topic: TopicId
  readonly seq: number
  readonly fault: "gap" | "unlinked" | "altered"
}

/** Checks entries that follow `after` (a chain's head so far). */
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
