/** What every engine refuses alike, before it does anything. */
import { Effect } from "effect"
import * as Vector from "../../domain/storage/Vector.ts"
import { VectorIndexError, type VectorIndexErrorReason, VectorRefused } from "../../services/VectorIndex.ts"

/** Fails with a reason of the engine seam. */
export const fail = (reason: typeof VectorIndexErrorReason.Type): Effect.Effect<never, VectorIndexError> =>
  Effect.fail(new VectorIndexError({ reason }))

/** The vectors normalised, or the first fault among them. */
export const normalised = (
  vectors: ReadonlyArray<Vector.Vector>,
  dimension: number
): Effect.Effect<ReadonlyArray<Vector.Vector>, VectorIndexError> => {
  for (const vector of vectors) {
    const fault = Vector.fault(vector, dimension)
    if (fault !== undefined) return fail(new VectorRefused({ fault }))
  }
  return Effect.succeed(vectors.map(Vector.normalise))
}
