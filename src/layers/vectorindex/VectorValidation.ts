/** What every engine refuses alike, before it does anything. */
import { Effect } from "effect"
import * as Vector from "../../domain/search/Vector.ts"
import { VectorIndexError, type VectorIndexErrorReason, VectorRejected } from "../../services/VectorIndex.ts"

/** Fails with a reason of the engine seam. */
export const failWith = (reason: typeof VectorIndexErrorReason.Type): Effect.Effect<never, VectorIndexError> =>
  Effect.fail(new VectorIndexError({ reason }))

/** The vectors normalised, or the first fault among them. */
export const validateAndNormalise = (
  vectors: ReadonlyArray<Vector.Vector>,
  dimension: number
): Effect.Effect<ReadonlyArray<Vector.Vector>, VectorIndexError> => {
  for (const vector of vectors) {
    const fault = Vector.findFault(vector, dimension)
    if (fault !== undefined) return failWith(new VectorRejected({ fault }))
  }
  return Effect.succeed(vectors.map(Vector.normalise))
}
