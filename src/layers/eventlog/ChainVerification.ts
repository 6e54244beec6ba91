/** The hash chain of `domain/topic/Log.ts` with SHA-256, its faults as errors of the event log (TOP3, TOP5, FLT5). */
import { Effect, Random, Result } from "effect"
import { hash as digest } from "node:crypto"
import type { HashFunction } from "../../domain/protocol/Hash.ts"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import { commitment, type Opening, type Openings, opens } from "../../domain/protocol/Seal.ts"
import * as Log from "../../domain/topic/Log.ts"
import { readTexts, SealedText } from "../../domain/topic/SealedText.ts"
import { type AppendRequest, EventLogError, LogCorrupt, SeqConflict } from "../../services/EventLog.ts"
import { randomHex128 } from "../runtime/Entropy.ts"

/** SHA-256 as the hash function of the log. */
export const sha256: HashFunction = (text) => digest("sha256", text, "base64url")

/** The epoch of a new log: 128 random bits in hex. Unique, not secret. */
export const generateEpoch: Effect.Effect<string> = Effect.map(Random.Random, randomHex128)

/**
 * What an append adds to the log at `head`. Fails with `SeqConflict` when the log is not
 * at the expected seq.
 */
export const chainDrafts = (
  head: Log.LogHead,
  { drafts, expectedSeq, topic }: AppendRequest
): Result.Result<Log.ChainedDrafts, EventLogError> => {
  const chained = Log.chainDrafts(sha256, head, expectedSeq, drafts)
  return chained === undefined
    ? Result.fail(
      new EventLogError({ reason: new SeqConflict({ topic, expected: expectedSeq, head: head.position.seq }) })
    )
    : Result.succeed(chained)
}

/** Dies for drafts that are not numbered on from the expected seq, or whose texts do not fit: a defect of the caller. */
export const assertValidDrafts = ({ drafts, expectedSeq, topic }: AppendRequest): Effect.Effect<void> =>
  Log.isContiguous(topic, expectedSeq, drafts)
    ? drafts.every(({ event }) => areErasedOrFit(event))
      ? Effect.void
      : dieOfMisfit(topic)
    : Effect.die(`drafts for ${topic} are not numbered on from ${expectedSeq}`)

const areErasedOrFit = (event: unknown): boolean => {
  let areFit = true
  readTexts(event, (text) => void (areFit &&= isErasedOrFits(text)))
  return areFit
}

const isErasedOrFits = (text: SealedText): boolean =>
  text.text === null || SealedText.isComputed(text) || opens(sha256, [SealedText.saltOf(text), text.text], text)

/** Nothing could open such a text again (TOP10). */
const dieOfMisfit = (topic: TopicId) => Effect.die(`a text for ${topic} does not fit its commitment`)

/** Dies for texts that do not fit their commitments: a defect of the caller. */
export const assertOpenings = (topic: TopicId, openings: Openings): Effect.Effect<void> =>
  Object.entries(openings).every(([c, opening]) => isOpening(c, opening)) ? Effect.void : dieOfMisfit(topic)

/** Whether a text fits the commitment that it stands beside the log for. */
export const isOpening = (c: string, [salt, text]: Opening): boolean => commitment(sha256, salt, text) === c

/** A log that is not served: `damage` at `seq`. */
export const logCorrupt = (topic: TopicId, seq: number, damage: string): EventLogError =>
  new EventLogError({ reason: new LogCorrupt({ topic, seq, damage }) })

/** The error for the first fault of a range that was read from the log at `head`; undefined when there is none. */
export const verifyRange = (
  topic: TopicId,
  head: Log.LogHead,
  range: Parameters<typeof Log.verifyRange>[3],
  entries: ReadonlyArray<Log.LinkedEntry>
): EventLogError | undefined => {
  const chainBreak = Log.verifyRange(sha256, topic, head, range, entries)
  return chainBreak === undefined ? undefined : logCorrupt(topic, chainBreak.seq, chainBreak.fault)
}
