/** Stores a topic's snapshots, which hold no text: every so many events, and before the topic leaves memory (TOP7, TOP10). */
import { Effect, Result } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { DurableState } from "../../domain/topic/DurableState.ts"
import { codecsFor } from "../../domain/topic/KindCodecs.ts"
import { readTexts, SealedText } from "../../domain/topic/SealedText.ts"
import { isSnapshotDue } from "../../domain/topic/Snapshots.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { EventLog } from "../../services/EventLog.ts"

/** The dependencies of a snapshot writer. */
export interface SnapshotWriterDependencies {
  readonly log: EventLog["Service"]
  readonly limits: Pick<Limits, "snapshotEvery">
}

/** The seqs of the entries that the texts of a state stand beside. */
const textSeqsOf = (state: unknown): ReadonlyArray<number> => {
  const seqs = new Set<number>()
  readTexts(state, (text) => {
    const seq = text.text === null ? undefined : SealedText.seqOf(text)
    if (seq !== undefined) seqs.add(seq)
  })
  return [...seqs].sort((a, b) => a - b)
}

/** One topic's snapshots. */
export class SnapshotWriter {
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: SnapshotWriterDependencies
  private savedSeq = 0

  constructor(topic: TopicId, kind: AnyKind, dependencies: SnapshotWriterDependencies) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
  }

  /** The topic was loaded from the snapshot at `savedSeq`; 0 without one. */
  reset(savedSeq: number): void {
    this.savedSeq = savedSeq
  }

  saveIfDue(durable: DurableState): Effect.Effect<void> {
    const isDue = isSnapshotDue(durable.seq, this.savedSeq, this.dependencies.limits.snapshotEvery)
    return isDue ? this.save(durable) : Effect.void
  }

  /** A snapshot that the kind cannot encode or the log cannot store is left out. */
  save(durable: DurableState): Effect.Effect<void> {
    if (durable.seq <= this.savedSeq) return Effect.void
    return Effect.suspend(() => {
      const state = codecsFor(this.kind).encodeState(durable.state)
      if (Result.isFailure(state)) {
        return Effect.logError(`the state of ${this.topic} cannot be stored: ${state.failure.message}`)
      }
      this.savedSeq = durable.seq
      const snapshot = {
        seq: durable.seq,
        version: this.kind.version,
        state: JSON.stringify(state.success),
        textSeqs: textSeqsOf(durable.state)
      }
      return Effect.ignore(this.dependencies.log.saveSnapshot(this.topic, snapshot), { log: "Warn" })
    })
  }
}
