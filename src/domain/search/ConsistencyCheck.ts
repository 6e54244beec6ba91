/**
 * The difference between the search index and the logs, and the smallest repair of it (STO5). Pure: the shell reads both
 * sides; the index may be written to meanwhile.
 */
import type { TopicId } from "../protocol/Ids.ts"
import type { VectorFault } from "./Vector.ts"

/** A point as the logs define it. `digest` is the hash of its whole payload. */
export interface PublishedPoint {
  readonly thread: TopicId
  readonly log_seq: number
  readonly digest: string
}

/** A point as the index holds it. */
export interface IndexedPoint extends PublishedPoint {
  readonly id: string
  readonly fault: VectorFault | undefined
}

/** One difference between the index and the logs. `log_seq` is where the thread's log publishes the point. */
export type Inconsistency =
  /** Published, but not in the index. */
  | { readonly _tag: "Missing"; readonly id: string; readonly thread: TopicId; readonly log_seq: number }
  /** In the index, but not published. */
  | { readonly _tag: "Orphan"; readonly id: string }
  /** In the index with another payload than published, or with the vector of another model. */
  | { readonly _tag: "Stale"; readonly id: string; readonly thread: TopicId; readonly log_seq: number }
  /** In the index with a vector that cannot be compared. */
  | {
    readonly _tag: "BadVector"
    readonly id: string
    readonly fault: VectorFault
    readonly thread: TopicId
    readonly log_seq: number
  }

/**
 * STO5: every difference. `published` is what the logs publish, by point id; `readTo` is the seq up to which each
 * thread was read, and `existing` the threads that exist once the index was read: a point from behind `readTo` of an
 * existing thread was appended meanwhile, and is not judged.
 */
export const verifyConsistency = (
  published: ReadonlyMap<string, PublishedPoint>,
  readTo: ReadonlyMap<TopicId, number>,
  indexed: ReadonlyArray<IndexedPoint>,
  existing: ReadonlySet<TopicId>
): ReadonlyArray<Inconsistency> => {
  const indexedIds = new Set(indexed.map(({ id }) => id))
  return [
    ...indexed.flatMap((point): ReadonlyArray<Inconsistency> => {
      const expected = published.get(point.id)
      if (expected !== undefined) return comparePoint(point, expected)
      const wasAppendedLater = isBehindReading(point, readTo) && existing.has(point.thread)
      return wasAppendedLater ? [] : [{ _tag: "Orphan", id: point.id }]
    }),
    ...Array.from(published).flatMap(([id, { log_seq, thread }]): ReadonlyArray<Inconsistency> =>
      indexedIds.has(id) ? [] : [{ _tag: "Missing", id, thread, log_seq }]
    )
  ]
}

/** Whether the point comes from a part of its thread's log that was not read. */
export const isBehindReading = (
  { log_seq, thread }: PublishedPoint,
  readTo: ReadonlyMap<TopicId, number>
): boolean => log_seq > (readTo.get(thread) ?? 0)

const comparePoint = (
  { digest, fault, id }: IndexedPoint,
  { digest: expected, log_seq, thread }: PublishedPoint
): ReadonlyArray<Inconsistency> => {
  if (digest !== expected) return [{ _tag: "Stale", id, thread, log_seq }]
  return fault === undefined ? [] : [{ _tag: "BadVector", id, fault, thread, log_seq }]
}

/** The repair of a set of differences: points to delete first, then threads to index again after a seq. */
export interface RepairPlan {
  readonly deletions: ReadonlyArray<string>
  readonly reindexAfter: ReadonlyMap<TopicId, number>
}

/** STO5: the smallest repair of these differences. Points that are right already are stored again at most unchanged. */
export const repairConsistency = (inconsistencies: ReadonlyArray<Inconsistency>): RepairPlan => {
  const deletions: Array<string> = []
  const reindexAfter = new Map<TopicId, number>()
  for (const inconsistency of inconsistencies) {
    if (inconsistency._tag !== "Missing") deletions.push(inconsistency.id)
    if (inconsistency._tag === "Orphan") continue
    const { log_seq, thread } = inconsistency
    reindexAfter.set(thread, Math.min(log_seq - 1, reindexAfter.get(thread) ?? Infinity))
  }
  return { deletions, reindexAfter }
}
