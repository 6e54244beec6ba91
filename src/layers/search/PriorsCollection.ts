/** The collection that priors are in: one per embedding model and dimension. */
import { Effect, Layer } from "effect"
import { EmbeddingModel } from "effect/ai"
import { priorsCollectionName } from "../../domain/search/CollectionName.ts"
import { PriorsCollection } from "../../services/Database.ts"

/** The collection of the embedding model named `embedder`. Another model gets another one, filled from the logs (STO7). */
export const layer = (embedder: string): Layer.Layer<PriorsCollection, never, EmbeddingModel.Dimensions> =>
  Layer.effect(
    PriorsCollection,
    Effect.map(EmbeddingModel.Dimensions, (dimension) => ({
      name: priorsCollectionName(embedder, dimension),
      dimension,
      embedModel: embedder
    }))
  )
