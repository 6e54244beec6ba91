/** Which of the nearest texts become a run's priors (CHO4). */
import type { Hit } from "../storage/VectorPoint.ts"

/** How many of the nearest are looked at, and how many are kept. */
export const candidates = 80
export const kept = 10

/**
 * The best, in the order they came in. Of identical texts the earliest stands
 * for all, and so it does where two threads have given a message the same id;
 * of one message only its best chunk is kept. Ids and texts of the result are each unique.
 */
export const choose = (hits: ReadonlyArray<Hit>): ReadonlyArray<Hit> =>
  collapse(collapse(hits, (hit) => hit.payload.content_hash), (hit) => hit.payload.message).slice(0, kept)

/** One hit per key, at the place of the first; the earliest of them, the first among equals. */
const collapse = (hits: ReadonlyArray<Hit>, key: (hit: Hit) => string): ReadonlyArray<Hit> => {
  const chosen = new Map<string, Hit>()
  for (const hit of hits) {
    const before = chosen.get(key(hit))
    if (before === undefined || hit.payload.created_at < before.payload.created_at) chosen.set(key(hit), hit)
  }
  return Array.from(chosen.values())
}
