/** Where priors are kept: one collection per embedding model and dimension. */
import { Effect, Layer } from "effect"
import { EmbeddingModel } from "effect/ai"
import { PriorsCollection } from "../../services/Database.ts"

/**
 * Named from a fixed alphabet, so that no engine meets a name it could
 * misunderstand. `embedder` names the embedding model: another model gets
 * another collection, which is then filled from the logs (STO7).
 */
export const layer = (embedder: string): Layer.Layer<PriorsCollection, never, EmbeddingModel.Dimensions> =>
  Layer.effect(
    PriorsCollection,
    Effect.map(EmbeddingModel.Dimensions, (dimension) => ({
      name: `priors-${dimension}-${embedder.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 100)}`,
      dimension,
      embedModel: embedder
    }))
  )
