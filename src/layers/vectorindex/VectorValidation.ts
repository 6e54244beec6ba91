/** The validation that all engines share, before any write or search (STO2, STO8). */
import { Effect } from "effect"
import * as Vector from "../../domain/search/Vector.ts"
import { VectorIndexError, type VectorIndexErrorReason, VectorRejected } from "../../services/VectorIndex.ts"

/** Fails with a reason of the vector index. */
export const failWith = (reason: typeof VectorIndexErrorReason.Type): Effect.Effect<never, VectorIndexError> =>
  Effect.fail(new VectorIndexError({ reason }))

/** Fails at the first vector that a collection of `dimension` cannot hold. */
export const requireValid = (
  vectors: ReadonlyArray<Vector.Vector>,
  dimension: number
): Effect.Effect<void, VectorIndexError> => {
  for (const vector of vectors) {
    const fault = Vector.findFault(vector, dimension)
    if (fault !== undefined) return failWith(new VectorRejected({ fault }))
  }
  return Effect.void
}
