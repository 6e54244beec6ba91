/** The hash chain of `domain/topic/Log.ts` with SHA-256, its faults as errors of the event log (TOP3, TOP5, FLT5). */
import { Effect, Random, Result } from "effect"
import { hash as digest } from "node:crypto"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import * as Log from "../../domain/topic/Log.ts"
import { type AppendRequest, EventLogError, LogCorrupt, SeqConflict } from "../../services/EventLog.ts"
import { randomHex128 } from "../runtime/Entropy.ts"

/** SHA-256 as the log's hash function. */
export const sha256: Log.HashFunction = (text) => digest("sha256", text, "hex")

/** The epoch of a new log: 128 random bits in hex. Unique, not secret. */
export const generateEpoch: Effect.Effect<string> = Effect.map(Random.Random, randomHex128)

/** The entries that an append adds to the log at `head`. Fails with `SeqConflict` when the log is not at the expected seq. */
export const chainDrafts = (
  head: Log.LogHead,
  { drafts, expectedSeq, topic }: AppendRequest
): Result.Result<ReadonlyArray<Log.Entry>, EventLogError> => {
  const entries = Log.chainDrafts(sha256, head, expectedSeq, drafts)
  return entries === undefined
    ? Result.fail(
      new EventLogError({ reason: new SeqConflict({ topic, expected: expectedSeq, head: head.position.seq }) })
    )
    : Result.succeed(entries)
}

/** Dies for drafts that are not numbered on from the expected seq: a defect of the caller. */
export const assertContiguousDrafts = ({ drafts, expectedSeq, topic }: AppendRequest): Effect.Effect<void> =>
  Log.isContiguous(topic, expectedSeq, drafts)
    ? Effect.void
    : Effect.die(`drafts for ${topic} are not numbered on from ${expectedSeq}`)

/** A log that is not served: `damage` at `seq`. */
export const logCorrupt = (topic: TopicId, seq: number, damage: string): EventLogError =>
  new EventLogError({ reason: new LogCorrupt({ topic, seq, damage }) })

/** The error for the first fault of a range that was read from the log at `head`; undefined when there is none. */
export const verifyRange = (
  topic: TopicId,
  head: Log.LogHead,
  range: { readonly first: number; readonly last: number },
  entries: ReadonlyArray<Log.Entry>
): EventLogError | undefined => {
  const chainBreak = Log.verifyRange(sha256, topic, head, range, entries)
  return chainBreak === undefined ? undefined : logCorrupt(topic, chainBreak.seq, chainBreak.fault)
}
