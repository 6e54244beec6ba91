/**
 * The log of a topic as data: its genesis, its entries, and the hash chain that ties each to the one before it (TOP3,
 * TOP5). `docs/format.md` defines every field; the format is kept for ever (TOP9).
 */
import { Schema, Struct } from "effect"
import { canonicalJson } from "../protocol/CanonicalJson.ts"
import { Hash, type HashFunction } from "../protocol/Hash.ts"
import { hostOf, Instant, kindOf, type Position, TopicId } from "../protocol/Ids.ts"
import { PublishedEvent } from "../protocol/Protocol.ts"
import type { Openings } from "../protocol/Seal.ts"
import { openingsOf, readTexts, SealedText } from "./SealedText.ts"

/** A log that another one goes on from: its entry `seq`, by hash. */
const Origin = Schema.Struct({ epoch: Schema.String, hash: Hash, seq: Schema.Natural, topic: TopicId })

/** The format of genesis and entries. */
export const logFormat = "choir/log/1"

/** The beginning of a log, made by its first append. The first entry is linked to its hash. */
export const Genesis = Schema.Struct({
  created: Instant,
  /** The first epoch of the log (SYN8). */
  epoch: Schema.String,
  format: Schema.Literal(logFormat),
  host: Schema.String,
  kind: Schema.String,
  /** The log that this one was forked from. */
  origin: Schema.optionalKey(Origin),
  /** The topic that this one is part of. */
  parent: Schema.optionalKey(TopicId),
  topic: TopicId,
  /** The kind's event version when the log began. */
  version: Schema.Natural
})
export type Genesis = typeof Genesis.Type

/** One event as stored; `seq` counts 1, 2, 3, … without a gap. */
export const Entry = Schema.Struct({
  ...Struct.omit(PublishedEvent.fields, ["open"]),
  topic: TopicId,
  /** The epoch in which it was appended. */
  epoch: Schema.String,
  /** The hash of the entry before; of the genesis for the first. */
  prev: Hash
})

/**
 * An entry, with the openings of its texts that were not erased. `event` is what JSON makes of the kind's event. They stand beside
 * this entry, or beside an earlier one with the same seals, which `textSeqs` names.
 */
export interface Entry extends Omit<typeof Entry.Type, "event"> {
  readonly event: unknown
  readonly open: Openings
  readonly textSeqs: TextSeqs
}

/** An entry, or one that was just appended: without `open`, since `event` is the kind's own, which has the texts. */
export interface AppendedEntry extends Omit<Entry, "open"> {
  readonly open?: Openings
}

/** The openings of the texts of an entry. */
export const openingsOfEntry = ({ event, open }: AppendedEntry): Openings => open ?? openingsOf(event)

/** Seqs of entries that texts stand beside, by commitment. */
export type TextSeqs = Readonly<Record<string, number>>

/** Every text of an entry stands beside itself. */
export const noTextSeqs: TextSeqs = {}

/** An entry that has not been chained yet; the texts of its event can be opened. */
export interface UnchainedEntry extends Omit<Entry, "epoch" | "prev" | "hash" | "open" | "textSeqs"> {}

/** The hash that the first entry of a log is linked to. */
export const genesisHash = (hash: HashFunction, genesis: Genesis): string =>
  hash(`choir/genesis/1\n${canonicalJson(genesis)}`)

/** An entry without its openings: all that the chain is made of. */
export interface LinkedEntry extends Omit<Entry, "open" | "textSeqs"> {}

/** The fields of an entry that its hash covers. */
export interface HashedFields extends Omit<LinkedEntry, "hash"> {}

/**
 * The hash of an entry (TOP5): of the canonical JSON of all its fields but the hash. Openings are no part of it, so that
 * it stays the same when they are erased.
 */
export const entryHash = (
  hash: HashFunction,
  { answers, at, cause, command_hash, depth, epoch, event, prev, principal, seq, signature, topic, version, via }:
    HashedFields,
  { json, principalJson }: Pick<StoredEvent, "json" | "principalJson"> = {
    json: canonicalJson(event),
    principalJson: canonicalJson(principal)
  }
): string => {
  const text = JSON.stringify
  const optional = (name: string, value: unknown) => value === undefined ? "" : `"${name}":${canonicalJson(value)},`
  // The fields in the order of their names. Written out, since every entry is hashed when it is written and when it is read.
  return hash(
    `choir/entry/1\n{${optional("answers", answers)}"at":${at},"cause":${text(cause)},` +
      `${optional("command_hash", command_hash)}"depth":${depth},"epoch":${text(epoch)},"event":${json},` +
      `"prev":${text(prev)},"principal":${principalJson},"seq":${seq},${optional("signature", signature)}` +
      `"topic":${text(topic)},"version":${version}${via === undefined ? "" : `,"via":${text(via)}`}}`
  )
}

/** The end of a topic's log: the position of the last entry, and the hash that the next one is chained to. */
export interface LogHead {
  readonly position: Position
  /** Empty before the first entry. */
  readonly hash: string
}

/** The head of a log without entries. */
export const emptyHead = (epoch: string): LogHead => ({ position: { epoch, seq: 0 }, hash: "" })

/** The genesis of a log whose first entry is `first`. */
const makeGenesis = ({ at, topic, version }: UnchainedEntry, epoch: string): Genesis => ({
  created: at,
  epoch,
  format: logFormat,
  host: hostOf(topic),
  kind: kindOf(topic),
  topic,
  version
})

