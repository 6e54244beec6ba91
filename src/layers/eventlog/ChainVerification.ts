/** What every implementation of the event log shares: chaining drafts, and checking what is read back (TOP5, FLT5). */
import { Effect, Random, Result } from "effect"
import { hash as digest } from "node:crypto"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import * as Log from "../../domain/topic/Log.ts"
import { type AppendRequest, EventLogError, LogCorrupt, type LogHead, SeqConflict } from "../../services/EventLog.ts"
import { randomHex128 } from "../runtime/Entropy.ts"

/** SHA-256 as the log's hash function. */
export const sha256: Log.HashFunction = (text) => digest("sha256", text, "hex")

/** The name of a new log: 128 random bits. Unique, not secret. */
export const generateEpoch: Effect.Effect<string> = Effect.map(Random.Random, randomHex128)

/** A log that has no entry yet. */
export const emptyHead = (topic: TopicId, epoch: string): LogHead => ({
  position: { epoch, seq: 0 },
  hash: Log.genesisHash(topic)
})

/** Links the append's drafts to the log at `head`, unless somebody else got there first. */
export const chainDrafts = (
  head: LogHead,
  request: AppendRequest
): Result.Result<ReadonlyArray<Log.Entry>, EventLogError> => {
  const { drafts, expectedSeq, topic } = request
  const headSeq = head.position.seq
  if (headSeq !== expectedSeq) {
    return Result.fail(new EventLogError({ reason: new SeqConflict({ topic, expected: expectedSeq, head: headSeq }) }))
  }
  let prev = head.hash
  return Result.succeed(drafts.map((draft) => {
    const entry = Log.chainEntry(sha256, prev, draft)
    prev = entry.hash
    return entry
  }))
}

/** Where the log stands after `entries`. */
export const advanceHead = (head: LogHead, entries: ReadonlyArray<Log.Entry>): LogHead => {
  const last = entries.at(-1)
  return last === undefined ? head : { position: { ...head.position, seq: last.seq }, hash: last.hash }
}

/** Drafts that do not follow `expected` one by one are a defect of the caller. */
export const assertContiguousDrafts = ({ drafts, expectedSeq, topic }: AppendRequest): Effect.Effect<void> =>
  drafts.every((draft, i) => draft.topic === topic && draft.seq === expectedSeq + 1 + i)
    ? Effect.void
    : Effect.die(`drafts for ${topic} do not follow ${expectedSeq}`)

export const logCorrupt = (topic: TopicId, seq: number, damage: string): EventLogError =>
  new EventLogError({ reason: new LogCorrupt({ topic, seq, damage }) })

/**
 * Checks what was read of a log at `head`: entries `first` to `last`, where `first` is 1 or the entry that the wanted
 * ones are tied to. All must be there, linked and unaltered.
 */
export const verifyRange = (
  topic: TopicId,
  head: LogHead,
  { first, last }: { readonly first: number; readonly last: number },
  entries: ReadonlyArray<Log.Entry>
): EventLogError | undefined => {
  const prev = first === 1 ? Log.genesisHash(topic) : entries[0]?.prev ?? ""
  const chainBreak = Log.verifyChain(sha256, { seq: first - 1, hash: prev }, entries)
  if (chainBreak !== undefined) return logCorrupt(topic, chainBreak.seq, chainBreak.fault)
  if (entries.length !== last - first + 1) return logCorrupt(topic, first + entries.length, "gap")
  return last === head.position.seq && entries.at(-1)?.hash !== head.hash
    ? logCorrupt(topic, last, "altered")
    : undefined
}
