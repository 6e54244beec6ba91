/** What every implementation of the event log shares: chaining drafts, and checking what is read back (TOP5, FLT5). */
import { Effect, Random, Result } from "effect"
import { hash as digest } from "node:crypto"
import type { TopicId } from "../../domain/Ids.ts"
import * as Log from "../../domain/Log.ts"
import { type Append, EventLogError, type Head, LogCorrupt, WrongSeq } from "../../services/EventLog.ts"
import { hex128 } from "../Entropy.ts"

/** SHA-256 as the log's hash function. */
export const sha256: Log.Hash = (text) => digest("sha256", text, "hex")

/** The name of a new log: 128 random bits. Unique, not secret. */
export const newEpoch: Effect.Effect<string> = Effect.map(Random.Random, hex128)

/** A log that has no entry yet. */
export const unborn = (topic: TopicId, epoch: string): Head => ({
  position: { epoch, seq: 0 },
  hash: Log.genesis(topic)
})

/** Links the append's drafts to the log at `head`, unless somebody else got there first. */
export const chain = (head: Head, append: Append): Result.Result<ReadonlyArray<Log.Entry>, EventLogError> => {
  const { drafts, expected, topic } = append
  const at = head.position.seq
  if (at !== expected) return Result.fail(new EventLogError({ reason: new WrongSeq({ topic, expected, head: at }) }))
  let prev = head.hash
  return Result.succeed(drafts.map((draft) => {
    const entry = Log.link(sha256, prev, draft)
    prev = entry.hash
    return entry
  }))
}

/** Where the log stands after `entries`. */
export const advance = (head: Head, entries: ReadonlyArray<Log.Entry>): Head => {
  const last = entries.at(-1)
  return last === undefined ? head : { position: { ...head.position, seq: last.seq }, hash: last.hash }
}

/** Drafts that do not follow `expected` one by one are a defect of the caller. */
export const checkDrafts = ({ drafts, expected, topic }: Append): Effect.Effect<void> =>
  drafts.every((draft, i) => draft.topic === topic && draft.seq === expected + 1 + i)
    ? Effect.void
    : Effect.die(`drafts for ${topic} do not follow ${expected}`)

export const corrupt = (topic: TopicId, seq: number, fault: string): EventLogError =>
  new EventLogError({ reason: new LogCorrupt({ topic, seq, fault }) })

/**
 * Checks what was read of a log at `head`: entries `first` to `last`, where `first` is 1 or the entry that the wanted
 * ones are tied to. All must be there, linked and unaltered.
 */
export const check = (
  topic: TopicId,
  head: Head,
  { first, last }: { readonly first: number; readonly last: number },
  entries: ReadonlyArray<Log.Entry>
): EventLogError | undefined => {
  const prev = first === 1 ? Log.genesis(topic) : entries[0]?.prev ?? ""
  const broken = Log.verify(sha256, { seq: first - 1, hash: prev }, entries)
  if (broken !== undefined) return corrupt(topic, broken.seq, broken.fault)
  if (entries.length !== last - first + 1) return corrupt(topic, first + entries.length, "gap")
  return last === head.position.seq && entries.at(-1)?.hash !== head.hash ? corrupt(topic, last, "altered") : undefined
}