/** Whether drafts are numbered on from `expectedSeq` without a gap, all of one topic (TOP3). */
export const isContiguous = (topic: TopicId, expectedSeq: number, drafts: ReadonlyArray<UnchainedEntry>): boolean =>
  drafts.every((draft, i) => draft.topic === topic && draft.seq === expectedSeq + 1 + i)

/** What an append adds to a log: its genesis, if this is the first, the entries, and the head after them. */
export interface ChainedDrafts {
  readonly genesis: Genesis | undefined
  readonly entries: ReadonlyArray<AppendedEntry>
  /** What is stored of each entry's event, in the order of the entries. */
  readonly events: ReadonlyArray<StoredEvent>
  readonly head: LogHead
}

/** What is stored of an event. */
export interface StoredEvent {
  /** Canonical JSON. */
  readonly json: string
  /** The canonical JSON of its principal. */
  readonly principalJson: string
  /** The texts that stand beside its entry, by commitment. */
  readonly texts: ReadonlyMap<string, SealedText>
  /** The commitments to those of its texts that may have been set aside before. */
  readonly aside: ReadonlyArray<string>
}

/** What is stored of a draft, and its texts as an entry names them. */
const storeDraft = ({ event, principal, seq }: UnchainedEntry) => {
  const stored = new Map<string, SealedText>()
  const aside: Array<string> = []
  let textSeqs: Record<string, number> | undefined
  readTexts(event, (text) => {
    if (text.text === null) return
    // A text that was written before its topic decided it.
    if (!SealedText.isComputed(text)) aside.push(text.c)
    const storedAt = SealedText.seqOf(text) ?? seq
    if (storedAt === seq) stored.set(text.c, text)
    else (textSeqs ??= Object.create(null) as Record<string, number>)[text.c] = storedAt
  })
  return {
    stored: { json: canonicalJson(event), principalJson: canonicalJson(principal), texts: stored, aside },
    textSeqs: textSeqs ?? noTextSeqs
  }
}

/** An entry as it is read: with what stands beside it, and beside the earlier entries that it names. */
export const openEntry = (entry: Entry, openAt: (seq: number) => Openings | undefined): Entry => {
  if (entry.textSeqs === noTextSeqs) return entry
  const earlier = Object.entries(entry.textSeqs).flatMap(([c, seq]) => {
    const opening = openAt(seq)?.[c]
    return opening === undefined ? [] : [[c, opening] as const]
  })
  return { ...entry, open: { ...entry.open, ...Object.fromEntries(earlier) } }
}

/**
 * TOP3, TOP5: links drafts to the log at `head`; undefined when the log is not at `expectedSeq`, since another writer
 * appended first.
 */
export const chainDrafts = (
  hash: HashFunction,
  head: LogHead,
  expectedSeq: number,
  drafts: ReadonlyArray<UnchainedEntry>
): ChainedDrafts | undefined => {
  if (head.position.seq !== expectedSeq) return undefined
  const [first] = drafts
  if (first === undefined) return { genesis: undefined, entries: [], events: [], head }
  const { epoch } = head.position
  const genesis = expectedSeq === 0 ? makeGenesis(first, epoch) : undefined
  let prev = genesis === undefined ? head.hash : genesisHash(hash, genesis)
  const events: Array<StoredEvent> = []
  const entries = drafts.map((draft): AppendedEntry => {
    const { stored, textSeqs } = storeDraft(draft)
    events.push(stored)
    const entry = { ...draft, epoch, prev, hash: "", textSeqs }
    prev = entry.hash = entryHash(hash, entry, stored)
    return entry
  })
  return { genesis, entries, events, head: { position: { epoch, seq: expectedSeq + drafts.length }, hash: prev } }
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
  entries: ReadonlyArray<LinkedEntry>
): ChainBreak | undefined => {
  let { hash: prev, seq } = head
  for (const entry of entries) {
    seq += 1
    const fault = entry.seq !== seq
      ? "gap"
      : entry.prev !== prev
      ? "unlinked"
      : entry.hash !== entryHash(hash, entry)
      ? "altered"
      : undefined
    if (fault !== undefined) return { topic: entry.topic, seq: entry.seq, fault }
    prev = entry.hash
  }
  return undefined
}

/**
 * FLT5: the first fault of a range read from the log at `head`: the entries `first` to `last`, where `first` is 1 or the
 * entry that the wanted ones are linked to. All of them must be there, linked and unaltered, from the genesis if the range
 * begins with 1, and up to the head's own hash.
 */
export const verifyRange = (
  hash: HashFunction,
  topic: TopicId,
  head: LogHead,
  { first, genesis, last }: { readonly first: number; readonly last: number; readonly genesis: Genesis | undefined },
  entries: ReadonlyArray<LinkedEntry>
): ChainBreak | undefined => {
  const prev = first > 1 ? entries[0]?.prev ?? "" : genesis === undefined ? "" : genesisHash(hash, genesis)
  const chainBreak = verifyChain(hash, { seq: first - 1, hash: prev }, entries)
  if (chainBreak !== undefined) return { ...chainBreak, topic }
  if (entries.length !== last - first + 1) return { topic, seq: first + entries.length, fault: "gap" }
  return last === head.position.seq && entries.at(-1)?.hash !== head.hash
    ? { topic, seq: last, fault: "altered" }
    : undefined
}
