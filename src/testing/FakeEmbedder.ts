/**
 * A deterministic embedding model: it hashes words into a few dimensions, so the same text always gives the same
 * vector. A control object records its calls and injects failures.
 */
import { Effect, Layer } from "effect"
import { AiError, EmbeddingModel } from "effect/ai"

/** Length of every vector. */
export const dimensions = 24

const embed = (text: string): Array<number> => {
  const vector = Array.from({ length: dimensions }, () => 0)
  for (const word of text.toLowerCase().match(/\w+/g) ?? []) {
    let hash = 7
    for (let i = 0; i < word.length; i++) hash = (Math.imul(hash, 31) + word.charCodeAt(i)) >>> 0
    vector[hash % dimensions]! += 1
  }
  return vector
}

/** A retryable failure of the provider. */
export const providerError: AiError.AiErrorReason = new AiError.InternalProviderError({ description: "down" })
/** A failure that is not retryable. */
export const invalidInputError: AiError.AiErrorReason = new AiError.InvalidUserInputError({ description: "no words" })

/** Records the calls of one embedder and injects its failures. */
export interface EmbedderControl {
  /** The inputs of every batch so far. */
  readonly calls: Array<ReadonlyArray<string>>
  /** The failure of a batch; undefined lets it succeed. */
  fail: (inputs: ReadonlyArray<string>) => AiError.AiErrorReason | undefined
  /** Replaces the vector of a text; undefined keeps it. */
  overrideVector: (input: string) => Array<number> | undefined
}

/** An embedder with its control, and the layer that provides it. */
export const make = (): {
  readonly control: EmbedderControl
  readonly layer: Layer.Layer<EmbeddingModel.EmbeddingModel | EmbeddingModel.Dimensions>
} => {
  const control: EmbedderControl = { calls: [], fail: () => undefined, overrideVector: () => undefined }
  const model = EmbeddingModel.make({
    embedMany: ({ inputs }) =>
      Effect.suspend(() => {
        control.calls.push(inputs)
        const reason = control.fail(inputs)
        return reason === undefined
          ? Effect.succeed({
            results: inputs.map((input) => control.overrideVector(input) ?? embed(input)),
            usage: { inputTokens: undefined }
          })
          : Effect.fail(AiError.make({ module: "test", method: "embedMany", reason }))
      })
  })
  return {
    control,
    layer: Layer.merge(
      Layer.effect(EmbeddingModel.EmbeddingModel, model),
      Layer.succeed(EmbeddingModel.Dimensions, dimensions)
    )
  }
}
