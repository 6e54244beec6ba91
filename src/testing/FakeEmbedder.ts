/** An embedder for tests: words counted into a few dimensions; the same text gives the same vector. It fails when told to. */
import { Effect, Layer } from "effect"
import { AiError, EmbeddingModel } from "effect/ai"

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

export const providerError: AiError.AiErrorReason = new AiError.InternalProviderError({ description: "down" })
export const invalidInputError: AiError.AiErrorReason = new AiError.InvalidUserInputError({ description: "no words" })

/** What a test sees and steers. */
export interface EmbedderControl {
  /** Every batch that was asked for. */
  readonly calls: Array<ReadonlyArray<string>>
  /** Answers a batch with a failure; undefined lets it through. */
  fail: (inputs: ReadonlyArray<string>) => AiError.AiErrorReason | undefined
  /** Replaces the vector of a text; undefined leaves it. */
  overrideVector: (input: string) => Array<number> | undefined
}

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
