/**
 * The built-in embedder: words and their character trigrams hashed into a
 * vector of fixed length. Knows spelling, not meaning, and says so nowhere
 * else: whoever shows results names the model.
 *
 * The same text gives the same vector on every machine and in every version of
 * `modelName`; a change of the features needs a new name, so that stored
 * vectors are made again.
 */
import { Result, Schema } from "effect"
import * as Tokenizer from "../chorus/extractive/Tokenizer.ts"

/** Components of a vector. */
export const dimensions = 384

/** Names the features; part of every stored vector's identity. */
export const modelName = "hash-384-v1"

/** There is nothing in the text that could be embedded. Never answered with a zero vector, which is near to nothing. */
export class EmptyText extends Schema.TaggedError<EmptyText>()("EmptyText", {}) {
  override get message() {
    return "there is no text to embed"
  }
}

/** The vector of a text, of length 1. */
export const embed = (text: string): Result.Result<Array<number>, EmptyText> => {
  const counts = new Map<string, number>()
  const addFeature = (feature: string, weight: number) => counts.set(feature, (counts.get(feature) ?? 0) + weight)
  for (const word of featureWords(text)) {
    // Filler words tell texts apart only where there is nothing else.
    const weight = Tokenizer.stopWords.has(word) ? 0.05 : 1
    addFeature(`w:${Tokenizer.stem(word)}`, weight)
    const padded = `^${word}$`
    for (let i = 0; i + 3 <= padded.length; i++) addFeature(`t:${padded.slice(i, i + 3)}`, weight * 0.2)
  }
  const vector = Array.from({ length: dimensions }, () => 0)
  for (const [feature, weight] of counts) {
    const hash = fnv1a(feature)
    const component = hash % dimensions
    // A word said often counts more, but not in proportion.
    vector[component] = (vector[component] ?? 0) +
      (hash & 0x8000_0000 ? -1 : 1) * (weight > 1 ? 1 + Math.log(weight) : weight)
  }
  const norm = Math.hypot(...vector)
  return norm > 1e-9 ? Result.succeed(vector.map((x) => x / norm)) : Result.fail(new EmptyText())
}

/** Words, or for texts without letters and digits their single characters. */
const featureWords = (text: string): ReadonlyArray<string> => {
  const words = Tokenizer.tokenize(text)
  return words.length > 0 ? words : [...text.replaceAll(/\s+/g, "")]
}

const fnv1a = (text: string): number => {
  let hash = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  // FNV's high bits mix badly for short texts; the sign and the place need them.
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b_3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
