/** Which of the nearest texts become a run's priors (CHO4). */
import type { Hit } from "./VectorPoint.ts"

/** How many of the nearest are looked at, and how many are kept. */
export const candidateLimit = 80
export const topK = 10

/**
 * The best, in the order they came in. Of identical texts the earliest stands
 * for all, and so it does where two threads have given a message the same id;
 * of one message only its best chunk is kept. Ids and texts of the result are each unique.
 */
export const selectTopK = (hits: ReadonlyArray<Hit>): ReadonlyArray<Hit> =>
  keepEarliest(keepEarliest(hits, (hit) => hit.payload.content_hash), (hit) => hit.payload.message).slice(0, topK)

/** One hit per key, at the place of the first; the earliest of them, the first among equals. */
const keepEarliest = (hits: ReadonlyArray<Hit>, key: (hit: Hit) => string): ReadonlyArray<Hit> => {
  const earliestByKey = new Map<string, Hit>()
  for (const hit of hits) {
    const existing = earliestByKey.get(key(hit))
    if (existing === undefined || hit.payload.created_at < existing.payload.created_at) earliestByKey.set(key(hit), hit)
  }
  return Array.from(earliestByKey.values())
}
