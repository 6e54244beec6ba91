/** When a snapshot is written, and which one a load may start from. A snapshot is a cache: without one, loading takes longer (TOP7). */
import type { AnyKind } from "./Topic.ts"

/** A state after the entry `seq`, encoded by version `version` of its kind. */
export interface Snapshot {
  readonly seq: number
  readonly version: number
  /** JSON text of the kind's `State`. */
  readonly state: string
  /** The seqs of the entries that its texts stand beside (TOP10). */
  readonly textSeqs: ReadonlyArray<number>
}

/** TOP7: whether the events since the last snapshot call for the next one. */
export const isSnapshotDue = (seq: number, lastSnapshotSeq: number, snapshotEvery: number): boolean =>
  seq - lastSnapshotSeq >= snapshotEvery

/** TOP7: whether a load may start from a snapshot: written by this version of the kind, and not ahead of the log. */
export const isUsable = (snapshot: Snapshot, kind: AnyKind, headSeq: number): boolean =>
  snapshot.version === kind.version && snapshot.seq <= headSeq
