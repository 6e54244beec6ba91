/** Stores a topic's snapshots: every so many events, and before the topic leaves memory (TOP7). */
import { Effect } from "effect"
import type { TopicId } from "../../domain/protocol/Ids.ts"
import type { Limits } from "../../domain/protocol/Limits.ts"
import type { DurableState } from "../../domain/topic/DurableState.ts"
import { isSnapshotDue } from "../../domain/topic/Snapshots.ts"
import type { AnyKind } from "../../domain/topic/Topic.ts"
import type { EventLog } from "../../services/EventLog.ts"
import { jsonText } from "../delivery/SharedFrame.ts"
import type { CatchUps } from "./CatchUps.ts"

/** The dependencies of a snapshot writer. */
export interface SnapshotWriterDependencies {
  readonly log: EventLog["Service"]
  readonly limits: Pick<Limits, "snapshotEvery">
}

/** One topic's snapshots. */
export class SnapshotWriter {
  private readonly topic: TopicId
  private readonly kind: AnyKind
  private readonly dependencies: SnapshotWriterDependencies
  private readonly catchUps: CatchUps
  private savedSeq = 0

  constructor(topic: TopicId, kind: AnyKind, dependencies: SnapshotWriterDependencies, catchUps: CatchUps) {
    this.topic = topic
    this.kind = kind
    this.dependencies = dependencies
    this.catchUps = catchUps
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
    return Effect.flatMap(this.catchUps.encodeSnapshot(durable), (snapshot) => {
      if (snapshot === undefined) return Effect.void
      this.savedSeq = durable.seq
      const encodedSnapshot = { seq: durable.seq, version: this.kind.version, state: jsonText(snapshot.state) }
      return Effect.ignore(this.dependencies.log.saveSnapshot(this.topic, encodedSnapshot), { log: "Warn" })
    })
  }
}
